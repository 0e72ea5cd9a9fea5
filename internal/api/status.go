package api

import (
	"context"
	"errors"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

type statusInput struct {
	JobID string `query:"job_id" required:"true" doc:"The id that create-job returned"`
}

type statusOutput struct{ Body githubjobs.Job }

// jobStatus answers from the projection alone.
func (a *api) jobStatus(ctx context.Context, in *statusInput) (*statusOutput, error) {
	if in.JobID == "" {
		return nil, problem.New(problem.MissingField, "job_id is missing; ask for /api/jobs/status?job_id=… with the id that create-job returned.").OfField("job_id")
	}
	// A text that can be no id names no job, and is answered as such: for a caller
	// who polls, both mean the same.
	if !githubjobs.ValidID(in.JobID) {
		return nil, problem.New(problem.JobNotFound, "There is no job %q. %s", shown(in.JobID), idHelp(in.JobID)).OfField("job_id")
	}
	facts, err := a.Jobs.Facts(ctx, a.Project, in.JobID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, problem.New(problem.JobNotFound, "There is no job %q.", in.JobID).OfField("job_id")
	}
	if err != nil {
		a.log(ctx).Error("reading the status of a job", "job_id", in.JobID, "error", err)
		return nil, problem.New(problem.StatusFailed, "Failed to get job status")
	}
	return &statusOutput{Body: githubjobs.Reduce(facts, a.Now())}, nil
}

func idHelp(s string) string {
	if id, ok := githubjobs.ParseBranch(s); ok {
		return "That is the name of its branch; the id is " + id + "."
	}
	return "An id has 1 to 63 of the characters a–z, 0–9 and '-'."
}

// shown cuts a text of the caller's that is repeated to him.
func shown(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}
