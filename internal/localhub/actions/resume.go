package actions

import (
	"context"
	"errors"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// resume continues after a start: runs that were in progress have lost their runner, others are queued again. The caller holds mu.
func (e *Engine) resume(ctx context.Context) error {
	if err := e.clean(); err != nil {
		return err
	}
	var errs []error
	for _, run := range e.open() {
		if run.Status == "in_progress" {
			errs = append(errs, e.lose(run))
			continue
		}
		errs = append(errs, e.requeue(ctx, run))
	}
	return errors.Join(errs...)
}

// open are the runs that are not completed and can be, oldest first.
func (e *Engine) open() (runs []state.Run) {
	e.cfg.DB.View(func(tx *state.Tx) {
		runs = slices.DeleteFunc(tx.Runs.All(), func(r state.Run) bool { return r.Status == "completed" || r.Zombie })
	})
	return runs
}

// requeue makes a run that was queued live again, with the jobs that were queued.
func (e *Engine) requeue(ctx context.Context, run state.Run) error {
	file, err := e.fileOf(ctx, run)
	if err != nil {
		e.cfg.Log.Error("queued run can't be started", "run", run.ID, "error", err)
		return e.lose(run)
	}
	live := &liveRun{id: run.ID, repositoryID: run.RepositoryID, group: run.Group, file: file, cancelled: run.CancelledBy != 0}
	var jobs []state.Job
	e.cfg.DB.View(func(tx *state.Tx) { jobs = slices.Collect(tx.Jobs.Of(run.ID)) })
	known := func(job workflow.Job) bool {
		return slices.ContainsFunc(jobs, func(j state.Job) bool {
			return j.JobID == job.ID && (j.Attempt == run.Attempt || j.Conclusion == executor.Success)
		})
	}
	live.waiting = slices.DeleteFunc(slices.Clone(file.Jobs), known)
	for _, job := range jobs {
		if job.Status == "completed" {
			continue
		}
		context, err := e.jobContext(live, file.Job(job.JobID))
		if err != nil {
			return err
		}
		x, err := context.Expand()
		if err != nil {
			return err
		}
		e.queue = append(e.queue, e.newLiveJob(live, job.ID, job.JobID, x))
	}
	return e.admit(live, false)
}
