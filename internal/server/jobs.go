package server

import (
	"context"
	"errors"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// asked is the store as callers ask it; a job whose stored facts cannot be read is told
// to the reconciler, which reads it from GitHub again.
type asked struct {
	store.Store
	damaged func(id string)
}

// Facts implements api.Jobs.
func (j asked) Facts(ctx context.Context, project, id string) (githubjobs.Facts, error) {
	f, err := j.Store.Facts(ctx, project, id)
	if errors.Is(err, store.ErrDamaged) {
		j.damaged(id)
	}
	return f, err
}
