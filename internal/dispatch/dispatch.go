// Package dispatch brings accepted jobs to GitHub. There is one writer for each
// repository: a job that finds it idle is pushed at once, and those that arrive
// while a push is under way ride in the next one together.
//
// A job counts as pushed when GitHub said so and the store knows it. In between,
// the process may die, or the answer be lost. Mostly the branch is there then, and
// hub finds it; but the job may have been merged since, and its branch deleted. So
// a job that may be on GitHub already is submitted again only after GitHub was
// read, and told nothing of it. It imports githubjobs, githubjobs/hub and the standard library.
package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// Hub puts jobs on GitHub; see hub.Repository.Submit.
type Hub interface {
	Submit(ctx context.Context, specs []githubjobs.Spec) ([]hub.Submission, error)
}

// Store is what the dispatcher needs of the store; store.Jobs describes the methods.
type Store interface {
	Waiting(ctx context.Context, project string, limit int) ([]githubjobs.Spec, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
}

// Reader brings what GitHub knows into the store; see reconcile.Reconciler.
type Reader interface {
	// LastRead is when the last complete read began; zero when there was none yet.
	LastRead() time.Time
	// ReadNow asks for a read without delay, after which Wake is called. It never blocks.
	ReadNow()
}

// Dispatcher pushes the waiting jobs of one project.
type Dispatcher struct {
	project string
	hub     Hub
	store   Store
	reader  Reader
	log     *slog.Logger
	now     func() time.Time
	wake    chan struct{}

	// Used by Run alone.
	pace    pace
	push    retry            // of whole pushes
	delayed map[string]retry // of single jobs
	began   time.Time
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
	Pushes   int       // that went through, since the start
	Pushed   int       // jobs that they brought to GitHub
}

// New returns a dispatcher; Run makes it work. now is the clock.
func New(project string, h Hub, s Store, r Reader, p Pace, log *slog.Logger, now func() time.Time) *Dispatcher {
	return &Dispatcher{
		project: project, hub: h, store: s, reader: r, log: log, now: now, wake: make(chan struct{}, 1),
		delayed: map[string]retry{}, began: now(), unsure: map[string]time.Time{}, pace: newPace(p), most: p.Refs,
	}
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

// Run pushes until ctx ends, beginning with what an earlier process left.
func (d *Dispatcher) Run(ctx context.Context) error {
	d.update(func(s *State) { s.Running = true })
	defer d.update(func(s *State) { s.Running = false })
	for {
		pause, more := d.round(ctx)
		if ctx.Err() != nil {
			return nil
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
	select {
	case <-wake:
	case <-due:
	case <-ctx.Done():
		return false
	}
	return true
}

// round pushes once. It returns how long to wait before the next round (0: for no
// time, or without end when there is nothing), and whether more is to be pushed
// that no wake will announce.
func (d *Dispatcher) round(ctx context.Context) (pause time.Duration, more bool) {
	if pause = d.push.wait(d.now()); pause > 0 {
		return pause, true
	}
	room, pause := d.pace.room(d.now())
	if room == 0 {
		return pause, true
	}
	read := d.reader.LastRead() // before the store is asked, which then knows what was read
	specs, err := d.store.Waiting(ctx, d.project, d.pace.refs+len(d.delayed))
	if err != nil {
		return d.failed(ctx, fmt.Errorf("reading the waiting jobs: %w", err)), true
	}
	due, pause := d.due(d.sure(specs, read))
	if len(due) == 0 {
		return pause, false
	}
	if err := d.submit(ctx, due[:min(room, d.most, len(due))]); err != nil {
		return d.failed(ctx, err), true
	}
	return 0, true // look again: some may be left, or have been delayed
}

// sure leaves out the jobs that may be on GitHub already, until a read of GitHub
// that began after their last push has told nothing of them: those that an earlier
// process left, and those whose push got no answer. A job with an idempotency key may
// be one of a store that was lost, whatever its time says; the first complete read
// tells.
func (d *Dispatcher) sure(specs []githubjobs.Spec, read time.Time) (sure []githubjobs.Spec) {
	for _, s := range specs {
		since, unsure := d.unsure[s.ID]
		if !unsure && !s.CreatedAt.After(d.began) {
			since, unsure = d.began, true
		}
		if !unsure && s.Request != "" {
			unsure = read.IsZero()
		}
		if !unsure || read.After(since) {
			sure = append(sure, s)
		}
	}
	if len(sure) < len(specs) {
		d.reader.ReadNow()
	}
	return sure
}

// due leaves out the jobs that have to wait before they are tried again, and says
// when the first of them may be.
func (d *Dispatcher) due(specs []githubjobs.Spec) (due []githubjobs.Spec, first time.Duration) {
	for _, s := range specs {
		wait := d.delayed[s.ID].wait(d.now())
		if wait <= 0 {
			due = append(due, s)
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
	d.push = d.push.after(d.now(), hub.RetryAfter(err))
	pause := d.push.wait(d.now())
	d.log.Error("pushing jobs failed; it will be tried again", "error", err, "again_in", pause.Round(time.Millisecond))
	d.update(func(s *State) {
		if s.Problem == nil {
			s.Since = d.now()
		}
		s.Problem = err
	})
	return pause
}

func (d *Dispatcher) update(change func(*State)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.state)
}
