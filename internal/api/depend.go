package api

import (
	"encoding/json"
	"errors"

	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// word reads a text that says something.
func word[T ~string](raw json.RawMessage, into *T) error {
	err := text(raw, into)
	if err == nil && *into == "" {
		err = errors.New("is empty; give a value, or leave it out")
	}
	return err
}

// dependencyProblem says on which job that there is not a job was to depend.
func dependencyProblem(err error) error {
	id := ""
	if e, ok := errors.AsType[*store.DependencyError](err); ok {
		id = e.ID
	}
	return problem.New(problem.DependencyNotFound, "The job was not created: it depends on the job %q, and there is none. Create that one first, and name the job_id that the answer gives.", id).OfField("depends_on")
}
