package api

import (
	"context"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// secretsProblem is Admission.secrets of a job that is not there yet: the same request may have
// made it when nothing was wrong.
func (a *api) secretsProblem(ctx context.Context, spec githubjobs.Spec) *problem.Error {
	p := a.secrets(ctx, spec)
	if p != nil && spec.Request != "" {
		if _, err := a.Jobs.Facts(ctx, a.Project, spec.ID); err == nil {
			return nil
		}
	}
	return p
}

// batchSecretsProblem is that of the first job of a batch that has one.
func (a *api) batchSecretsProblem(ctx context.Context, b *batchRequest) error {
	for i, spec := range b.specs {
		if p := a.secretsProblem(ctx, spec); p != nil {
			return inField(b.at(i), p)
		}
	}
	return nil
}
