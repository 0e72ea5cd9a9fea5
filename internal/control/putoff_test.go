package control

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// canceled are n jobs that run and were asked to end; the runs are 1 to n.
func canceled(n int) *memory {
	m := &memory{jobs: map[string]githubjobs.Facts{}, written: map[string]time.Time{}}
	for i := range n {
		id, now := fmt.Sprintf("job-%03d", i+1), time.Now()
		m.jobs[id] = githubjobs.Facts{ID: id, Spec: &githubjobs.Spec{ID: id, CreatedAt: now}, Cancel: &githubjobs.CancelFact{By: "x", At: now},
			Runs: []githubjobs.RunFact{{ID: int64(i + 1), Attempt: 1, Status: "in_progress", At: now}}}
		m.written[id] = now
	}
	return m
}

func controller(m *memory, g *github) *Controller {
	g.began = time.Now()
	return New(Options{Project: "p", Hub: g, Store: m, OpenPulls: true, Changed: func() {}, Read: func() {}, Released: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

// A step that fails again and again, for as many jobs as a round takes failures and more,
// keeps no other job from its own, and is tried less and less often.
func TestOneJobHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for _, broken := range []int{1, mostFailures, 2*mostFailures + 1} {
		t.Run(fmt.Sprint(broken), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := canceled(broken + 30)
				g := &github{}
				g.answer = func(call string) error {
					var run int
					if fmt.Sscanf(call, "cancel %d", &run); run != 0 && run <= broken {
						return down
					}
					return nil
				}
				c := controller(m, g)
				go c.Run(t.Context())
				time.Sleep(10 * time.Second)
				synctest.Wait()
				m.mu.Lock()
				for id, f := range m.jobs {
					if run := int(f.Runs[0].ID); (f.Cancel.Answer == githubjobs.CancelAccepted) != (run > broken) {
						t.Errorf("%s, of %d that fail: %+v", id, broken, f.Cancel)
					}
				}
				m.mu.Unlock()
				time.Sleep(time.Hour)
				synctest.Wait()
				g.mu.Lock()
				defer g.mu.Unlock()
				tries := slices.DeleteFunc(slices.Clone(g.calls), func(call string) bool { return !strings.HasPrefix(call, "cancel 1 ") })
				if len(tries) < 20 || len(tries) > 70 {
					t.Errorf("the first job's step was tried %d times in an hour", len(tries))
				}
			})
		})
	}
}

// Where GitHub asks to wait, all wait; and what failed then is done.
func TestGitHubAsksToWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := canceled(3)
		g := &github{}
		g.answer = func(string) error {
			if time.Since(g.began) < 90*time.Second {
				return &hub.Error{Kind: hub.ErrRateLimited, Status: 403, RetryAfter: 90 * time.Second}
			}
			return nil
		}
		c := controller(m, g)
		go c.Run(t.Context())
		time.Sleep(95 * time.Second)
		synctest.Wait()
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.calls) != 4 || !strings.HasSuffix(g.calls[0], " after 0s") || !strings.HasSuffix(g.calls[1], " after 1m30s") {
			t.Errorf("calls %q", g.calls)
		}
	})
}

// What was put off of a job is forgotten once nothing is due about it.
func TestPutOffIsForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := canceled(1)
		c := controller(m, &github{answer: func(string) error { return down }})
		if _, err := c.round(t.Context()); err != nil || len(c.putOffs) != 1 {
			t.Fatalf("%v, %v", c.putOffs, err)
		}
		over := githubjobs.RunFact{ID: 1, Attempt: 1, Status: "completed", Conclusion: "cancelled", At: time.Now()}
		if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "job-001", Runs: []githubjobs.RunFact{over}}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.round(t.Context()); err != nil || len(c.putOffs) != 0 {
			t.Errorf("%v, %v", c.putOffs, err)
		}
	})
}
