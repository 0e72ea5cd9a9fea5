package sqlite

import (
	"context"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

// Lead implements store.Leadership: the process that has the file leads, as long as it
// has it. accepted is called for ends alone, since nobody else accepts jobs.
func (s *Store) Lead(ctx context.Context, project string, accepted func()) (store.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaders[project] = accepted
	return lease{since: s.opened}, ctx.Err()
}

// announce tells the leaders of these projects that an end was stored.
func (s *Store) announce(projects []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range projects {
		if ended := s.leaders[p]; ended != nil {
			ended()
		}
	}
}

type lease struct{ since time.Time }

// Since implements store.Lease.
func (l lease) Since() time.Time { return l.since }

// Lost implements store.Lease.
func (lease) Lost() <-chan struct{} { return nil }

// Hold implements store.Lease.
func (lease) Hold(context.Context) error { return nil }

// Release implements store.Lease.
func (lease) Release() {}
