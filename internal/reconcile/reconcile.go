// Package reconcile reads GitHub, per repository and never per job, and so finds
// what webhooks did not tell: while the server was down, because a delivery was
// lost, or because there is no webhook at all.
//
// It imports githubjobs, githubjobs/hub and internal/store.
package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// recent is how long the store's recent jobs are told to hub as known, so that it
// does not read them again: well above the overlap of two reads.
const recent = time.Hour

// Hub reads the repository; see hub.Repository.
type Hub interface {
	Webhooks
	Check(ctx context.Context) (base string, err error)
	Changed(ctx context.Context, since time.Time, known map[githubjobs.Name]hub.Known, found hub.Found) (hub.Reading, error)
	Everything(ctx context.Context, o hub.Full) (hub.Reading, error)
	Facts(ctx context.Context, id string) (githubjobs.Facts, error)
	Budget() hub.Budget
}

// Store is what the package needs of the store; package store describes the methods.
type Store interface {
	received
	Project(ctx context.Context, project string) (store.Project, error)
	Known(ctx context.Context, project string, since time.Time) (map[githubjobs.Name]store.Known, error)
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	Active(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error)
	Counts(ctx context.Context, project string) (store.Counts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
	Refresh(ctx context.Context, project string) error
	SetReconciled(ctx context.Context, project string, at time.Time) error
}

// Options are what a Reconciler is made of. Every field must be set that does not say
// otherwise.
type Options struct {
	Project string
	Hub     Hub
	Store   Store
	// Interval is the time between two reads while jobs are active and webhooks are
	// silent; all other times are multiples of it.
	Interval time.Duration
	// WebhookPath is the path of our own webhook endpoint. Deliveries to it that
	// failed are asked for again; none are when it is empty.
	WebhookPath string
	// Base is told the branch that jobs start from, once it is known.
	Base func(branch string)
	// Done is called after each complete read.
	Done func()
	// Progress is told how far a read of everything is; it may be nil.
	Progress func(hub.Progress)
	Log      *slog.Logger
	Now      func() time.Time
}

// Reconciler reads one repository again and again.
type Reconciler struct {
	Options
	wake chan struct{}
	// Used by Run alone.
	checked  bool // GitHub was asked for the repository
	failures int  // in a row
	after    time.Duration
	cost     int                        // of the last read, on the primary limit
	verdicts map[githubjobs.Name]string // heads whose verdicts the present read asks for
	soon     bool                       // the next read settles how a job has ended
	looked   time.Time                  // when active jobs were looked through for such
	again    redelivery
	noJobs   map[githubjobs.Name]string // heads of branches that were read and carry no job
	oddAt    time.Time
	fresh    *afresh // set when what is known is read again

	complete atomic.Int64 // see Complete, in Unix nanoseconds

	mu       sync.Mutex
	state    State
	lastRead time.Time            // when the last complete read began
	wanted   bool                 // a read without delay was asked for
	damaged  map[string]time.Time // jobs whose stored facts cannot be read, and when to read them from GitHub
}

// New returns a reconciler; Run makes it work.
func New(o Options) *Reconciler {
	if o.Progress == nil {
		o.Progress = func(hub.Progress) {}
	}
	return &Reconciler{Options: o, wake: make(chan struct{}, 1), noJobs: map[githubjobs.Name]string{}, damaged: map[string]time.Time{}, again: redelivery{
		project: o.Project, path: o.WebhookPath, hub: o.Hub, store: o.Store, log: o.Log, now: o.Now, asked: map[string]time.Time{},
	}}
}

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

// Complete is until when everything on GitHub is known, by its own clock and as the
// store remembers it; the zero time before the first read began.
func (r *Reconciler) Complete() time.Time {
	if at := r.complete.Load(); at > 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// ReadNow asks for a read without delay; one that is under way does not count. It
// never blocks. After failures the read waits as those do.
func (r *Reconciler) ReadNow() {
	r.mu.Lock()
	r.wanted = true
	r.mu.Unlock()
	r.Wake()
}

// Run reads at once, and then whenever it is due, until ctx ends.
func (r *Reconciler) Run(ctx context.Context) error {
	r.update(func(s *State) { s.Running = true })
	defer r.update(func(s *State) { s.Running = false })
	for {
		began := r.Now()
		r.attempt(ctx, began)
		for {
			due := began.Add(r.pause(ctx))
			r.update(func(s *State) { s.Next = due })
			wait := due.Sub(r.Now())
			if wait <= 0 {
				break
			}
			if ended := r.sleep(ctx, min(wait, r.Interval, settleEvery)); ended {
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
	now := r.Now()
	s := situation{interval: r.Interval, asked: r.takeWanted(false), failures: r.failures, after: r.after, cost: r.cost, budget: r.Hub.Budget(), webhook: -1, active: true}
	if c, err := r.Store.Counts(ctx, r.Project); err == nil {
		if s.active = c.Active > 0; s.active {
			s.soon = r.look(ctx)
		}
		if !c.LastDelivery.IsZero() {
			s.webhook = max(now.Sub(c.LastDelivery), 0)
		}
	}
	return s.pause(now)
}

// takeWanted says whether a read was asked for, and forgets it if that is being done.
func (r *Reconciler) takeWanted(doing bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	wanted := r.wanted
	if doing {
		r.wanted = false
	}
	return wanted
}

// attempt reads once and keeps the outcome.
func (r *Reconciler) attempt(ctx context.Context, began time.Time) {
	wanted := r.takeWanted(true)
	r.update(func(s *State) { s.Next = time.Time{} })
	err := r.Once(ctx)
	if ctx.Err() != nil {
		return
	}
	r.failures, r.after = r.failures+1, hub.RetryAfter(err)
	if err == nil {
		r.failures = 0
	} else {
		r.Log.Error("reading GitHub failed; it will be tried again", "error", err)
	}
	r.mu.Lock()
	if err == nil {
		r.lastRead = began
	} else {
		r.wanted = r.wanted || wanted
	}
	r.mu.Unlock()
	r.update(func(s *State) { s.note(err, began, r.Now()) })
	if err == nil {
		r.Done()
	}
}

// Once reads what has changed since the last complete read and merges it; when there
// was none, it reads everything.
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
	r.update(func(s *State) { s.Known = later(s.Known, p.ReconciledAt) })
	r.complete.Store(p.ReconciledAt.UnixNano())
	read, err := r.read(ctx, p.ReconciledAt)
	if err != nil {
		return err
	}
	r.cost = read.Requests - read.Unchanged
	err = r.conclude(ctx, read)
	if r.heal(ctx); err != nil {
		return err
	}
	if err := r.Store.Refresh(ctx, r.Project); err != nil {
		return stored(err)
	}
	r.Log.Debug("read GitHub", "requests", read.Requests, "unchanged", read.Unchanged)
	r.fresh = nil
	if !read.At.IsZero() { // else GitHub did not say when; the next read begins where this one did
		failpoint.Here("reconcile/concluded")
		if err := r.Store.SetReconciled(ctx, r.Project, read.At); err != nil {
			return stored(err)
		}
		failpoint.Here("reconcile/complete")
		r.complete.Store(read.At.UnixNano())
	}
	return errors.Join(r.lookForOddities(ctx), r.redeliver(ctx, p.ReconciledAt, read))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func stored(err error) error { return fmt.Errorf("storing what was read from GitHub: %w", err) }

// read reads what has happened since; everything when that is zero.
func (r *Reconciler) read(ctx context.Context, since time.Time) (hub.Reading, error) {
	if since.IsZero() || r.fresh != nil {
		return r.Hub.Everything(ctx, hub.Full{Has: r.has, Found: r.found, Progress: r.progress})
	}
	known, err := r.known(ctx, since)
	if err != nil {
		return hub.Reading{}, err
	}
	return r.Hub.Changed(ctx, since, known, r.found)
}

func (r *Reconciler) found(ctx context.Context, facts []githubjobs.Facts) error {
	for _, f := range facts {
		if f.Branch == nil {
			continue
		}
		if delete(r.noJobs, f.Name()); f.Spec == nil && !f.Branch.Deleted {
			r.noJobs[f.Name()] = f.Branch.Head
		}
	}
	failpoint.Here("reconcile/found")
	if err := r.Store.MergeFacts(ctx, r.Project, facts...); err != nil {
		return stored(err)
	}
	failpoint.Here("reconcile/merged")
	return nil
}

func (r *Reconciler) known(ctx context.Context, since time.Time) (map[githubjobs.Name]hub.Known, error) {
	list, err := r.Store.Known(ctx, r.Project, since.Add(-recent))
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(r.noJobs, func(of githubjobs.Name, _ string) bool { _, listed := list[of]; return !listed })
	known := make(map[githubjobs.Name]hub.Known, len(list))
	for of, k := range list {
		known[of] = hub.Known{Head: cmp.Or(k.Head, r.noJobs[of]), Deleted: k.Deleted, Run: k.Run}
	}
	r.verdicts = map[githubjobs.Name]string{}
	return known, r.eachUnsettled(ctx, func(of githubjobs.Name, u githubjobs.Unsettled) {
		if k, listed := known[of]; listed && u.Verdict != "" {
			k.Verdict = u.Verdict
			known[of], r.verdicts[of] = k, u.Verdict
		}
	})
}

// redeliver asks for what webhooks could not deliver. That this fails does not make
// the read incomplete; it is tried again after the next one.
func (r *Reconciler) redeliver(ctx context.Context, since time.Time, read hub.Reading) error {
	if r.WebhookPath == "" || read.At.IsZero() {
		return nil
	}
	if since.IsZero() {
		since = read.At
	}
	err := r.again.after(ctx, since, read)
	r.update(func(s *State) { s.Note, s.Requested = r.again.note, r.again.total })
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("failed webhook deliveries could not be asked for again; it will be tried after the next read", "error", err)
	}
	return nil
}
