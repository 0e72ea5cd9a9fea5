package control

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A server that was away has not been told what has become of its jobs. It concludes nothing from
// that before GitHub was read: not that a job has not begun in time, and not that GitHub can't end one.
func TestNothingIsConcludedBeforeGitHubWasRead(t *testing.T) {
	t.Parallel()
	pushed := func() *githubjobs.Dispatch { return &githubjobs.Dispatch{At: time.Now()} }
	began := func() []githubjobs.RunFact {
		return []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "in_progress", At: time.Now().Add(time.Minute)}}
	}
	ended := func() []githubjobs.RunFact {
		return []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "success", At: time.Now().Add(time.Hour)}}
	}
	for name, c := range map[string]struct {
		facts   func() githubjobs.Facts
		found   func() []githubjobs.RunFact // by the read
		calls   []string
		expired bool
	}{
		"begun in time": {func() githubjobs.Facts { return githubjobs.Facts{Dispatch: pushed()} }, began, nil, false},
		"never begun": {func() githubjobs.Facts { return githubjobs.Facts{Dispatch: pushed()} }, nil,
			[]string{"delete job/a"}, true},
		"ended before it could be cancelled": {func() githubjobs.Facts {
			return githubjobs.Facts{Dispatch: pushed(), Cancel: &githubjobs.CancelFact{By: "x", At: time.Now()}}
		}, ended, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, f := &github{}, c.facts()
				f.ID, f.Spec = "a", &githubjobs.Spec{ID: "a", CreatedAt: time.Now(), QueueTTLSeconds: 600}
				m := &memory{jobs: map[string]githubjobs.Facts{"a": f}, written: map[string]time.Time{"a": time.Now()}, complete: time.Now()}
				found := githubjobs.Facts{ID: "a"}
				if c.found != nil {
					found.Runs = c.found()
				}
				reads, reading := 0, sync.Mutex{}
				m.read = func() { // which takes a minute
					if !reading.TryLock() {
						return
					}
					defer reading.Unlock()
					began := time.Now()
					time.Sleep(time.Minute)
					if err := m.MergeFacts(t.Context(), "p", found); err != nil {
						t.Error(err)
					}
					m.mu.Lock()
					defer m.mu.Unlock()
					m.complete, reads = began, reads+1
				}
				g.began = time.Now()
				time.Sleep(2 * time.Hour) // it is away
				control(t, g, m)
				time.Sleep(30 * time.Second)
				synctest.Wait()
				m.mu.Lock()
				if now := m.jobs["a"]; len(g.made()) != 0 || now.Cancel != nil && f.Cancel == nil {
					t.Errorf("before the read: calls %q, cancel %+v", g.made(), now.Cancel)
				}
				m.mu.Unlock()
				time.Sleep(time.Hour)
				synctest.Wait()
				m.mu.Lock()
				defer m.mu.Unlock()
				now, calls := m.jobs["a"], g.made()
				if reads == 0 || !slices.Equal(calls, c.calls) || (now.Cancel != nil && now.Cancel.Expired) != c.expired {
					t.Errorf("after %d reads: calls %q, want %q; cancel %+v", reads, calls, c.calls, now.Cancel)
				}
			})
		})
	}
}

// made are the calls, without the times at which they were made.
func (g *github) made() (calls []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, call := range g.calls {
		name, _, _ := strings.Cut(call, " after")
		calls = append(calls, name)
	}
	return calls
}
