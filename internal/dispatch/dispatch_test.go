package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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
		if f := m.facts[s.ID]; f.Dispatch == nil && len(w) < limit {
			w = append(w, githubjobs.Merge(f, githubjobs.Facts{ID: s.ID, Spec: &s}))
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
	seen   func(specs []githubjobs.Spec) // is told each push before it is answered
}

func (g *github) Submit(ctx context.Context, specs []githubjobs.Spec) ([]hub.Submission, error) {
	g.mu.Lock()
	n, p := len(g.pushes), push{at: time.Now()}
	for _, s := range specs {
		p.ids = append(p.ids, s.ID)
	}
	g.pushes = append(g.pushes, p)
	g.mu.Unlock()
	select {
	case <-time.After(g.takes):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if g.seen != nil {
		g.seen(specs)
	}
	var results []hub.Submission
	for _, s := range specs {
		r := hub.Submission{ID: s.ID, SHA: "sha-" + s.ID, Created: true}
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
type submitter func([]githubjobs.Spec) []hub.Submission

func (s submitter) Submit(_ context.Context, specs []githubjobs.Spec) ([]hub.Submission, error) {
	return s(specs), nil
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

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{takes: time.Second}
		m, d := setup(t, g)
		began := time.Now()
		m.add("first")
		d.Wake()
		time.Sleep(100 * time.Millisecond)
		for _, id := range ids(3, "job-") {
			m.add(id)
			d.Wake()
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if len(g.pushes) != 2 || !slices.Equal(g.pushes[0].ids, []string{"first"}) || !slices.Equal(g.pushes[1].ids, ids(3, "job-")) {
			t.Fatalf("pushes %+v; want the first alone, then the three together", g.pushes)
		}
		if at := g.pushes[0].at.Sub(began); at != 0 {
			t.Errorf("the first push began after %s", at)
		}
		if at := g.pushes[1].at.Sub(began); at != time.Second {
			t.Errorf("the second push began after %s, want as soon as the first had ended", at)
		}
		f := m.facts["first"]
		if f.Dispatch == nil || f.Dispatch.Refused != "" || f.Branch == nil || f.Branch.Head != "sha-first" {
			t.Errorf("facts %+v", f)
		}
	})
}

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m, d := setup(t, g)
		began := time.Now()
		m.add(ids(1200, "job-")...)
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		var got []string
		for _, p := range g.pushes {
			got = append(got, fmt.Sprintf("%d after %s", len(p.ids), p.at.Sub(began)))
		}
		if want := []string{"500 after 0s", "500 after 10s", "200 after 20s"}; !slices.Equal(got, want) {
			t.Fatalf("pushes %v, want %v", got, want)
		}
	})
}

// Jobs that come all at once, or a few hundred a second, ride in few pushes.
func TestManyJobsTakeFewPushes(t *testing.T) {
	t.Parallel()
	for jobs, most := range map[int]int{1_000: 3, 10_000: 25} {
		t.Run(fmt.Sprint(jobs), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &github{takes: 600 * time.Millisecond}
				m, d := setup(t, g)
				for i := range jobs / 100 {
					m.add(ids(100, fmt.Sprintf("job-%d-", i))...)
					d.Wake()
					time.Sleep(30 * time.Millisecond)
				}
				time.Sleep(time.Duration(jobs/500) * refsWindow)
				synctest.Wait()
				pushed := 0
				for _, p := range g.pushes {
					pushed += len(p.ids)
				}
				if pushed != jobs || len(g.pushes) > most {
					t.Errorf("%d jobs in %d pushes, want %d in at most %d", pushed, len(g.pushes), jobs, most)
				}
			})
		})
	}
}

// A caller that goes on for ever costs six pushes a minute; after a quiet time the
// next job goes out at once again, and with no limit every one does.
func TestPushesPerMinute(t *testing.T) {
	t.Parallel()
	for pushes, want := range map[int][2]int{6: {32, 34}, 60: {300, 331}, 0: {590, 601}} {
		t.Run(fmt.Sprint(pushes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, m := &github{}, &memory{facts: map[string]githubjobs.Facts{}}
				d := startPaced(t, g, m, Pace{Refs: 500, Pushes: pushes})
				for i := range 600 {
					m.add(fmt.Sprintf("job-%d", i))
					d.Wake()
					time.Sleep(time.Second / 2)
				}
				synctest.Wait() // a push may be made at this very moment
				if n := len(g.pushes); n < want[0] || n > want[1] {
					t.Errorf("%d pushes in five minutes, want %d to %d", n, want[0], want[1])
				}
				time.Sleep(time.Minute)
				at := time.Now()
				m.add("after a quiet time")
				d.Wake()
				synctest.Wait()
				if last := g.pushes[len(g.pushes)-1]; last.at != at || len(last.ids) != 1 {
					t.Errorf("the last push was %+v, want it at %s", last, at)
				}
			})
		})
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pace Pace
		jobs int
		want time.Duration
	}{
		{GitHubsPace, 0, 0},
		{GitHubsPace, 1, 20 * time.Millisecond},
		{GitHubsPace, 180_000, time.Hour},
		{Pace{Refs: 500, Pushes: 3}, 180_000, 2 * time.Hour},
		{Pace{Refs: 500, Pushes: 60}, 180_000, time.Hour},
		{Pace{Refs: 100}, 1_000, 100 * time.Second},
	} {
		if got := c.pace.Drain(c.jobs); got != c.want {
			t.Errorf("%d jobs at %+v take %s, want %s", c.jobs, c.pace, got, c.want)
		}
	}
}

func TestWholePushFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err     error
		atLeast time.Duration // before the second try
		atMost  time.Duration
	}{
		"no answer":       {&hub.Error{Kind: hub.ErrUnavailable}, firstDelay / 2, firstDelay},
		"a rate limit":    {&hub.Error{Kind: hub.ErrRateLimited, RetryAfter: 90 * time.Second}, 90 * time.Second, 90 * time.Second},
		"a revoked token": {&hub.Error{Kind: hub.ErrUnauthorized, Status: 401}, firstDelay / 2, firstDelay},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &github{answer: func(n int, _ githubjobs.Spec) (error, error) {
					if n < 2 {
						return nil, c.err
					}
					return nil, nil
				}}
				m, d := setup(t, g)
				m.add("a")
				d.Wake()
				synctest.Wait()
				if s := d.State(); !errors.Is(s.Problem, c.err) || s.Since.IsZero() {
					t.Errorf("state %+v does not tell the problem", s)
				}
				m.add("b") // must not be lost, and must not cut the wait short
				d.Wake()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if len(g.pushes) != 3 || !slices.Equal(g.pushes[2].ids, []string{"a", "b"}) {
					t.Fatalf("pushes %+v", g.pushes)
				}
				if waited := g.pushes[1].at.Sub(g.pushes[0].at); waited < c.atLeast || waited > c.atMost {
					t.Errorf("tried again after %s, want %s to %s", waited, c.atLeast, c.atMost)
				}
				if s := d.State(); s.Problem != nil || s.LastPush.IsZero() {
					t.Errorf("state %+v after the push went through", s)
				}
			})
		})
	}
}

func TestSingleJobs(t *testing.T) {
	t.Parallel()
	busy := &hub.Error{Kind: hub.ErrRefBusy, Message: "failed"}
	refused := map[string]error{
		"hook":  &hub.Error{Kind: hub.ErrRefused, Message: "declined by a ruleset"},
		"base":  &hub.Error{Kind: hub.ErrNotFound, Message: `the repository has no branch "x" to start from`},
		"taken": &hub.TakenError{Branch: "job/taken"},
	}
	synctest.Test(t, func(t *testing.T) {
		g := &github{answer: func(n int, s githubjobs.Spec) (error, error) {
			if s.ID == "busy" && n == 0 {
				return busy, nil
			}
			return refused[s.ID], nil
		}}
		m, d := setup(t, g)
		m.add("hook", "busy", "good", "base", "taken")
		d.Wake()
		synctest.Wait()
		m.add("later") // is not held up by the busy one
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		// What is refused beside others is tried alone before it is refused for good.
		if len(g.pushes) != 4 || !slices.Equal(g.pushes[1].ids, []string{"hook"}) || !slices.Equal(g.pushes[2].ids, []string{"later"}) || !slices.Equal(g.pushes[3].ids, []string{"busy"}) {
			t.Fatalf("pushes %+v", g.pushes)
		}
		for id, err := range refused {
			j := githubjobs.Reduce(m.facts[id], time.Now())
			if j.Reason != githubjobs.ReasonPushRefused || m.facts[id].Dispatch.Refused != refusal(err) {
				t.Errorf("%s: %s, %+v", id, j.Reason, m.facts[id].Dispatch)
			}
		}
		for _, id := range []string{"good", "busy", "later"} {
			if f := m.facts[id]; f.Dispatch == nil || f.Dispatch.Refused != "" {
				t.Errorf("%s: %+v", id, f.Dispatch)
			}
		}
	})
}

// What GitHub has under an idempotency key is the job, whatever a server without
// memory has accepted since; nothing of it is refused or failed.
func TestKeyUsedBefore(t *testing.T) {
	t.Parallel()
	began := time.Now()
	for name, answer := range map[string]func(first *githubjobs.Spec) hub.Submission{
		"for this request": func(first *githubjobs.Spec) hub.Submission { return hub.Submission{SHA: "abc", Found: first} },
		"for another": func(first *githubjobs.Spec) hub.Submission {
			return hub.Submission{Err: &hub.TakenError{Branch: "job/k", Spec: first}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := githubjobs.Spec{ID: "k", Kind: githubjobs.KindReport, Prompt: "first", Base: "main", Request: "1", CreatedAt: began.Add(-time.Hour)}
				m := &memory{facts: map[string]githubjobs.Facts{}}
				start(t, submitter(func([]githubjobs.Spec) []hub.Submission {
					s := answer(&first)
					s.ID = "k"
					return []hub.Submission{s}
				}), m, &reader{}, func(d *Dispatcher) { m.add("k"); d.Wake() })
				f := m.facts["k"]
				if f.Spec == nil || f.Spec.Prompt != "first" || f.Dispatch == nil || f.Dispatch.Refused != "" {
					t.Errorf("facts %+v", f)
				}
			})
		})
	}
}

func TestStoreFailsAfterPush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m, d := setup(t, g)
		m.fail = errors.New("disk full")
		m.add("a")
		d.Wake()
		synctest.Wait()
		m.mu.Lock()
		m.fail = nil
		m.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(g.pushes) != 2 || m.facts["a"].Dispatch == nil {
			t.Fatalf("pushes %+v, facts %+v", g.pushes, m.facts["a"])
		}
	})
}

func TestStopDuringPush(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{takes: time.Hour}
		m, d := setup(t, g)
		m.add("a")
		d.Wake()
		synctest.Wait() // the test ends, and setup's cleanup waits for Run
		if !d.State().Running {
			t.Error("the dispatcher does not run")
		}
	})
}
