package dispatch

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

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
				start(t, submitter(func([]githubjobs.Order) []hub.Submission {
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
