package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// memory is a store in memory, so that the clock of the tests stands still while
// nothing happens. The wiring with the real store is tested in internal/server.
type memory struct {
	mu    sync.Mutex
	jobs  []githubjobs.Spec
	facts map[string]githubjobs.Facts
	fail  error
	lost  error // what the lead says
}

// lead is a lead that is taken now, and held as long as the memory says so.
func (m *memory) lead() Lead { return &lead{time.Now(), m} }

type lead struct {
	since time.Time
	m     *memory
}

func (l *lead) Since() time.Time { return l.since }

func (l *lead) Hold(context.Context) error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	return l.m.lost
}

func (m *memory) add(ids ...string) { m.addOf("", ids) }

func (m *memory) addKeyed(ids ...string) { m.addOf(strings.Repeat("a", 64), ids) }

func (m *memory) addOf(request string, ids []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main", Request: request}
		s.Normalize(time.Now())
		m.jobs = append(m.jobs, s)
	}
}

func (m *memory) Waiting(_ context.Context, _ string, limit int) ([]githubjobs.Facts, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var w []githubjobs.Facts
	for _, s := range m.jobs {
		f := githubjobs.Merge(m.facts[s.ID], githubjobs.Facts{ID: s.ID, Spec: &s})
		if _, waits := f.Waits(time.Now()); waits && len(w) < limit {
			w = append(w, f)
		}
	}
	return w, nil
}

func (m *memory) MergeFacts(_ context.Context, _ string, facts ...githubjobs.Facts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	for _, f := range facts {
		m.facts[f.ID] = githubjobs.Merge(m.facts[f.ID], f)
	}
	return nil
}

// push is one call of Submit.
type push struct {
	at  time.Time
	ids []string
}

// github answers pushes as its answer function says.
type github struct {
	mu     sync.Mutex
	pushes []push
	takes  time.Duration // a push
	answer func(n int, spec githubjobs.Spec) (each, whole error)
	seen   func(orders []githubjobs.Order) // is told each push before it is answered
}

func (g *github) Submit(ctx context.Context, orders []githubjobs.Order) ([]hub.Submission, error) {
	g.mu.Lock()
	n, p := len(g.pushes), push{at: time.Now()}
	for _, o := range orders {
		p.ids = append(p.ids, o.Name().String())
	}
	g.pushes = append(g.pushes, p)
	g.mu.Unlock()
	select {
	case <-time.After(g.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if g.seen != nil {
		g.seen(orders)
	}
	var results []hub.Submission
	for _, o := range orders {
		s := o.Spec
		r := hub.Submission{ID: s.ID, Attempt: o.Attempt, SHA: "sha-" + o.Name().String(), Created: true}
		if g.answer != nil {
			each, whole := g.answer(n, s)
			if whole != nil {
				return nil, whole
			}
			if r.Err = each; each != nil {
				r.SHA, r.Created = "", false
			}
		}
		results = append(results, r)
	}
	return results, nil
}

// reader reads GitHub a millisecond after it was asked to.
type reader struct {
	mu    sync.Mutex
	last  time.Time
	reads int
	finds func() // what a read does to the store
	done  func()
}

func (r *reader) LastRead() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

func (r *reader) ReadNow() {
	time.AfterFunc(time.Millisecond, func() {
		r.mu.Lock()
		began := time.Now()
		if r.finds != nil {
			r.finds()
		}
		r.last = began
		r.reads++
		r.mu.Unlock()
		r.done()
	})
}

// setup starts a dispatcher within the bubble of a synctest.
func setup(t *testing.T, g *github) (*memory, *Dispatcher) {
	m := &memory{facts: map[string]githubjobs.Facts{}}
	return m, start(t, g, m, &reader{})
}

// submitter is a Hub that answers whole pushes.
type submitter func([]githubjobs.Order) []hub.Submission

func (s submitter) Submit(_ context.Context, orders []githubjobs.Order) ([]hub.Submission, error) {
	return s(orders), nil
}

func start(t *testing.T, g Hub, m *memory, r *reader, then ...func(*Dispatcher)) *Dispatcher {
	d := run(t, g, m, r, GitHubsPace)
	for _, do := range then {
		do(d)
		synctest.Wait()
	}
	return d
}

func startPaced(t *testing.T, g Hub, m *memory, p Pace) *Dispatcher {
	return run(t, g, m, &reader{}, p)
}

func run(t *testing.T, g Hub, m *memory, r *reader, p Pace) *Dispatcher {
	d := New(Options{Project: "p", Hub: g, Store: m, Reader: r, Pace: p, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	r.done = d.Wake
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := d.Run(ctx, m.lead()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	time.Sleep(time.Millisecond) // what is created from now on is later than the start
	synctest.Wait()
	return d
}

func ids(n int, prefix string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%d", prefix, i)
	}
	return list
}
