// Package dispatch brings accepted jobs to GitHub. There is one writer for each
// repository: a job that finds it idle is pushed at once, and those that arrive
// while a push is under way ride in the next one together.
//
// A job counts as pushed when GitHub said so and the store knows it. In between,
// the process may die, or the answer be lost. Mostly the branch is there then, and
// hub finds it; but the job may have been merged since, and its branch deleted. So
// a job that may be on GitHub already is submitted again only after GitHub was
// read, and told nothing of it. It imports
// githubjobs, githubjobs/hub and internal/store.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Hub puts jobs on GitHub, and takes branches away; see hub.Repository.
type Hub interface {
	Submit(ctx context.Context, orders []githubjobs.Order) ([]hub.Submission, error)
	Push(ctx context.Context, updates []hub.Update, objects []plumbing.EncodedObject) ([]error, error)
}

// Store is what the dispatcher needs of the store; store.Jobs describes the methods.
type Store interface {
	Waiting(ctx context.Context, project string, limit int) ([]githubjobs.Facts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
}

// Reader brings what GitHub knows into the store; see reconcile.Reconciler.
type Reader interface {
	// LastRead is when the last complete read began; zero when there was none yet.
	LastRead() time.Time
	// ReadNow asks for a read without delay, after which Wake is called. It never blocks.
	ReadNow()
}

// Lead says that this process, and no other, writes to the repository; see store.Lease.
type Lead interface {
	Since() time.Time
	Hold(ctx context.Context) error
}

// Options are what a Dispatcher is made of. Every field must be set.
type Options struct {
	Project string
	Hub     Hub
	Store   Store
	Reader  Reader
	Pace    Pace
	Log     *slog.Logger
	Now     func() time.Time
}

// Dispatcher pushes the waiting jobs of one project.
type Dispatcher struct {
	Options
	wake      chan struct{}
	deletions chan *deletion

	// Used by Run alone.
	asked   *deletion // that is to be made when there is nothing else to do
	lead    Lead
	pace    pace
	push    retry                // of whole pushes
	delayed map[string]retry     // of single jobs
	began   time.Time            // when the lead was taken
	unsure  map[string]time.Time // jobs whose push got no answer, and when
	most    int                  // jobs in one push; fewer after a refusal, see narrow

	mu    sync.Mutex
	state State
}

// State says how the dispatcher gets on.
type State struct {
	Running  bool
	LastPush time.Time // when GitHub last took a push
	Problem  error     // of the last push; nil when that went through
	Since    time.Time // of Problem
	Asked    time.Time // until when GitHub asked to wait; in the past when it did not
	Pushes   int       // that went through, since the start
	Pushed   int       // jobs that they brought to GitHub
}

// New returns a dispatcher; Run makes it work.
func New(o Options) *Dispatcher {
	return &Dispatcher{Options: o, wake: make(chan struct{}, 1), deletions: make(chan *deletion), pace: newPace(o.Pace), most: o.Pace.Refs}
}

// Wake tells that a job was accepted. It never blocks.
func (d *Dispatcher) Wake() {
	select {
	case d.wake <- struct{}{}:
	default: // the wake that is pending already covers this job too
	}
}

// State says how the dispatcher gets on.
func (d *Dispatcher) State() State {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state
}

// Run pushes until ctx ends, beginning with what others left. It may be called again
// after it has returned. It pushes only while the lead is held, and returns
// store.ErrLost when it is not.
func (d *Dispatcher) Run(ctx context.Context, lead Lead) error {
	d.lead, d.began, d.delayed, d.unsure = lead, lead.Since(), map[string]retry{}, map[string]time.Time{}
	d.update(func(s *State) { s.Running = true })
	defer d.update(func(s *State) { s.Running = false })
	defer d.forsake()
	for {
		pause, more, err := d.round(ctx)
		if ctx.Err() != nil || err != nil {
			return err
		}
		if more && pause <= 0 {
			continue
		}
		if !d.sleep(ctx, pause, more) {
			return nil
		}
	}
}

// sleep waits for the next round: for pause to pass, or, when nothing is due, for
// a wake. It returns false when ctx ended.
func (d *Dispatcher) sleep(ctx context.Context, pause time.Duration, blocked bool) bool {
	var due <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		due = timer.C
	}
	wake := d.wake
	if blocked { // nothing can be pushed before the pause is over
		wake = nil
	}
	var deletions chan *deletion
	if !blocked && d.asked == nil {
		deletions = d.deletions
	}
	select {
	case <-wake:
	case d.asked = <-deletions:
	case <-due:
	case <-ctx.Done():
		return false
	}
	return true
}

// round pushes once. It returns how long to wait before the next round (0: for no
// time, or without end when there is nothing), and whether more is to be pushed
// that no wake will announce. The error is that another process may write now.
func (d *Dispatcher) round(ctx context.Context) (pause time.Duration, more bool, err error) {
	if pause = d.push.wait(d.Now()); pause > 0 {
		return pause, true, nil
	}
	if room, pause := d.pace.room(d.Now(), 1); room == 0 {
		return pause, true, nil
	}
	read := d.Reader.LastRead() // before the store is asked, which then knows what was read
	waiting, err := d.Store.Waiting(ctx, d.Project, d.pace.refs+len(d.delayed))
	if err != nil {
		return d.failed(ctx, fmt.Errorf("reading the waiting jobs: %w", err)), true, nil
	}
	sure := d.sure(d.orders(waiting), read)
	if dropped, err := d.drop(ctx, sure); dropped > 0 || err != nil {
		if err != nil {
			return d.failed(ctx, fmt.Errorf("storing that jobs were cancelled: %w", err)), true, nil
		}
		return 0, true, nil
	}
	due, pause := d.due(sure)
	if len(due) == 0 {
		return d.idle(ctx, pause)
	}
	room, pause := d.pace.room(d.Now(), len(due))
	if room == 0 {
		return pause, true, nil
	}
	switch err := d.lead.Hold(ctx); {
	case errors.Is(err, store.ErrLost):
		return 0, false, err
	case err != nil:
		return d.failed(ctx, fmt.Errorf("making sure that no other server pushes: %w", err)), true, nil
	}
	if err := d.submit(ctx, due[:min(room, d.most)]); err != nil {
		return d.failed(ctx, err), true, nil
	}
	return 0, true, nil // look again: some may be left, or have been delayed
}

// orders are the attempts that the waiting jobs wait for.
func (d *Dispatcher) orders(waiting []githubjobs.Facts) (orders []githubjobs.Order) {
	now := d.Now()
	for _, f := range waiting {
		if o, ok := f.Waits(now); ok {
			orders = append(orders, o)
		}
	}
	return orders
}

// sure leaves out the jobs that may be on GitHub already, until a read of GitHub
// that began after their last push has told nothing of them: those that an earlier
// process left, and those whose push got no answer. A job with an idempotency key may
// be one of a store that was lost, whatever its time says; the first complete read
// tells. An attempt after the first is pushed only when a read has found the one before
// as it was believed to be, and no later one.
func (d *Dispatcher) sure(waiting []githubjobs.Order, read time.Time) (sure []githubjobs.Order) {
	for _, o := range waiting {
		s := o.Spec
		since, unsure := d.unsure[s.ID]
		if !unsure && (o.Attempt > 1 || !s.CreatedAt.After(d.began)) {
			since, unsure = d.began, true
		}
		if o.Attempt > 1 && !o.Asked && o.Drop == nil && o.At.After(since) {
			since = o.At
		}
		if !unsure && s.Request != "" {
			unsure = read.IsZero()
		}
		if !unsure || read.After(since) {
			sure = append(sure, o)
		}
	}
	if len(sure) < len(waiting) {
		d.Reader.ReadNow()
	}
	return sure
}

// drop ends the jobs that were cancelled before they were pushed, or depend on one that
// has failed. The one that pushes decides it, so that no job is both.
func (d *Dispatcher) drop(ctx context.Context, waiting []githubjobs.Order) (n int, err error) {
	var facts []githubjobs.Facts
	for _, o := range waiting {
		if o.Drop != nil {
			facts = append(facts, o.Name().Facts(githubjobs.Facts{Dispatch: o.Drop}))
		}
	}
	if len(facts) == 0 {
		return 0, nil
	}
	for _, f := range facts {
		delete(d.delayed, f.ID)
	}
	failpoint.Here("dispatch/drop")
	err = d.Store.MergeFacts(ctx, d.Project, facts...)
	failpoint.Here("dispatch/dropped")
	return len(facts), err
}

// due leaves out the jobs that have to wait before they are tried again, and says
// when the first of them may be.
func (d *Dispatcher) due(waiting []githubjobs.Order) (due []githubjobs.Order, first time.Duration) {
	for _, o := range waiting {
		wait := d.delayed[o.Spec.ID].wait(d.Now())
		if wait <= 0 {
			due = append(due, o)
		} else if first == 0 || wait < first {
			first = wait
		}
	}
	return due, first
}

func (d *Dispatcher) failed(ctx context.Context, err error) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	d.push = d.push.after(d.Now(), hub.RetryAfter(err))
	pause := d.push.wait(d.Now())
	d.Log.Error("pushing jobs failed; it will be tried again", "error", err, "again_in", pause.Round(time.Millisecond))
	d.update(func(s *State) {
		if s.Problem == nil {
			s.Since = d.Now()
		}
		s.Problem = err
		s.Asked = d.Now().Add(hub.RetryAfter(err))
	})
	return pause
}

func (d *Dispatcher) update(change func(*State)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.state)
}
