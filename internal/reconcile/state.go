package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// oddEvery is how often jobs are looked through for what is odd about them.
const oddEvery = githubjobs.SlowStart

// State says how the reconciler gets on.
type State struct {
	Running bool
	LastRun time.Time // when GitHub was last read completely
	// Known is until when everything on GitHub is known: the beginning of the last
	// complete read, also that of an earlier process; zero when there was none.
	Known   time.Time
	Next    time.Time // when the next read is due, unless something happens; zero during a read
	Problem error     // of the last read; nil when that went through
	Since   time.Time // of Problem
	Budget  hub.Budget

	Reads     int // that went through, since the start
	Failures  int // reads that did not
	Requested int // redeliveries that GitHub was asked for
	// Note says why failed deliveries are not asked for again; empty while they are.
	Note string
	// Odd counts the jobs that something is odd about.
	Odd map[githubjobs.Oddity]int
}

// State says how the reconciler gets on.
func (r *Reconciler) State() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.state
	s.Budget = r.Hub.Budget()
	return s
}

func (s *State) note(err error, began, now time.Time) {
	switch {
	case err == nil:
		s.LastRun, s.Known, s.Since = now, began, time.Time{}
		s.Reads++
	case s.Problem == nil:
		s.Since = now
		fallthrough
	default:
		s.Failures++
	}
	s.Problem = err
}

// lookForOddities finds the jobs that need a person, among those that GitHub may have
// news of.
func (r *Reconciler) lookForOddities(ctx context.Context) error {
	now := r.Now()
	if now.Sub(r.oddAt) < oddEvery {
		return nil
	}
	r.oddAt = now
	list, err := r.Store.Known(ctx, r.Project, now)
	if err != nil {
		return err
	}
	odd := map[githubjobs.Oddity]int{}
	for id := range jobs(list) {
		f, err := r.Store.Facts(ctx, r.Project, id)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if errors.Is(err, store.ErrDamaged) {
			r.Damaged(id)
			continue
		}
		if err != nil {
			return err
		}
		if o := f.Oddity(now); o != "" {
			odd[o]++
			r.Log.Debug("something is odd about a job", "job_id", id, "what", o)
		}
	}
	r.update(func(s *State) { s.Odd = odd })
	return nil
}

// jobs are the ids of the jobs that these attempts are of.
func jobs(known map[githubjobs.Name]store.Known) map[string]bool {
	ids := map[string]bool{}
	for of := range known {
		ids[of.ID] = true
	}
	return ids
}

func (r *Reconciler) update(change func(*State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.state)
}
