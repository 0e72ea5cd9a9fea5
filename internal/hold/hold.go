// Package hold lets go of jobs that others held back: those whose dependencies are done,
// and those whose turn it is among the jobs of their concurrency key. What is decided
// about a job is a pure matter of githubjobs; this package looks, and keeps what came of
// it. It asks GitHub nothing, and works while GitHub is away.
//
// It looks at a job when it comes, and when one that it waits for has ended. Both stand
// in the database until the look is done, so that none is lost with the process. Only
// the server that leads looks. It imports githubjobs and internal/store.
package hold

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	batch = 200 // jobs, and ends, in one round; and facts in one transaction
	// longest is how long the keeper sleeps at most, should nobody wake it.
	longest  = 5 * time.Second
	shortest = time.Second // after a failure; doubled by each
	// mostRounds in a row are made without a pause: should a decision ever change nothing,
	// it must not be made again and again as fast as the database can.
	mostRounds = 200
	retryMax   = 30 * time.Second
	// sweepEvery is how often all jobs are looked at that are held back: for what has
	// happened before this server led, and for what nobody tells of.
	sweepEvery = 15 * time.Minute
)

// Store is what the package needs of the store; package store describes the methods.
type Store interface {
	store.Order
	FactsOf(ctx context.Context, project string, ids ...string) (map[string]githubjobs.Facts, error)
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	List(ctx context.Context, project string, q store.Query) (store.Page, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
}

// Lead says that this process, and no other, decides; see store.Lease.
type Lead interface {
	Hold(ctx context.Context) error
}

// Options are what a Keeper is made of. Every field must be set.
type Options struct {
	Project string
	Store   Store
	// Complete is until when everything on GitHub is known.
	Complete func() time.Time
	// Released is called after jobs were left to the dispatcher, or to the controller.
	Released func()
	Log      *slog.Logger
	Now      func() time.Time
}

// Keeper looks at the held jobs of one project.
type Keeper struct {
	Options
	wake chan struct{}

	// Used by Run alone.
	lead     Lead
	failures int // in a row
	swept    time.Time
}

// New returns a keeper; Run makes it work.
func New(o Options) *Keeper { return &Keeper{Options: o, wake: make(chan struct{}, 1)} }

// Wake tells that a job has come, or one has ended. It never blocks.
func (k *Keeper) Wake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run looks until ctx ends. It may be called again after it has returned. It decides
// only while the lead is held, and returns store.ErrLost when it is not.
func (k *Keeper) Run(ctx context.Context, lead Lead) error {
	k.lead, k.swept, k.failures = lead, time.Time{}, 0
	for rounds := 1; ctx.Err() == nil; rounds++ {
		more, err := k.round(ctx)
		switch {
		case errors.Is(err, store.ErrLost):
			return err
		case err != nil && ctx.Err() == nil:
			k.failures++
			pause := min(shortest<<min(k.failures-1, 6), retryMax)
			k.Log.Error("looking at the jobs that are held back failed; it will be tried again", "error", err, "again_in", pause)
			k.sleep(ctx, pause, nil)
		case !more:
			k.failures, rounds = 0, 0
			k.sleep(ctx, longest, k.wake)
		case rounds%mostRounds == 0:
			k.sleep(ctx, shortest, nil)
		}
	}
	return nil
}

func (k *Keeper) sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// round looks at what has come and at what waits for what has ended, and says whether
// there may be more.
func (k *Keeper) round(ctx context.Context) (more bool, err error) {
	ends, err := k.Store.Ends(ctx, k.Project, batch)
	if err != nil {
		return false, err
	}
	unseen, err := k.Store.Members(ctx, k.Project, store.Unseen, store.Place{}, batch)
	if err != nil {
		return false, err
	}
	l := newLook(k)
	if err := errors.Join(l.see(ctx, unseen), l.follow(ctx, ends)); err != nil {
		return false, err
	}
	if k.Now().Sub(k.swept) >= sweepEvery {
		if err := l.sweep(ctx); err != nil {
			return false, err
		}
		k.swept = k.Now()
	}
	if err := l.finish(ctx); err != nil {
		return false, err
	}
	if len(ends) > 0 {
		failpoint.Here("hold/looked")
		if err := k.Store.Forget(ctx, k.Project, ends...); err != nil {
			return false, err
		}
	}
	return l.acted || len(ends) == batch || len(unseen) == batch, nil
}

// look is one round: what was read, and what is to be kept.
type look struct {
	*Keeper
	now   time.Time
	known map[string]githubjobs.Dependency // as read in this round, or decided in it
	facts []githubjobs.Facts               // to be stored
	keys  map[string][]githubjobs.Facts    // concurrency keys to be looked at, and the jobs that have come into their queues
	acted bool                             // something was stored that may let others go
}

func newLook(k *Keeper) *look {
	return &look{Keeper: k, now: k.Now(), known: map[string]githubjobs.Dependency{}, keys: map[string][]githubjobs.Facts{}}
}

// keep stores facts, many in one transaction.
func (l *look) keep(ctx context.Context, facts ...githubjobs.Facts) error {
	if l.facts = append(l.facts, facts...); len(l.facts) < batch {
		return nil
	}
	return l.flush(ctx)
}

func (l *look) flush(ctx context.Context) error {
	if len(l.facts) == 0 {
		return nil
	}
	if err := l.lead.Hold(ctx); err != nil {
		return err
	}
	failpoint.Here("hold/store")
	err := l.Store.MergeFacts(ctx, l.Project, l.facts...)
	failpoint.Here("hold/stored")
	l.facts = nil
	if err == nil && l.acted {
		l.Released()
	}
	return err
}

// finish stores what is left, and then looks at the keys: their queues are read as they
// are stored.
func (l *look) finish(ctx context.Context) error {
	if err := l.flush(ctx); err != nil {
		return err
	}
	for key := range l.keys {
		if err := l.turns(ctx, key); err != nil {
			return err
		}
	}
	return l.flush(ctx)
}

// sweep looks at everything that is held back.
func (l *look) sweep(ctx context.Context) error {
	for _, reason := range []githubjobs.Reason{githubjobs.ReasonBlockedByDependency, githubjobs.ReasonBlockedByConcurrency} {
		for q := (store.Query{Reason: reason, Limit: batch}); ; {
			page, err := l.Store.List(ctx, l.Project, q)
			if err != nil {
				return err
			}
			ids := make([]string, len(page.Jobs))
			for i, j := range page.Jobs {
				ids[i] = j.ID
			}
			facts, err := l.Store.FactsOf(ctx, l.Project, ids...)
			if err != nil {
				return err
			}
			var list []githubjobs.Facts
			for _, f := range facts {
				list = append(list, f)
			}
			if err := l.see(ctx, list); err != nil {
				return err
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
	}
	return nil
}
