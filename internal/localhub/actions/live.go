package actions

import (
	"context"
	"fmt"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// liveRun is a run that is not completed.
type liveRun struct {
	id           int64
	repositoryID int64
	group        string
	file         *workflow.File
	pending      bool           // waits for another run of its concurrency group
	waiting      []workflow.Job // not expanded yet: what they need is not done
	jobs         []*liveJob     // not completed
	cancelled    bool
	forced       bool // cancelled without regard to always()
}

// liveJob is a job that is queued or in progress.
type liveJob struct {
	id       int64
	key      string // in the workflow file
	run      *liveRun
	failFast bool
	parallel int // how many of its matrix may run at once; 0: any number
	started  bool
	soft     context.Context // done: cancelled
	cancel   context.CancelFunc
	hard     context.Context // done: killed
	kill     context.CancelFunc
}

func (e *Engine) newLiveJob(run *liveRun, id int64, key string, x executor.Expansion) *liveJob {
	j := &liveJob{id: id, key: key, run: run, failFast: x.FailFast, parallel: x.MaxParallel}
	j.soft, j.cancel = context.WithCancel(context.Background())
	j.hard, j.kill = context.WithCancel(e.ctx)
	run.jobs = append(run.jobs, j)
	return j
}

// busy tells whether jobs of this key are yet to be done.
func (r *liveRun) busy(key string) bool {
	return slices.ContainsFunc(r.jobs, func(j *liveJob) bool { return j.key == key }) ||
		slices.ContainsFunc(r.waiting, func(j workflow.Job) bool { return j.ID == key })
}

// ready takes the next job whose needs are done out of those that wait.
func (r *liveRun) ready() (workflow.Job, bool) {
	i := slices.IndexFunc(r.waiting, func(j workflow.Job) bool { return !slices.ContainsFunc(j.Needs, r.busy) })
	if i < 0 {
		return workflow.Job{}, false
	}
	job := r.waiting[i]
	r.waiting = slices.Delete(slices.Clone(r.waiting), i, i+1)
	return job, true
}

// advance queues the jobs of a run that can go on, and concludes the run when nothing is left. The caller holds mu.
func (e *Engine) advance(run *liveRun) error {
	defer e.dispatch() // Also where the run has ended: its runner is free for another one.
	for !run.pending {
		job, ok := run.ready()
		if !ok {
			break
		}
		if err := e.queueJob(run, job); err != nil {
			return err
		}
	}
	if !run.pending && len(run.jobs)+len(run.waiting) == 0 {
		return e.conclude(run)
	}
	return nil
}

// queueJob expands a job and queues what comes of it; or concludes it, when its `if` says no or it can't be evaluated.
func (e *Engine) queueJob(run *liveRun, job workflow.Job) error {
	context, err := e.jobContext(run, job)
	if err != nil {
		return err
	}
	if run.forced || run.cancelled && !job.RunsWhenCancelled() {
		return e.settle(run, job, executor.Cancelled, executor.Expanded{Name: job.ID}, nil)
	}
	x, err := context.Expand()
	if err != nil {
		return e.settle(run, job, executor.Failure, executor.Expanded{Name: job.ID}, err)
	}
	if !x.Enabled {
		return e.settle(run, job, executor.Skipped, x.Jobs[0], nil)
	}
	return e.transition(func(tx *state.Tx) ([]event.Event, error) {
		var events []event.Event
		for _, one := range x.Jobs {
			record, check := e.newJob(tx, run, job, one)
			tx.Jobs.Put(record)
			tx.CheckRuns.Put(check)
			live := e.newLiveJob(run, record.ID, job.ID, x)
			e.queue = append(e.queue, live)
			events = append(events, e.jobEvents(tx, record, "queued")...)
		}
		return events, nil
	})
}

// settle records a job that does not run.
func (e *Engine) settle(run *liveRun, job workflow.Job, conclusion string, one executor.Expanded, reason error) error {
	return e.transition(func(tx *state.Tx) ([]event.Event, error) {
		record, check := e.newJob(tx, run, job, one)
		now := e.now()
		record.Status, record.Conclusion, record.StartedAt, record.CompletedAt = "completed", conclusion, now, now
		check.Status, check.Conclusion, check.StartedAt, check.CompletedAt = "completed", conclusion, now, now
		if reason != nil {
			check.Annotations = []state.Annotation{{Path: run.file.Path, StartLine: 1, EndLine: 1, Level: "failure", Message: reason.Error()}}
		}
		tx.Jobs.Put(record)
		tx.CheckRuns.Put(check)
		return e.jobEvents(tx, record, "completed"), nil
	})
}

// newJob makes the records of a job. A job's id is that of its check run.
func (e *Engine) newJob(tx *state.Tx, live *liveRun, job workflow.Job, one executor.Expanded) (state.Job, state.CheckRun) {
	run, _ := tx.Runs.Get(live.id)
	now := e.now()
	record := state.Job{
		ID: tx.CheckRuns.NextID(), RepositoryID: run.RepositoryID, RunID: run.ID, Attempt: run.Attempt, JobID: job.ID, Name: one.Name,
		Needs: job.Needs, Labels: one.Labels, Status: "queued", CreatedAt: now, Matrix: one.Matrix, ContinueOnError: one.ContinueOnError,
	}
	return record, state.CheckRun{
		ID: record.ID, RepositoryID: run.RepositoryID, SuiteID: run.SuiteID, JobID: record.ID, Name: record.Name, HeadSHA: run.HeadSHA,
		Status: "queued", StartedAt: now,
	}
}

// jobEvents are what is told of a job: workflow_job, and check_run when it is created or completed.
func (e *Engine) jobEvents(tx *state.Tx, job state.Job, action string) []event.Event {
	run, _ := tx.Runs.Get(job.RunID)
	base := eventBase(tx, run)
	events := []event.Event{event.WorkflowJob{Base: base, Action: action, Run: run, Job: job}}
	check, _ := tx.CheckRuns.Get(job.ID)
	switch action {
	case "queued":
		return append([]event.Event{event.CheckRun{Base: base, Action: "created", Run: check}}, events...)
	case "completed":
		return append(events, event.CheckRun{Base: base, Action: "completed", Run: check})
	}
	return events
}

func eventBase(tx *state.Tx, run state.Run) event.Base {
	repo, _ := tx.Repositories.Get(run.RepositoryID)
	sender, _ := tx.Users.Get(run.TriggerID)
	return event.Base{Repository: repo, Sender: sender}
}

func runEvent(tx *state.Tx, run state.Run, action string) event.Event {
	w, _ := tx.Workflows.Get(run.WorkflowID)
	return event.WorkflowRun{Base: eventBase(tx, run), Action: action, Run: run, Workflow: w}
}

// dispatch gives queued jobs to free runners. The caller holds mu.
func (e *Engine) dispatch() {
	if e.ctx == nil || e.ctx.Err() != nil {
		return // not running: the queue is found again at the next start
	}
	for len(e.free) > 0 {
		i := slices.IndexFunc(e.queue, (*liveJob).mayStart)
		if i < 0 {
			return
		}
		job, runner := e.queue[i], e.free[0]
		e.queue, e.free = slices.Delete(e.queue, i, i+1), e.free[1:]
		job.started = true
		e.running.Go(func() { e.work(job, runner) })
	}
}

// mayStart tells whether max-parallel lets the job start.
func (j *liveJob) mayStart() bool {
	running := 0
	for _, other := range j.run.jobs {
		if other.key == j.key && other.started {
			running++
		}
	}
	return j.parallel == 0 || running < j.parallel
}

// done removes a job from its run and from the queue.
func (e *Engine) done(job *liveJob) {
	same := func(j *liveJob) bool { return j == job }
	job.run.jobs = slices.DeleteFunc(job.run.jobs, same)
	e.queue = slices.DeleteFunc(e.queue, same)
	job.cancel()
	job.kill()
}

func runnerName(id int64) string { return fmt.Sprintf("localhub-%d", id) }
