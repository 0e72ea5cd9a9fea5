// Package gatekeeper lets the merge gate judge again: the pull requests of jobs whose run has
// ended, whenever something happens on which the verdict may depend. What is read, judged and
// merged is githubjobs/gate's, as in the last step of a run; this package decides when. It also
// answers who asks for a verdict, and undoes what was merged.
//
// It imports githubjobs and its packages, internal/failpoint and internal/store.
package gatekeeper

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// The pace. A judgement is some twelve requests, half of them free of quota while nothing has
// changed; what people wait for goes first.
const (
	// each and burst are for what has happened to one pull request.
	each  = 2 * time.Second
	burst = 20
	// eachOther and burstOther are for what concerns all: a base that has moved, a start.
	eachOther  = 10 * time.Second
	burstOther = 5

	lookEvery  = 5 * time.Second // for what other servers have stored
	watchEvery = time.Minute     // for a push to a base that no webhook told
	retryMin   = time.Second
	retryMax   = 10 * time.Minute
	refused    = 30 * time.Minute // until what GitHub refuses for good is tried again
	remindMin  = 10 * time.Minute // until what waits is judged again though nothing is heard; doubled each time
	remindMax  = 6 * time.Hour
	longWait   = 5 * time.Second // what a judgement waits for at most; it is put back instead
)

// Store is what the package needs of the store; store.Jobs describes the methods.
type Store interface {
	List(ctx context.Context, project string, q store.Query) (store.Page, error)
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
}

// Options are what a Gatekeeper is made of. Every field must be set.
type Options struct {
	Project string
	Hub     *hub.Repository
	Store   Store
	// Off leaves pull requests to the last step of their run. Verdicts are told all the same.
	Off bool
	// Changed is called after a merge, or another change that a read of GitHub finds.
	Changed func()
	Log     *slog.Logger
	Now     func() time.Time
}

// Gatekeeper judges the pull requests of one project.
type Gatekeeper struct {
	Options
	wake     chan struct{}
	urgent   *rate.Limiter
	others   *rate.Limiter
	book     book
	failures int // in a row; used by Run alone
	verdicts verdicts

	mu    sync.Mutex
	moved map[string]bool // branches that were pushed to
	state State
}

// State says how the gatekeeper gets on.
type State struct {
	Judged  int       // judgements, since the start
	Merged  int       // of them merges
	Due     int       // pull requests that are to be judged now
	Problem error     // of the last judgement; nil when that went through
	Since   time.Time // of Problem

	turns map[string]int // whose turn it is to be brought onto a base: the number of the pull request
}

// New returns a gatekeeper; Run makes it work.
func New(o Options) *Gatekeeper {
	k := &Gatekeeper{
		Options: o, wake: make(chan struct{}, 1), moved: map[string]bool{},
		urgent: rate.NewLimiter(rate.Every(each), burst), others: rate.NewLimiter(rate.Every(eachOther), burstOther),
	}
	k.verdicts.asked = rate.NewLimiter(rate.Every(eachAsked), burstAsked)
	return k
}

// State says how the gatekeeper gets on.
func (k *Gatekeeper) State() State {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state
}

func (k *Gatekeeper) update(change func(*State)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change(&k.state)
}

// Wake tells that the facts of a job may say that its pull request is to be judged; branch,
// where it is not empty, is one that was pushed to. It never blocks.
func (k *Gatekeeper) Wake(branch string) {
	if branch != "" {
		k.mu.Lock()
		k.moved[branch] = true
		k.mu.Unlock()
	}
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

func (k *Gatekeeper) takeMoved() map[string]bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	moved := k.moved
	k.moved = map[string]bool{}
	return moved
}

// Run judges until ctx ends or the lead is lost. It may be called again after it has returned.
// What was to be judged when a server died is judged again by the next one, which looks at
// every open pull request once.
func (k *Gatekeeper) Run(ctx context.Context, lease store.Lease) error {
	if k.Off {
		<-ctx.Done()
		return nil
	}
	k.book = newBook()
	for ctx.Err() == nil {
		pause, err := k.round(ctx, lease)
		switch {
		case ctx.Err() != nil || errors.Is(err, store.ErrLost):
			return nil // who leads by now goes on
		case err != nil && pause > 0:
			k.Log.Error("judging a pull request failed; it will be tried again", "error", err)
			k.failures = 0
		case err != nil:
			k.failures++
			pause = max(min(retryMin<<min(k.failures-1, 10), retryMax), hub.RetryAfter(err))
			k.Log.Error("judging pull requests failed; it will be tried again", "error", err, "again_in", pause)
		default:
			k.failures = 0
		}
		k.note(err)
		k.sleep(ctx, pause)
	}
	return nil
}

func (k *Gatekeeper) note(err error) {
	k.update(func(s *State) {
		switch {
		case err == nil:
			s.Problem, s.Since = nil, time.Time{}
		case s.Problem == nil:
			s.Since = k.Now()
			fallthrough
		default:
			s.Problem = err
		}
	})
}

func (k *Gatekeeper) sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	wake := k.wake
	if k.failures > 0 { // what failed is not tried again before its time
		wake = nil
	}
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// round judges the pull request that is the most urgent, if the pace allows it, and says when
// to look again. An error with a pause is of that one alone.
func (k *Gatekeeper) round(ctx context.Context, lease store.Lease) (pause time.Duration, err error) {
	if err := k.look(ctx); err != nil {
		return 0, err
	}
	now := k.Now()
	one, urgent, due, next := k.book.next(now)
	k.update(func(s *State) { s.Due = due })
	if one == nil {
		return min(lookEvery, max(next, 0)), nil
	}
	if k.book.bases[one.base].idle() {
		one.due, one.urgent = 0, false
		return 0, nil
	}
	limiter := k.urgent
	if !urgent {
		limiter = k.others
		if b := k.Hub.Budget(); b.Limit > 0 && b.Remaining < b.Limit/2 && now.Before(b.Reset) {
			return lookEvery, nil // the rest is for what people wait for
		}
	}
	if r := limiter.ReserveN(now, 1); r.DelayFrom(now) > 0 {
		wait := r.DelayFrom(now)
		r.CancelAt(now)
		return min(wait, lookEvery), nil
	}
	err = k.judge(ctx, lease, one)
	if errors.Is(err, errLater) || hub.Temporary(err) && hub.RetryAfter(err) == 0 {
		return each, err
	}
	return 0, err
}
