package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// ErrNotEmpty: the store that was to be rebuilt holds a complete projection.
var ErrNotEmpty = errors.New("the store is in use already: it was brought up to date from GitHub before")

// has says what need not be read again: an attempt whose commits up to a head are known.
func (r *Reconciler) has(ctx context.Context, of githubjobs.Name, head string) (bool, error) {
	f, err := r.Store.Facts(ctx, r.Project, of.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrDamaged): // which reading it mends
		return false, nil
	case err != nil:
		return false, err
	}
	several := of.Attempt > 1 || len(f.Later) > 0
	f = f.Of(of.Attempt)
	switch {
	case head == "":
		return !several || len(f.Created) > 0 || f.Branch != nil, nil
	case r.fresh != nil && !r.fresh.covers(f):
		return false, nil
	}
	return f.Branch != nil && f.Branch.Head == head && f.ReadTo(head), nil
}

// afresh is a read of everything that does not trust what is known from before it.
type afresh struct{ began time.Time } // GitHub's time of the first try

func (a *afresh) covers(f githubjobs.Facts) bool {
	return !a.began.IsZero() && f.Branch != nil && !f.Branch.Seen.Before(a.began)
}

func (r *Reconciler) progress(p hub.Progress) {
	if r.fresh != nil && r.fresh.began.IsZero() {
		r.fresh.began = p.At
	}
	r.Progress(p)
}

// Rebuild fills the store with every job that GitHub still knows. It must not run
// beside Run.
//
// A store that was brought up to date before is refused with ErrNotEmpty, unless
// force is set: then everything is read again and joined to what is there, and nothing
// is lost. What was read is stored at once, so a rebuild that was broken off goes on
// where it was. Failures that pass, and GitHub's limits, are waited for; wait is told
// of each.
func (r *Reconciler) Rebuild(ctx context.Context, force bool, wait func(context.Context, time.Duration, error) error) error {
	p, err := r.Store.Project(ctx, r.Project)
	if err != nil {
		return err
	}
	if !p.ReconciledAt.IsZero() && !force {
		return fmt.Errorf("%w (last at %s)", ErrNotEmpty, p.ReconciledAt.Format(time.RFC3339))
	}
	r.WebhookPath = "" // nobody takes deliveries meanwhile
	if force {
		r.fresh = &afresh{}
	}
	// The second read finds what happened during the first.
	for left := 2; left > 0; {
		err := r.Once(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			r.failures = 0
			left--
			failpoint.Here("rebuild/read")
			continue
		case !hub.Temporary(err):
			return err
		}
		r.failures++
		s := situation{interval: r.Interval, failures: r.failures, after: hub.RetryAfter(err)}
		if err := wait(ctx, s.pause(r.Now()), err); err != nil {
			return err
		}
	}
	return nil
}
