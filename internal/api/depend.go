package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// DependencyRequest is what a caller says of the jobs that come before one.
type DependencyRequest struct {
	DependsOn           []string                    `json:"depends_on,omitempty" doc:"Ids of the jobs that must be done before this one is pushed: merged, or completed and not skipped. In a batch, other jobs of it are named by their name or by their place: #0 is the first job, #1 the second, and so on" maxItems:"100"`
	OnDependencyFailure githubjobs.DependencyPolicy `json:"on_dependency_failure,omitempty" doc:"What becomes of the job when one of these fails: it fails too, as dependency_failed (fail), or is completed, as skipped (skip)" enum:"fail,skip" default:"fail"`
}

// word reads a text that says something.
func word[T ~string](raw json.RawMessage, into *T) error {
	err := text(raw, into)
	if err == nil && *into == "" {
		err = errors.New("is empty; give a value, or leave it out")
	}
	return err
}

// readSoon is when it is worth to ask again for a job that GitHub may know.
const readSoon = 5 * time.Second

// dependencyProblem says on which job that there is not the specs depend, in answer to a
// request that creates what.
func (a *api) dependencyProblem(what string, err error) *problem.Error {
	id := ""
	if e, ok := errors.AsType[*store.DependencyError](err); ok {
		id = e.ID
	}
	if !a.Read() { // the database is new, or was lost
		return problem.New(problem.DependencyUnknown, "The %s was not created: it depends on the job %q, and the server has not read yet which jobs GitHub knows; GET /readyz says how it gets on. Try again.", what, id).OfField("depends_on").After(readSoon)
	}
	return problem.New(problem.DependencyNotFound, "The %s was not created: it depends on the job %q, and there is none. Create that one first, and name the job_id that the answer gives.", what, id).OfField("depends_on")
}

// batchDependencyProblem names the entry too.
func (a *api) batchDependencyProblem(b *batchRequest, err error) *problem.Error {
	p := a.dependencyProblem("batch", err)
	e, ok := errors.AsType[*store.DependencyError](err)
	if i := slices.IndexFunc(b.specs, func(s githubjobs.Spec) bool { return ok && slices.Contains(s.DependsOn, e.ID) }); i >= 0 {
		p.Field = b.at(i) + ".depends_on"
	}
	return p
}

// mostOfCircle is how many jobs of a circle are named.
const mostOfCircle = 10

// circle says which jobs of the batch wait for each other; nil when none do.
func (b *batchRequest) circle() error {
	circle := githubjobs.Cycle(b.specs)
	if circle == nil {
		return nil
	}
	index := map[string]int{}
	for i, s := range b.specs {
		index[s.ID] = i
	}
	var names []string
	for _, id := range circle[:min(len(circle), mostOfCircle)] {
		names = append(names, b.called(index[id]))
	}
	way := strings.Join(names, " → ")
	if len(circle) > mostOfCircle {
		way += fmt.Sprintf(" → … → %s, %d jobs in all", names[0], len(circle)-1)
	}
	return problem.New(problem.InvalidField, "These jobs wait for each other, each for the next one, so that none could ever begin: %s. Take one of these dependencies away.", way).OfField(b.at(index[circle[0]]) + ".depends_on")
}
