package server

import (
	"context"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// asked is the store as callers ask it; a job whose stored facts cannot be read is told
// to the reconciler, which reads it from GitHub again. What was learnt is told with
// until when it is complete: after an outage, what is missing has not been read yet.
type asked struct {
	store.Store
	damaged  func(id string)
	complete func() time.Time // see githubjobs.Facts.Complete
}

func (s *Server) asked() asked { return asked{s.store, s.reconciler.Damaged, s.complete} }

// Facts implements store.Jobs.
func (j asked) Facts(ctx context.Context, project, id string) (githubjobs.Facts, error) {
	f, err := j.Store.Facts(ctx, project, id)
	if errors.Is(err, store.ErrDamaged) {
		j.damaged(id)
	}
	f.Complete = j.complete()
	return f, err
}

// complete is until when everything on GitHub is known; before all that happens there
// when it never was. It never goes back, also not by a restart.
func (s *Server) complete() time.Time {
	_, _, followed, _ := s.role.get()
	at := time.Unix(1, 0)
	for _, known := range []time.Time{s.knownBefore, followed, s.reconciler.Complete()} {
		if known.After(at) {
			at = known
		}
	}
	return at
}
