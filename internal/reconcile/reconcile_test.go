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
	last   time.Time // webhook
}

func (m *memory) Project(context.Context, string) (store.Project, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Project{ReconciledAt: m.at}, nil
}

func (m *memory) Known(context.Context, string, time.Time) (map[githubjobs.Name]store.Known, error) {
	return map[githubjobs.Name]store.Known{{ID: "a", Attempt: 1}: {Head: "abc", Run: 7}}, nil
}

func (m *memory) Counts(context.Context, string) (store.Counts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return store.Counts{Active: m.active, LastDelivery: m.last}, nil
}

func (m *memory) MergeFacts(_ context.Context, _ string, facts ...githubjobs.Facts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.facts = append(m.facts, facts...)
	return m.fail
}

func (m *memory) Facts(context.Context, string, string) (githubjobs.Facts, error) {
	return githubjobs.Facts{}, store.ErrNotFound
}

func (m *memory) Active(context.Context, string, string, int) ([]githubjobs.Facts, error) {
	return nil, nil
}

func (m *memory) Delivery(_ context.Context, _, guid string) (store.Delivery, error) {
	if guid == "came" {
		return store.Delivery{GUID: guid}, nil
	}
	return store.Delivery{}, store.ErrNotFound
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
	known []map[githubjobs.Name]hub.Known
	fail  func(n int) error

	cost   int // requests of a read that were not answered by 304
	budget hub.Budget
	hooks  []hub.Webhook
	failed []hub.Delivery
	refuse error // by what there is to webhooks
	looks  int
	sweeps []time.Time
	asked  []string
}

func (g *github) Check(context.Context) (string, error) { return "trunk", nil }

func (g *github) Everything(ctx context.Context, o hub.Full) (hub.Reading, error) {
	return g.Changed(ctx, time.Time{}, nil, o.Found)
}

func (g *github) Changed(ctx context.Context, since time.Time, known map[githubjobs.Name]hub.Known, found hub.Found) (hub.Reading, error) {
	g.mu.Lock()
	n := len(g.reads)
	g.reads, g.since, g.known = append(g.reads, time.Now()), append(g.since, since), append(g.known, known)
	reading := hub.Reading{At: time.Now(), Requests: 3 + g.cost, Unchanged: 3}
	fail := g.fail
	g.mu.Unlock()
	if fail != nil {
		if err := fail(n); err != nil {
			return hub.Reading{}, err
		}
	}
	return reading, found(ctx, []githubjobs.Facts{{ID: "a"}})
}

func (g *github) Facts(_ context.Context, id string) (githubjobs.Facts, error) {
	return githubjobs.Facts{ID: id}, nil
}

func (g *github) Budget() hub.Budget {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.budget
}

func (g *github) Webhooks(context.Context, string) ([]hub.Webhook, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.looks++
	return g.hooks, g.refuse
}

func (g *github) FailedDeliveries(_ context.Context, _ hub.Webhook, since time.Time) ([]hub.Delivery, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweeps = append(g.sweeps, since)
	return slices.Clone(g.failed), g.refuse
}

func (g *github) Redeliver(_ context.Context, d hub.Delivery) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked = append(g.asked, d.GUID)
	return g.refuse
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
		WebhookPath: "/webhooks/github", Done: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
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
		if k := g.known[1][githubjobs.Name{ID: "a", Attempt: 1}]; k != (hub.Known{Head: "abc", Run: 7}) {
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
		"a rate limit": {&hub.Error{Kind: hub.ErrRateLimited, RetryAfter: time.Minute}, []string{"0s", "1m0s", "3m0s", "7m0s"}},
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
				time.Sleep(8 * time.Minute)
				synctest.Wait()
				if got := g.after(began); len(got) < 4 || !slices.Equal(got[:4], c.want) {
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

func (m *memory) webhook() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = time.Now()
}

// While webhooks arrive, GitHub is read less often; once they are silent, more often.
func TestWebhooksCalmTheReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, m, began := &github{}, &memory{active: 1}, time.Now()
		m.webhook()
		setup(t, g, m)
		for range 9 { // until 3m
			time.Sleep(20 * time.Second)
			m.webhook()
		}
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if got, want := g.after(began), []string{"0s", "2m0s", "4m0s", "4m30s", "5m0s", "5m30s", "6m0s"}; !slices.Equal(got, want) {
			t.Errorf("reads after %v, want %v", got, want)
		}
	})
}

func TestRebuildWaitsForWhatPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, m := &github{}, &memory{}
		g.fail = func(n int) error {
			if n < 2 {
				return &hub.Error{Kind: hub.ErrRateLimited, RetryAfter: time.Minute}
			}
			return nil
		}
		r := New(Options{Project: "p", Hub: g, Store: m, Interval: time.Minute, WebhookPath: "/webhooks/github", Base: func(string) {}, Done: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		var waits []time.Duration
		wait := func(ctx context.Context, d time.Duration, err error) error {
			waits = append(waits, d)
			return hub.Sleep(ctx, d)
		}
		if err := r.Rebuild(t.Context(), false, wait); err != nil {
			t.Fatal(err)
		}
		if g.looks != 0 {
			t.Error("deliveries were asked for while nobody takes them")
		}
		if !slices.Equal(waits, []time.Duration{time.Minute, 2 * time.Minute}) || len(g.reads) != 4 || g.since[3].IsZero() {
			t.Errorf("waited %v, read %d times since %v", waits, len(g.reads), g.since)
		}
		if err := r.Rebuild(t.Context(), false, wait); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("a second rebuild: %v", err)
		}
		if err := r.Rebuild(t.Context(), true, wait); err != nil || len(g.reads) != 6 || !g.since[4].IsZero() {
			t.Errorf("a forced rebuild: %v, reads since %v", err, g.since)
		}
	})
}
