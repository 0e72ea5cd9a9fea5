// Package reconcile reads GitHub, per repository and never per job, and so finds
// what webhooks did not tell: while the server was down, because a delivery was
// lost, or because there is no webhook at all.
//
// It imports githubjobs, githubjobs/hub and internal/store.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	// slow is how many intervals pass between reads while no job is active.
	slow = 10
	// recent is how long the store's recent jobs are told to hub as known, so that it
	// does not read them again: well above the overlap of two reads.
	recent = time.Hour
	// firstRetry is how soon a read that failed is tried again; each further failure
	// doubles it, up to the interval.
	firstRetry = time.Second
	// chunk is how many jobs' facts are merged in one transaction.
	chunk = 200
)

// Hub reads the repository; see hub.Repository.
type Hub interface {
	Check(ctx context.Context) (base string, err error)
	Changed(ctx context.Context, since time.Time, known map[string]hub.Known) (hub.Changes, error)
}

// Store is what the package needs of the store; package store describes the methods.
type Store interface {
	Project(ctx context.Context, project string) (store.Project, error)
	Known(ctx context.Context, project string, since time.Time) (map[string]store.Known, error)
	Counts(ctx context.Context, project string) (store.Counts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
	Refresh(ctx context.Context, project string) error
	SetReconciled(ctx context.Context, project string, at time.Time) error
}

// Options are what a Reconciler is made of. Every field must be set.
type Options struct {
	Project  string
	Hub      Hub
	Store    Store
	Interval time.Duration // between two reads while jobs are active
	// Base is told the branch that jobs start from, once it is known.
	Base func(branch string)
	// Done is called after each complete read.
	Done func()
	Log  *slog.Logger
	Now  func() time.Time
}

// Reconciler reads one repository again and again.
type Reconciler struct {
	Options
	wake chan struct{}
	// Used by Run alone.
	checked  bool // GitHub was asked for the repository
	failures int  // in a row

	mu       sync.Mutex
	state    State
	lastRead time.Time // when the last complete read began
	asked    bool      // for a read without delay
}

// State says how the reconciler gets on.
type State struct {
	Running bool
	LastRun time.Time // when GitHub was last read completely
	Problem error     // of the last read; nil when that went through
	Since   time.Time // of Problem
}

// New returns a reconciler; Run makes it work.
func New(o Options) *Reconciler { return &Reconciler{Options: o, wake: make(chan struct{}, 1)} }

// Wake tells that a job became active, so that the next read may be due earlier.
// It never blocks.
func (r *Reconciler) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// LastRead is when the last complete read began; zero when there was none yet.
func (r *Reconciler) LastRead() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastRead
}

// ReadNow asks for a read without delay; one that is under way does not count. It
// never blocks. After failures the read waits as those do.
func (r *Reconciler) ReadNow() {
	r.mu.Lock()
	r.asked = true
	r.mu.Unlock()
	r.Wake()
}

// State says how the reconciler gets on.
func (r *Reconciler) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state
}

// Run reads at once, and then whenever it is due, until ctx ends.
func (r *Reconciler) Run(ctx context.Context) error {
	r.update(func(s *State) { s.Running = true })
	defer r.update(func(s *State) { s.Running = false })
	for {
		began := r.Now()
		asked := r.attempt(ctx, began)
		for {
			wait := max(r.pause(ctx), asked) - r.Now().Sub(began)
			if wait <= 0 {
				break
			}
			if ended := r.sleep(ctx, wait); ended {
				return nil
			}
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

// sleep waits, at most until a wake; it says whether ctx ended.
func (r *Reconciler) sleep(ctx context.Context, d time.Duration) (ended bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.wake:
	case <-ctx.Done():
		return true
	}
	return false
}

// pause is the time between the beginnings of two reads.
func (r *Reconciler) pause(ctx context.Context) time.Duration {
	if r.failures > 0 {
		return min(firstRetry<<min(r.failures-1, 16), r.Interval)
	}
	if r.takeAsked(false) {
		return 0
	}
	c, err := r.Store.Counts(ctx, r.Project)
	if err != nil || c.Active > 0 {
		return r.Interval
	}
	return slow * r.Interval
}

// takeAsked says whether a read was asked for, and forgets it if that is being done.
func (r *Reconciler) takeAsked(doing bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.asked
	if doing {
		r.asked = false
	}
	return asked
}

// attempt reads once and keeps the outcome; asked is how long GitHub asks to wait.
func (r *Reconciler) attempt(ctx context.Context, began time.Time) (asked time.Duration) {
	wanted := r.takeAsked(true)
	err := r.Once(ctx)
	if ctx.Err() != nil {
		return 0
	}
	r.failures++
	if err == nil {
		r.failures = 0
	} else {
		r.Log.Error("reading GitHub failed; it will be tried again", "error", err)
	}
	r.mu.Lock()
	if err == nil {
		r.lastRead = began
	} else {
		r.asked = r.asked || wanted
	}
	r.mu.Unlock()
	r.update(func(s *State) {
		switch {
		case err == nil:
			s.LastRun, s.Since = r.Now(), time.Time{}
		case s.Problem == nil:
			s.Since = r.Now()
		}
		s.Problem = err
	})
	if err == nil {
		r.Done()
	}
	return hub.RetryAfter(err)
}

// Once reads what has changed since the last complete read and merges it.
func (r *Reconciler) Once(ctx context.Context) error {
	if !r.checked {
		base, err := r.Hub.Check(ctx)
		if err != nil {
			return err
		}
		r.Base(base)
		r.checked = true
	}
	p, err := r.Store.Project(ctx, r.Project)
	if err != nil {
		return err
	}
	known, err := r.known(ctx, p.ReconciledAt)
	if err != nil {
		return err
	}
	changes, err := r.Hub.Changed(ctx, p.ReconciledAt, known)
	if mergeErr := r.merge(ctx, changes); mergeErr != nil {
		err = errors.Join(err, fmt.Errorf("storing what was read from GitHub: %w", mergeErr))
	}
	return err
}

func (r *Reconciler) known(ctx context.Context, since time.Time) (map[string]hub.Known, error) {
	stored, err := r.Store.Known(ctx, r.Project, since.Add(-recent))
	if err != nil {
		return nil, err
	}
	known := make(map[string]hub.Known, len(stored))
	for id, k := range stored {
		known[id] = hub.Known{Head: k.Head, Deleted: k.Deleted, Run: k.Run}
	}
	return known, nil
}

func (r *Reconciler) merge(ctx context.Context, c hub.Changes) error {
	for batch := range slices.Chunk(slices.Collect(maps.Values(c.Facts)), chunk) {
		if err := r.Store.MergeFacts(ctx, r.Project, batch...); err != nil {
			return err
		}
	}
	if err := r.Store.Refresh(ctx, r.Project); err != nil {
		return err
	}
	r.Log.Debug("read GitHub", "jobs", len(c.Facts))
	if c.At.IsZero() {
		return nil // GitHub did not say when; the next read begins where this one did
	}
	return r.Store.SetReconciled(ctx, r.Project, c.At)
}

func (r *Reconciler) update(change func(*State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.state)
}
