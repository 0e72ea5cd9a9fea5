package sqlite

import (
	"context"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

// Lead implements store.Leadership: the process that has the file leads, as long as it
// has it. accepted is not called, since nobody else accepts jobs.
func (s *Store) Lead(ctx context.Context, _ string, _ func()) (store.Lease, error) {
	return lease{since: s.opened}, ctx.Err()
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
