// Package sweep removes webhook deliveries that were processed and are older than
// they are kept for audit. It imports the standard library only.
package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/githubjobs/githubjobs/internal/failpoint"
)

const (
	batch    = 200                    // deliveries that are removed in one transaction
	breather = 100 * time.Millisecond // between two batches, for the writes that wait
	maxEvery = time.Hour
)

// Store is what the sweeper needs of the store; store.Deliveries describes the method.
type Store interface {
	SweepDeliveries(ctx context.Context, before time.Time, limit int) (int, error)
}

// Sweeper keeps the deliveries of the last Retention.
type Sweeper struct {
	Retention time.Duration
	Store     Store
	Log       *slog.Logger
	Now       func() time.Time
}

// Run sweeps until ctx ends: at the start, and then often enough that nothing is
// kept much longer than it shall be, every hour at least.
func (s *Sweeper) Run(ctx context.Context) error {
	every := time.NewTicker(min(s.Retention/10, maxEvery))
	defer every.Stop()
	for {
		switch n, err := s.sweep(ctx); {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.Log.Error("removing old webhook deliveries; it will be tried again", "error", err)
		case n > 0:
			s.Log.Info("removed old webhook deliveries", "deliveries", n, "older_than", s.Retention)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// sweep removes all that is too old now, in small batches.
func (s *Sweeper) sweep(ctx context.Context) (removed int, err error) {
	before := s.Now().Add(-s.Retention)
	for {
		failpoint.Here("sweep/deliveries")
		n, err := s.Store.SweepDeliveries(ctx, before, batch)
		failpoint.Here("sweep/swept")
		removed += n
		if err != nil {
			return removed, fmt.Errorf("after %d deliveries: %w", removed, err)
		}
		if n < batch {
			return removed, nil
		}
		select {
		case <-time.After(breather):
		case <-ctx.Done():
			return removed, ctx.Err()
		}
	}
}
