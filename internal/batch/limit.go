package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Limiter ends the batches of one project of which more jobs have failed than may. The leader
// runs it. What it has to do stands in the store: whoever leads next goes on with it.
type Limiter struct {
	Project string
	Store   Store
	Every   time.Duration // between two looks
	// Canceled is called after jobs were asked to end.
	Canceled func()
	Log      *slog.Logger
	Now      func() time.Time
}

// Run looks for such batches until ctx ends.
func (l *Limiter) Run(ctx context.Context) error {
	for {
		if err := l.Round(ctx); err != nil && ctx.Err() == nil {
			l.Log.Error("ending the batches of which too many jobs have failed; it will be tried again", "error", err, "again_in", l.Every)
		}
		select {
		case <-time.After(l.Every):
		case <-ctx.Done():
			return nil
		}
	}
}

// Round looks once. A batch that can't be ended keeps no other from its end.
func (l *Limiter) Round(ctx context.Context) error {
	list, err := l.Store.FailingBatches(ctx, l.Project)
	if err != nil {
		return err
	}
	var errs []error
	for _, b := range list {
		if err := l.stop(ctx, b); err != nil {
			errs = append(errs, fmt.Errorf("batch %s: %w", b.ID, err))
		}
	}
	return errors.Join(errs...)
}

// stop asks all jobs of a batch to end, and notes that then: a person who runs one of them
// again later is not hindered.
func (l *Limiter) stop(ctx context.Context, b store.Batch) error {
	done, err := Cancel{
		Project: l.Project, Query: store.Query{Batch: b.ID}, By: "The server", Now: l.Now,
		Why: fmt.Sprintf("failed jobs of the batch: %d, more than its max_failures of %d", b.Failures, b.Limit-1),
	}.Do(ctx, l.Store)
	if done.Asked > 0 {
		l.Log.Warn("too many jobs of a batch have failed; the others are cancelled", "batch_id", b.ID, "failures", b.Failures, "max_failures", b.Limit-1, "jobs", done.Asked)
		l.Canceled()
	}
	if err != nil {
		return err
	}
	failpoint.Here("batch/stop")
	err = l.Store.StopBatch(ctx, l.Project, b, l.Now())
	failpoint.Here("batch/stopped")
	return err
}
