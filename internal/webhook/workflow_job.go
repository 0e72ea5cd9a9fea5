package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// progress is what a job of a workflow tells of its run: that a runner has taken it,
// or that it waits for a person.
type progress struct {
	of      githubjobs.Name // our job
	run     int64
	attempt int
	status  string // in_progress or waiting
}

// workflowJob reads that a run got on. The event does not tell whose run it is: a pull
// request from a fork may have a branch of the same name and a workflow of the same
// name. So it counts only for a run that a workflow_run, or a read of GitHub, has
// shown to be ours. That a job has ended does not mean that its run has.
func (r *Receiver) workflowJob(d store.Delivery) (reading, error) {
	var e github.WorkflowJobEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	job := e.GetWorkflowJob()
	of, ok := githubjobs.ParseBranch(job.GetHeadBranch())
	if !ok {
		return nothing("not for us: a job of branch %q", job.GetHeadBranch()), nil
	}
	if status := job.GetStatus(); status != "in_progress" && status != "waiting" {
		return nothing("not for us: a workflow job is %s; its run tells more", status), nil
	}
	return reading{progress: &progress{of: of, run: job.GetRunID(), attempt: int(max(job.GetRunAttempt(), 1)), status: job.GetStatus()}}, nil
}

// vouched turns progress into a fact if the store knows the attempt as the job's, and
// as one that nobody has taken yet. All else of the fact, its time too, stays as it
// was: whatever the run itself tells later wins.
func (r *Receiver) vouched(ctx context.Context, p progress) (reading, error) {
	f, err := r.Store.Facts(ctx, r.Project, p.of.ID)
	if errors.Is(err, store.ErrDamaged) { // trying again would not help
		return nothing("not understood: %v", err), nil
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return reading{}, err
	}
	f = f.Of(p.of.Attempt)
	i := slices.IndexFunc(f.Runs, func(run githubjobs.RunFact) bool { return run.ID == p.run && run.Attempt == p.attempt })
	if i < 0 {
		return nothing("not for us: run %d, attempt %d, is not known as one of job %s", p.run, p.attempt, p.of), nil
	}
	run := f.Runs[i]
	if run.Status == "completed" || run.Status == "in_progress" || run.Status == p.status {
		return nothing("job %s: run %d is known to be %s", p.of, run.ID, run.Status), nil
	}
	run.Status = p.status
	outcome := fmt.Sprintf("job %s: run %d, attempt %d: %s, by its job", p.of, run.ID, run.Attempt, run.Status)
	return reading{facts: []githubjobs.Facts{p.of.Facts(githubjobs.Facts{Runs: []githubjobs.RunFact{run}})}, outcome: outcome}, nil
}
