package server

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// complete is the store as all parts of the server use it. With facts it hands on, in
// both directions, until when they are complete: after an outage, what is missing has
// not been read yet. A job whose stored facts cannot be read is told to the reconciler,
// which reads it from GitHub again.
type complete struct {
	store.Store
	server *Server
}

// Facts implements store.Jobs.
func (c complete) Facts(ctx context.Context, project, id string) (githubjobs.Facts, error) {
	f, err := c.Store.Facts(ctx, project, id)
	if errors.Is(err, store.ErrDamaged) {
		c.server.reconciler.Damaged(id)
	}
	f.Complete = c.server.complete()
	return f, err
}

// FactsOf implements store.Batches.
func (c complete) FactsOf(ctx context.Context, project string, ids ...string) (map[string]githubjobs.Facts, error) {
	found, err := c.Store.FactsOf(ctx, project, ids...)
	for id, f := range found {
		f.Complete = c.server.complete()
		found[id] = f
	}
	return found, err
}

// Due implements store.Jobs.
func (c complete) Due(ctx context.Context, project string, until time.Time, limit int) ([]githubjobs.Facts, error) {
	list, err := c.Store.Due(ctx, project, until, limit)
	for i := range list {
		list[i].Complete = c.server.complete()
	}
	return list, err
}

// Live implements store.Jobs.
func (c complete) Live(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error) {
	list, err := c.Store.Live(ctx, project, after, limit)
	for i := range list {
		list[i].Complete = c.server.complete()
	}
	return list, err
}

// MergeFacts implements store.Jobs.
func (c complete) MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error {
	return c.Store.MergeFacts(ctx, project, c.told(facts)...)
}

// FinishDelivery implements store.Deliveries.
func (c complete) FinishDelivery(ctx context.Context, project, guid, outcome string, facts ...githubjobs.Facts) error {
	return c.Store.FinishDelivery(ctx, project, guid, outcome, c.told(facts)...)
}

func (c complete) told(facts []githubjobs.Facts) []githubjobs.Facts {
	facts = slices.Clone(facts)
	for i := range facts {
		facts[i].Complete = c.server.complete()
	}
	return facts
}

// neverRead is until when everything on GitHub is known while nothing is.
var neverRead = time.Unix(1, 0)

// everRead says whether GitHub was ever read completely.
func (s *Server) everRead() bool { return s.complete().After(neverRead) }

// complete is until when everything on GitHub is known; before all that happens there
// when it never was. It never goes back, also not by a restart.
func (s *Server) complete() time.Time {
	_, _, followed, _ := s.role.get()
	at := neverRead
	for _, known := range []time.Time{s.knownBefore, followed, s.reconciler.Complete()} {
		if known.After(at) {
			at = known
		}
	}
	return at
}
