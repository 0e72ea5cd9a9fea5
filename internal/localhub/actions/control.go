package actions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Cancel asks for the end of a run in the name of a user. With force, steps and jobs that say always() are not waited for. ErrCompleted when the run
// has ended, ErrZombie when nothing can end it, ErrNotFound when there is none.
func (e *Engine) Cancel(runID, userID int64, force bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	live, ok := e.live[runID]
	if !ok {
		return e.notLive(runID)
	}
	return e.cancel(live, userID, force)
}

// notLive tells why there is nothing to cancel.
func (e *Engine) notLive(runID int64) error {
	err := ErrNotFound
	e.cfg.DB.View(func(tx *state.Tx) {
		if run, ok := tx.Runs.Get(runID); ok && run.Zombie {
			err = ErrZombie
		} else if ok {
			err = ErrCompleted
		}
	})
	return err
}

// cancel stops a run. The caller holds mu.
func (e *Engine) cancel(live *liveRun, userID int64, force bool) error {
	live.cancelled, live.forced, live.pending = true, live.forced || force, false
	err := e.cfg.DB.Update(func(tx *state.Tx) error {
		if run, ok := tx.Runs.Get(live.id); ok {
			run.CancelledBy = userID
			tx.Runs.Put(run)
		}
		return nil
	})
	for _, job := range slices.Clone(live.jobs) {
		if force || !live.file.Job(job.key).RunsWhenCancelled() {
			err = errors.Join(err, e.stop(job, force))
		}
	}
	return errors.Join(err, e.advance(live))
}

// Rerun starts another attempt of a completed run in the name of a user: of all jobs, or with onlyFailed of those that did not succeed and what needs
// them. A run that waited for approval starts so, too. ErrNotCompleted, ErrNotFound, ErrBroken.
func (e *Engine) Rerun(ctx context.Context, runID, userID int64, onlyFailed bool) error {
	return e.rerun(ctx, runID, userID, func(jobs []state.Job, id string) bool {
		need := needOf(jobs, id)
		return !onlyFailed || need.Result != executor.Success
	})
}

// RerunJob starts another attempt of one job and of what needs it.
func (e *Engine) RerunJob(ctx context.Context, jobID, userID int64) error {
	var job state.Job
	e.cfg.DB.View(func(tx *state.Tx) { job, _ = tx.Jobs.Get(jobID) })
	if job.ID == 0 {
		return ErrNotFound
	}
	return e.rerun(ctx, job.RunID, userID, func(_ []state.Job, id string) bool { return id == job.JobID })
}

func (e *Engine) rerun(ctx context.Context, runID, userID int64, chosen func(jobs []state.Job, id string) bool) error {
	var run state.Run
	e.cfg.DB.View(func(tx *state.Tx) { run, _ = tx.Runs.Get(runID) })
	if run.ID == 0 {
		return ErrNotFound
	}
	file, err := e.fileOf(ctx, run)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	live := &liveRun{id: run.ID, repositoryID: run.RepositoryID, group: run.Group, file: file}
	err = e.transition(func(tx *state.Tx) ([]event.Event, error) {
		run, ok := tx.Runs.Get(runID)
		if !ok {
			return nil, ErrNotFound
		}
		if run.Status != "completed" {
			return nil, ErrNotCompleted
		}
		live.waiting = chooseJobs(file, latestJobs(tx, run.ID, run.Attempt), chosen)
		run = e.nextAttempt(run, userID)
		tx.Runs.Put(run)
		setSuite(tx, run)
		return []event.Event{runEvent(tx, run, "requested")}, nil
	})
	if err != nil {
		return err
	}
	return e.admit(live, false)
}

// nextAttempt keeps the attempt that was and begins the next one.
func (e *Engine) nextAttempt(run state.Run, userID int64) state.Run {
	now := e.now()
	if run.Conclusion != actionRequired { // it has not run yet
		run.Previous = append(slices.Clone(run.Previous), state.Attempt{Attempt: run.Attempt, Status: run.Status, Conclusion: run.Conclusion,
			TriggerID: run.TriggerID, StartedAt: run.StartedAt, UpdatedAt: run.UpdatedAt})
		run.Attempt++
	}
	run.Status, run.Conclusion, run.TriggerID, run.CancelledBy = "queued", "", userID, 0
	run.StartedAt, run.UpdatedAt = now, now
	return run
}

// chooseJobs returns the jobs to run again: the chosen, and those that need them.
func chooseJobs(file *workflow.File, jobs []state.Job, chosen func([]state.Job, string) bool) []workflow.Job {
	again := map[string]bool{}
	for range file.Jobs { // needs may stand before what they name
		for _, job := range file.Jobs {
			again[job.ID] = again[job.ID] || chosen(jobs, job.ID) || slices.ContainsFunc(job.Needs, func(id string) bool { return again[id] })
		}
	}
	return slices.DeleteFunc(slices.Clone(file.Jobs), func(job workflow.Job) bool { return !again[job.ID] })
}

// Delete removes a completed run with its jobs and logs. ErrNotCompleted, ErrNotFound.
func (e *Engine) Delete(runID int64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	err := e.transition(func(tx *state.Tx) ([]event.Event, error) {
		run, ok := tx.Runs.Get(runID)
		switch {
		case !ok:
			return nil, ErrNotFound
		case run.Status != "completed":
			return nil, ErrNotCompleted
		}
		for _, job := range slices.Collect(tx.Jobs.Of(runID)) {
			tx.Jobs.Delete(job.ID)
			tx.CheckRuns.Delete(job.ID)
		}
		tx.CheckSuites.Delete(run.SuiteID)
		tx.Runs.Delete(runID)
		return nil, nil
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(e.logFile(runID, 0)))
}

// DeleteLogs removes the logs of a completed run. ErrNotCompleted, ErrNotFound.
func (e *Engine) DeleteLogs(runID int64) error {
	err := ErrNotFound
	e.cfg.DB.View(func(tx *state.Tx) {
		if run, ok := tx.Runs.Get(runID); ok && run.Status == "completed" {
			err = nil
		} else if ok {
			err = ErrNotCompleted
		}
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(e.logFile(runID, 0)))
}
