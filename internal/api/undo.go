package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/gatekeeper"
)

// Undone says what takes back the merge of a job.
type Undone struct {
	JobID   string          `json:"job_id"`
	Undo    githubjobs.Undo `json:"undo"`
	Message string          `json:"message"`
}

type undoOutput struct {
	Status int
	Body   Undone
}

// undoJob opens the pull request that takes back what a job has merged: 201 when this call has
// opened it, 200 when it was there.
func (a *api) undoJob(ctx context.Context, in *controlInput) (*undoOutput, error) {
	if err := readNothing(in.body); err != nil {
		return nil, err
	}
	f, p := a.facts(ctx, in.JobID)
	if p != nil {
		return nil, p
	}
	u, err := a.Gate.Undo(ctx, f)
	if err != nil {
		return nil, a.undoProblem(ctx, githubjobs.Reduce(f, a.Now()), err)
	}
	out := &undoOutput{Status: http.StatusOK, Body: Undone{JobID: f.ID, Undo: u.Undo, Message: "It is merged: what the job has brought is taken back."}}
	if u.Opened {
		out.Status = http.StatusCreated
	}
	if !u.Merged {
		out.Body.Message = "It is not merged: " + strings.TrimSuffix(u.Why, ".") + "."
	}
	return out, nil
}

// maxNamed bounds how many files of a conflict are named.
const maxNamed = 20

func (a *api) undoProblem(ctx context.Context, j githubjobs.Job, err error) *problem.Error {
	conflict, isConflict := errors.AsType[*hub.ConflictError](err)
	switch {
	case errors.Is(err, gatekeeper.ErrNotMerged):
		return problem.New(problem.NotMerged, "There is nothing to take back: the job is %s (%s). Only a job that is merged can be undone.", j.Status, j.Reason)
	case isConflict:
		paths := conflict.Paths
		if len(paths) > maxNamed {
			paths = append(paths[:maxNamed:maxNamed], "…")
		}
		return problem.New(problem.UndoConflict, "What the job has merged was changed since: %s. Take it back by hand, with git revert %s.", strings.Join(paths, ", "), j.Evidence.MergeSHA)
	case errors.Is(err, hub.ErrUndone):
		return problem.New(problem.NothingToUndo, "Nothing of what the job has merged is left on the base branch.")
	case errors.Is(err, hub.ErrStranger):
		return problem.New(problem.UndoConflict, "%s", hub.Public(err))
	}
	return a.gateProblem(ctx, j.ID, err)
}
