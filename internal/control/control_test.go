package control

import (
	"context"
	"fmt"
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

// memory is a store in memory, so that the clock of the tests can be stopped. The real
// ones pass storetest, and internal/server tests the wiring.
type memory struct {
	mu       sync.Mutex
	jobs     map[string]githubjobs.Facts
	written  map[string]time.Time
	complete time.Time // until then the facts are complete; zero for always
	read     func()    // reads GitHub; nil where nothing is to be found
	released int
}

func (m *memory) Due(_ context.Context, _ string, until time.Time, limit int) (due []githubjobs.Facts, _ error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.jobs {
		row, err := store.NewRow(f, true, m.seen(f.ID))
		if err != nil {
			return nil, err
		}
		if !row.DueAt.IsZero() && !row.DueAt.After(until) && len(due) < limit {
			f.Complete = m.complete
			due = append(due, f)
		}
	}
	return due, nil
}

// seen is when a job's row was written: what is due is computed then.
func (m *memory) seen(id string) time.Time { return m.written[id] }

func (m *memory) RefreshJobs(_ context.Context, _ string, ids ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range ids {
		m.written[id] = time.Now()
	}
	return nil
}

func (m *memory) MergeFacts(_ context.Context, _ string, facts ...githubjobs.Facts) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range facts {
		m.jobs[f.ID], m.written[f.ID] = githubjobs.Merge(m.jobs[f.ID], f), time.Now()
	}
	return nil
}

func (m *memory) reason(id string) githubjobs.Reason {
	m.mu.Lock()
	defer m.mu.Unlock()
	return githubjobs.Reduce(m.jobs[id], time.Now()).Reason
}

// github answers each call as its function says, and notes when it came.
type github struct {
	mu     sync.Mutex
	began  time.Time
	calls  []string
	answer func(call string) error
	opened hub.NewPull
	closed bool // the controller is told to open no pull requests
}

func (g *github) call(name string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls = append(g.calls, fmt.Sprintf("%s after %s", name, time.Since(g.began)))
	if g.answer == nil {
		return nil
	}
	return g.answer(name)
}

func (g *github) CancelRun(_ context.Context, run int64) error {
	return g.call(fmt.Sprint("cancel ", run))
}
func (g *github) ForceCancelRun(_ context.Context, run int64) error {
	return g.call(fmt.Sprint("force ", run))
}
func (g *github) OpenFor(_ context.Context, of githubjobs.Name, p hub.NewPull) (githubjobs.PullFact, error) {
	g.opened = p
	return githubjobs.PullFact{Number: 3, Open: true, HeadSHA: "r", Draft: p.Draft, Base: p.Base, At: time.Now()}, g.call("open " + of.Branch())
}
func (g *github) AddLabels(_ context.Context, number int, labels []string) error {
	return g.call(fmt.Sprint("label ", number, labels))
}
func (g *github) DeleteBranch(_ context.Context, branch string) error {
	return g.call("delete " + branch)
}

// start runs a controller on the facts of the job a, which was asked to be cancelled now.
func start(t *testing.T, g *github, facts githubjobs.Facts) *memory {
	facts.ID, facts.Spec = "a", &githubjobs.Spec{ID: "a", CreatedAt: time.Now()}
	facts.Cancel = &githubjobs.CancelFact{By: "x", At: time.Now()}
	return run(t, g, facts)
}

// run runs a controller on the facts of one job.
func run(t *testing.T, g *github, facts githubjobs.Facts) *memory {
	m := &memory{jobs: map[string]githubjobs.Facts{facts.ID: facts}, written: map[string]time.Time{facts.ID: time.Now()}}
	control(t, g, m)
	return m
}

// control runs a controller on the facts of a store.
func control(t *testing.T, g *github, m *memory) {
	g.began = time.Now()
	released := func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.released++
	}
	c := New(Options{Project: "p", Hub: g, Store: m, OpenPulls: !g.closed, Changed: func() {}, Read: func() { go m.read() }, Released: released, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- c.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	synctest.Wait()
}

func running() []githubjobs.RunFact {
	return []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "in_progress", At: time.Now()}}
}

var (
	ended     = &hub.Error{Kind: hub.ErrRunEnded, Message: "Cannot cancel a workflow run that is completed", Status: 409}
	forbidden = &hub.Error{Kind: hub.ErrForbidden, Status: 403}
	down      = &hub.Error{Kind: hub.ErrUnavailable, Status: 502}
)

func TestSteps(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts  func() githubjobs.Facts
		answer func(call string) error
		calls  []string
	}{
		"a zombie": {func() githubjobs.Facts { return githubjobs.Facts{Runs: running()} }, nil,
			[]string{"cancel 7 after 0s", "force 7 after 6m0s", "delete job/a after 9m0s"}},
		"GitHub refuses": {func() githubjobs.Facts { return githubjobs.Facts{Runs: running()} },
			func(call string) error {
				if call == "delete job/a" {
					return nil
				}
				return ended
			},
			[]string{"cancel 7 after 0s", "force 7 after 1m0s", "delete job/a after 4m0s"}},
		"the token may not": {func() githubjobs.Facts { return githubjobs.Facts{Runs: running()} },
			func(string) error { return forbidden },
			[]string{"cancel 7 after 0s", "force 7 after 1m0s", "delete job/a after 4m0s"}},
		"no run comes": {func() githubjobs.Facts { return githubjobs.Facts{Dispatch: &githubjobs.Dispatch{At: time.Now()}} }, nil,
			[]string{"delete job/a after 3m0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &github{answer: c.answer}
				m := start(t, g, c.facts())
				time.Sleep(time.Hour)
				synctest.Wait()
				if !slices.Equal(g.calls, c.calls) {
					t.Errorf("calls %q, want %q", g.calls, c.calls)
				}
				if r := m.reason("a"); r != githubjobs.ReasonCanceled {
					t.Errorf("the job is %s", r)
				}
			})
		})
	}
}

// A run that ends as it was asked to needs no further step; one that starts although
// the job was cancelled is cancelled too.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m := start(t, g, githubjobs.Facts{Dispatch: &githubjobs.Dispatch{At: time.Now()}})
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(g.calls) != 0 {
			t.Fatalf("calls %q", g.calls)
		}
		if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "a", Runs: running()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(longest)
		synctest.Wait()
		over := running()
		over[0].Status, over[0].Conclusion = "completed", "cancelled"
		if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "a", Runs: over}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(g.calls) != 1 {
			t.Errorf("calls %q, want one", g.calls)
		}
		if r := m.reason("a"); r != githubjobs.ReasonCanceled {
			t.Errorf("the job is %s", r)
		}
	})
}

// A delay that is over is told to the dispatcher once, at its time.
func TestRelease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		spec := githubjobs.Spec{ID: "a", CreatedAt: time.Now(), DelayUntil: time.Now().Add(time.Hour)}
		m := run(t, g, githubjobs.Facts{ID: "a", Spec: &spec})
		time.Sleep(time.Hour - time.Millisecond)
		synctest.Wait()
		if m.released != 0 || m.reason("a") != githubjobs.ReasonDelayed {
			t.Errorf("released %d times before its time; it is %s", m.released, m.reason("a"))
		}
		time.Sleep(longest)
		synctest.Wait()
		if m.released != 1 || m.reason("a") != githubjobs.ReasonAccepted || len(g.calls) != 0 {
			t.Errorf("released %d times; it is %s; calls %q", m.released, m.reason("a"), g.calls)
		}
	})
}

// A job that has not begun in time is given up: by the dispatcher where it still waits for
// its push, by GitHub where it is queued. One that runs is let run.
func TestExpire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		facts  githubjobs.Facts
		calls  []string
		asked  bool
		reason githubjobs.Reason // after an hour
	}{
		"not pushed": {githubjobs.Facts{}, nil, true, githubjobs.ReasonAccepted},
		"queued":     {githubjobs.Facts{Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "queued"}}}, []string{"cancel 7 after 10m1s", "force 7 after 16m1s", "delete job/a after 19m1s"}, true, githubjobs.ReasonNeverStarted},
		"running":    {githubjobs.Facts{Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "in_progress"}}}, nil, false, githubjobs.ReasonRunning},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &github{}
				c.facts.ID, c.facts.Spec = "a", &githubjobs.Spec{ID: "a", CreatedAt: time.Now(), QueueTTLSeconds: 600}
				for i := range c.facts.Runs {
					c.facts.Runs[i].At = time.Now()
				}
				m := run(t, g, c.facts)
				time.Sleep(time.Hour)
				synctest.Wait()
				if f := m.jobs["a"]; !slices.Equal(g.calls, c.calls) || (f.Cancel != nil) != c.asked || m.reason("a") != c.reason {
					t.Errorf("calls %q, want %q; cancel %+v, it is %s", g.calls, c.calls, f.Cancel, m.reason("a"))
				}
			})
		})
	}
}

// What fails for a time is tried again, later each time, and nothing is forgotten.
func TestGitHubIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		g.answer = func(string) error {
			if len(g.calls) < 4 {
				return down
			}
			return nil
		}
		start(t, g, githubjobs.Facts{Runs: running()})
		time.Sleep(time.Minute)
		synctest.Wait()
		want := []string{"cancel 7 after 0s", "cancel 7 after 1s", "cancel 7 after 3s", "cancel 7 after 7s"}
		if !slices.Equal(g.calls, want) {
			t.Errorf("calls %q, want %q", g.calls, want)
		}
	})
}
