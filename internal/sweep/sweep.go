// Package sweep removes what the server keeps for a time only: webhook deliveries that were
// processed, jobs that ended long ago, and later the receipts of those. It imports the standard library only.
package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/githubjobs/githubjobs/internal/failpoint"
)

const (
	batch    = 200                    // deliveries or jobs that are removed in one transaction
	breather = 100 * time.Millisecond // between two batches, for the writes that wait
	maxEvery = time.Hour
)

// Store is what the sweeper needs of the store; store.Deliveries, store.Jobs and
// store.Receipts describe the methods.
type Store interface {
	SweepDeliveries(ctx context.Context, before time.Time, limit int) (int, error)
	SweepJobs(ctx context.Context, project string, before time.Time, limit int) (int, error)
	SweepReceipts(ctx context.Context, project string, before time.Time, limit int) (int, error)
}

// Sweeper keeps the deliveries of the last Retention, the jobs of which something was learnt
// within JobRetention, and of jobs that are gone the receipts of the last ReceiptRetention.
type Sweeper struct {
	Project          string // whose jobs are removed
	Retention        time.Duration
	JobRetention     time.Duration // 0: jobs are kept for ever
	ReceiptRetention time.Duration // 0: receipts are
	Store            Store
	Log              *slog.Logger
	Now              func() time.Time
}

// Run sweeps until ctx ends: at the start, and then often enough that nothing is
// kept much longer than it shall be, every hour at least.
func (s *Sweeper) Run(ctx context.Context) error {
	shortest := s.Retention
	for _, kept := range []time.Duration{s.JobRetention, s.ReceiptRetention} {
		if kept > 0 {
			shortest = min(shortest, kept)
		}
	}
	every := time.NewTicker(min(shortest/10, maxEvery))
	defer every.Stop()
	for {
		s.tell(ctx, "webhook deliveries", s.Retention, s.deliveries)
		if s.JobRetention > 0 {
			s.tell(ctx, "jobs", s.JobRetention, s.jobs)
		}
		if s.ReceiptRetention > 0 {
			s.tell(ctx, "receipts", s.ReceiptRetention, s.receipts)
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// tell removes what is older than it is kept, and tells of it.
func (s *Sweeper) tell(ctx context.Context, what string, kept time.Duration, remove func(context.Context, time.Time) (int, error)) {
	switch n, err := s.sweep(ctx, s.Now().Add(-kept), remove); {
	case ctx.Err() != nil:
	case err != nil:
		s.Log.Error("removing old "+what+"; it will be tried again", "error", err)
	case n > 0:
		s.Log.Info("removed old "+what, "number", n, "older_than", kept)
	}
}

func (s *Sweeper) deliveries(ctx context.Context, before time.Time) (int, error) {
	failpoint.Here("sweep/deliveries")
	n, err := s.Store.SweepDeliveries(ctx, before, batch)
	failpoint.Here("sweep/deliveries-gone")
	return n, err
}

func (s *Sweeper) jobs(ctx context.Context, before time.Time) (int, error) {
	failpoint.Here("sweep/jobs")
	n, err := s.Store.SweepJobs(ctx, s.Project, before, batch)
	failpoint.Here("sweep/jobs-gone")
	return n, err
}

func (s *Sweeper) receipts(ctx context.Context, before time.Time) (int, error) {
	return s.Store.SweepReceipts(ctx, s.Project, before, batch)
}

// sweep removes all that is too old, in small batches.
func (s *Sweeper) sweep(ctx context.Context, before time.Time, remove func(context.Context, time.Time) (int, error)) (removed int, err error) {
	for {
		n, err := remove(ctx, before)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("after %d: %w", removed, err)
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
