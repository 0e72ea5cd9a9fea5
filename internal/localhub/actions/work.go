package actions

import (
	"errors"
	"maps"
	"os"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// work is one runner doing one job.
func (e *Engine) work(live *liveJob, runner int64) {
	job, permissions, err := e.take(live, runner)
	if err != nil {
		e.cfg.Log.Error("job not started", "job", live.id, "error", err)
	}
	var result executor.Result
	var log *record
	if err == nil {
		log, err = e.record(live)
	}
	if err == nil {
		job.Notes = notes(permissions, live.run.file.Job(live.key))
		runner := e.mortal(live, log)
		result = executor.Run(live.hard, job, executor.Control{Cancel: live.soft, Grace: e.cfg.Grace}, runner)
		err = log.close()
		if lost, reason, died := runner.lost(); died {
			result, err = lost, reason
		}
	}
	if err != nil {
		result = executor.Result{Conclusion: executor.Failure}
	}
	e.oidc.forget(live.id)
	e.finish(live, runner, result, log, err)
	if err := os.RemoveAll(e.workDir(live.id)); err != nil {
		e.cfg.Log.Warn("job's directory not removed", "error", err)
	}
}

// take starts a job on a runner: its token is made, and all are told.
func (e *Engine) take(live *liveJob, runner int64) (job executor.Job, permissions map[string]string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	spec := live.run.file.Job(live.key)
	if job, err = e.jobContext(live.run, spec); err != nil {
		return job, nil, err
	}
	job.Dir, job.RunnerName = e.workDir(live.id), runnerName(runner)
	err = e.transition(func(tx *state.Tx) ([]event.Event, error) {
		run, ok := tx.Runs.Get(live.run.id)
		record, found := tx.Jobs.Get(live.id)
		if !ok || !found {
			return nil, ErrNotFound
		}
		job.Name, job.Matrix = record.Name, record.Matrix
		repo, _ := tx.Repositories.Get(run.RepositoryID)
		permissions = live.run.file.TokenPermissions(spec, repo.Actions.DefaultPermissions)
		job.Token = tx.NewToken(e.runToken(run, record, permissions))
		return e.begin(tx, run, record, runner, job)
	})
	if permissions["id_token"] == "write" {
		job.Env = e.oidc.grant(e.claims(live, spec, job.GitHub))
	}
	return job, permissions, err
}

// runToken is the GITHUB_TOKEN of one job.
func (e *Engine) runToken(run state.Run, job state.Job, permissions map[string]string) state.Token {
	permissions = maps.Clone(permissions)
	delete(permissions, "id_token") // not of the API
	return state.Token{
		Kind: state.TokenRun, UserID: e.cfg.BotID, RepositoryIDs: []int64{run.RepositoryID}, Permissions: permissions, RunID: run.ID, JobID: job.ID,
		CreatedAt: e.now(), ExpiresAt: e.now().AddDate(0, 0, 1),
	}
}

// begin marks a job, and with the first one its run, as in progress.
func (e *Engine) begin(tx *state.Tx, run state.Run, job state.Job, runner int64, spec executor.Job) ([]event.Event, error) {
	now := e.now()
	job.Status, job.StartedAt, job.RunnerID, job.RunnerName = "in_progress", now, runner, runnerName(runner)
	names, err := spec.Steps()
	if err != nil {
		return nil, err
	}
	job.Steps = nil
	for i, name := range names {
		job.Steps = append(job.Steps, state.Step{Number: i + 1, Name: name, Status: "queued"})
	}
	tx.Jobs.Put(job)
	check, _ := tx.CheckRuns.Get(job.ID)
	check.Status, check.StartedAt = "in_progress", now
	tx.CheckRuns.Put(check)
	fresh := run.Status != "in_progress"
	if fresh {
		run.Status, run.UpdatedAt = "in_progress", now
		tx.Runs.Put(run)
		setSuite(tx, run)
	}
	events := e.jobEvents(tx, job, "in_progress")
	if fresh {
		events = append(events, runEvent(tx, run, "in_progress"))
	}
	return events, nil
}

// finish concludes a job and lets the run go on. When the process is about to end, nothing is recorded: the next start finds the job lost.
func (e *Engine) finish(live *liveJob, runner int64, result executor.Result, log *record, failure error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.free = append(e.free, runner)
	if e.ctx.Err() != nil {
		return
	}
	e.done(live)
	err := e.transition(func(tx *state.Tx) ([]event.Event, error) {
		return e.conclusion(tx, live.id, result, log, failure), nil
	})
	if result.Conclusion == executor.Failure && live.failFast {
		err = errors.Join(err, e.stopMatrix(live))
	}
	if err = errors.Join(err, e.advance(live.run)); err != nil {
		e.cfg.Log.Error("job's end not recorded", "job", live.id, "error", err)
	}
}

// conclusion records how a job ended, and takes its token back.
func (e *Engine) conclusion(tx *state.Tx, id int64, result executor.Result, log *record, failure error) []event.Event {
	job, ok := tx.Jobs.Get(id)
	if !ok {
		return nil // the run was deleted
	}
	now := e.now()
	job.Status, job.Conclusion, job.CompletedAt, job.Outputs = "completed", result.Conclusion, now, result.Outputs
	check, _ := tx.CheckRuns.Get(id)
	if log != nil {
		job.Steps, job.Summary, check.Annotations = log.steps, log.summary, log.annotations
	}
	if failure != nil {
		check.Annotations = append(slices.Clone(check.Annotations), state.Annotation{Path: ".github", Level: "failure", Message: failure.Error()})
	}
	if job.StartedAt.IsZero() {
		job.StartedAt = now
	}
	check.Status, check.Conclusion, check.CompletedAt = "completed", job.Conclusion, now
	tx.Jobs.Put(job)
	tx.CheckRuns.Put(check)
	for _, token := range slices.Collect(tx.Tokens.Of(job.RunID)) {
		if token.JobID == id {
			tx.Tokens.Delete(token.ID)
		}
	}
	return e.jobEvents(tx, job, "completed")
}

// stopMatrix cancels the other jobs of a matrix of which one has failed.
func (e *Engine) stopMatrix(failed *liveJob) error {
	var errs []error
	for _, other := range slices.Clone(failed.run.jobs) {
		if other.key == failed.key {
			errs = append(errs, e.stop(other, false))
		}
	}
	return errors.Join(errs...)
}

// stop cancels a job: one that runs is told, one that waits is concluded. The caller holds mu.
func (e *Engine) stop(job *liveJob, force bool) error {
	if job.started {
		job.cancel()
		if force {
			job.kill()
		}
		return nil
	}
	e.done(job)
	return e.transition(func(tx *state.Tx) ([]event.Event, error) {
		return e.conclusion(tx, job.id, executor.Result{Conclusion: executor.Cancelled}, nil, nil), nil
	})
}

// conclude completes a run of which all jobs are done, and lets the next of its concurrency group start.
func (e *Engine) conclude(live *liveRun) error {
	delete(e.live, live.id)
	err := e.transition(func(tx *state.Tx) ([]event.Event, error) {
		run, ok := tx.Runs.Get(live.id)
		if !ok {
			return nil, nil // deleted meanwhile
		}
		return e.complete(tx, run, runConclusion(run, latestJobs(tx, run.ID, run.Attempt))), nil
	})
	return errors.Join(err, e.release(live))
}

func runConclusion(run state.Run, jobs []state.Job) string {
	conclusion := executor.Skipped
	for _, j := range jobs {
		conclusion = worst(conclusion, outcome(j))
		if run.CancelledBy != 0 && j.Conclusion == executor.Cancelled {
			return executor.Cancelled
		}
	}
	return conclusion
}

// complete records the end of a run.
func (e *Engine) complete(tx *state.Tx, run state.Run, conclusion string) []event.Event {
	run.Status, run.Conclusion, run.UpdatedAt = "completed", conclusion, e.now()
	tx.Runs.Put(run)
	setSuite(tx, run)
	events := []event.Event{runEvent(tx, run, "completed")}
	if suite, ok := tx.CheckSuites.Get(run.SuiteID); ok {
		events = append(events, event.CheckSuite{Base: eventBase(tx, run), Action: "completed", Suite: suite})
	}
	return events
}

// setSuite keeps a run's check suite in step with it.
func setSuite(tx *state.Tx, run state.Run) {
	if suite, ok := tx.CheckSuites.Get(run.SuiteID); ok {
		suite.Status, suite.Conclusion, suite.UpdatedAt = run.Status, run.Conclusion, run.UpdatedAt
		tx.CheckSuites.Put(suite)
	}
}

// notes tell in the log what the token may do, as GitHub does, and what of the job is not heeded.
func notes(permissions map[string]string, spec workflow.Job) []string {
	notes := []string{"##[group]GITHUB_TOKEN Permissions"}
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		notes = append(notes, workflow.PermissionTitle(name)+": "+permissions[name])
	}
	notes = append(notes, "##[endgroup]")
	if spec.Concurrency != nil {
		notes = append(notes, "##[warning]concurrency of a single job is not heeded here; that of the workflow is")
	}
	return notes
}
