package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// memory is a store in memory, so that the clock of the tests stands still while
// nothing happens. The wiring with the real store is tested in internal/server.
type memory struct {
	mu     sync.Mutex
	active int
	at     time.Time
	facts  []githubjobs.Facts
	fail   error
}

func (m *memory) Project(context.Context, string) (store.Project, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Project{ReconciledAt: m.at}, nil
}

func (m *memory) Known(context.Context, string, time.Time) (map[string]store.Known, error) {
	return map[string]store.Known{"a": {Head: "abc", Run: 7}}, nil
}

func (m *memory) Counts(context.Context, string) (store.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Counts{Active: m.active}, nil
}

func (m *memory) MergeFacts(_ context.Context, _ string, facts ...githubjobs.Facts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = append(m.facts, facts...)
	return m.fail
}

func (m *memory) Refresh(context.Context, string) error { return nil }

func (m *memory) SetReconciled(_ context.Context, _ string, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = at
	return nil
}

func (m *memory) setActive(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.active = n
}

// github notes when it was read, since when, and fails as it is told.
type github struct {
	mu    sync.Mutex
	reads []time.Time
	since []time.Time
	known []map[string]hub.Known
	fail  func(n int) error
}

func (g *github) Check(context.Context) (string, error) { return "trunk", nil }

func (g *github) Changed(_ context.Context, since time.Time, known map[string]hub.Known) (hub.Changes, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := len(g.reads)
	g.reads, g.since, g.known = append(g.reads, time.Now()), append(g.since, since), append(g.known, known)
	if g.fail != nil {
		if err := g.fail(n); err != nil {
			return hub.Changes{}, err
		}
	}
	return hub.Changes{At: time.Now(), Facts: map[string]githubjobs.Facts{"a": {ID: "a"}}}, nil
}

// after are the times of the reads, from the start.
func (g *github) after(began time.Time) (list []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, at := range g.reads {
		list = append(list, at.Sub(began).String())
	}
	return list
}

func setup(t *testing.T, g *github, m *memory) (*Reconciler, *[]string) {
	bases := &[]string{}
	r := New(Options{
		Project: "p", Hub: g, Store: m, Interval: 30 * time.Second, Base: func(b string) { *bases = append(*bases, b) },
		Done: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return r, bases
}

func TestIntervals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, began := &github{}, time.Now()
		m := &memory{}
		r, bases := setup(t, g, m)
		time.Sleep(100 * time.Second) // idle: read at the start, and again after five minutes
		m.setActive(1)
		r.Wake() // a job: the next read is overdue
		time.Sleep(70 * time.Second)
		m.setActive(0)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got, want := g.after(began), []string{"0s", "1m40s", "2m10s", "2m40s", "7m40s", "12m40s"}; !slices.Equal(got, want) {
			t.Errorf("reads after %v, want %v", got, want)
		}
		if !slices.Equal(*bases, []string{"trunk"}) {
			t.Errorf("bases %v, want the one, once", *bases)
		}
		for i, since := range g.since {
			if i > 0 && !since.Equal(g.reads[i-1]) || i == 0 && !since.IsZero() {
				t.Errorf("read %d since %s", i, since)
			}
		}
		if k := g.known[0]["a"]; k != (hub.Known{Head: "abc", Run: 7}) {
			t.Errorf("known %+v", k)
		}
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want []string
	}{
		"no answer":    {&hub.Error{Kind: hub.ErrUnavailable}, []string{"0s", "1s", "3s", "7s"}},
		"a rate limit": {&hub.Error{Kind: hub.ErrRateLimited, RetryAfter: time.Minute}, []string{"0s", "1m0s", "2m0s", "3m0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, began := &github{}, time.Now()
				g.fail = func(n int) error {
					if n < 3 {
						return c.err
					}
					return nil
				}
				r, _ := setup(t, g, &memory{})
				synctest.Wait()
				if s := r.State(); !errors.Is(s.Problem, c.err) || !s.Since.Equal(began) || !s.LastRun.IsZero() || !s.Running {
					t.Errorf("state %+v", s)
				}
				time.Sleep(4 * time.Minute)
				synctest.Wait()
				if got := g.after(began); !slices.Equal(got, c.want) {
					t.Errorf("reads after %v, want %v", got, c.want)
				}
				if s := r.State(); s.Problem != nil || s.LastRun.IsZero() || !s.Since.IsZero() {
					t.Errorf("state %+v after a good read", s)
				}
			})
		})
	}
}

// What could not be stored is read again: the time of the read is not remembered.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m := &memory{fail: errors.New("disk full")}
		setup(t, g, m)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if !m.at.IsZero() {
			t.Error("a read that was not stored counts as complete")
		}
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(g.since) < 2 || !g.since[1].IsZero() || m.at.IsZero() {
			t.Errorf("reads since %v", g.since)
		}
	})
}
