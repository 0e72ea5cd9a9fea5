package rest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

// Whatever happens to a pull request, the event tells it as the API does right after,
// its time included.
func TestEventsBearTheTimeOfTheChange(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var mu sync.Mutex
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	h.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}
	told := map[string]time.Time{} // by action
	h.Bus.Subscribe(func(e event.Event) {
		if p, ok := e.(event.PullRequest); ok {
			mu.Lock()
			defer mu.Unlock()
			told[p.Action] = p.Pull.UpdatedAt
		}
	})
	h.branch("job/1", "a", "1")
	h.open("job/1", "first")
	edit := func(change github.PullRequest) func() error {
		return func() error {
			_, _, err := h.alice.PullRequests.Edit(hubtest.Within(t), "alice", "reports", 1, &change)
			return err
		}
	}
	for _, step := range []struct {
		action string
		do     func() error
	}{
		{"edited", edit(github.PullRequest{Title: github.String("second")})},
		{"closed", edit(github.PullRequest{State: github.String("closed")})},
		{"reopened", edit(github.PullRequest{State: github.String("open")})},
		{"labeled", func() error {
			_, _, err := h.alice.Issues.AddLabelsToIssue(hubtest.Within(t), "alice", "reports", 1, []string{"hold"})
			return err
		}},
		{"unlabeled", func() error {
			_, err := h.alice.Issues.RemoveLabelForIssue(hubtest.Within(t), "alice", "reports", 1, "hold")
			return err
		}},
		{"closed", func() error {
			_, _, err := h.alice.PullRequests.Merge(hubtest.Within(t), "alice", "reports", 1, "", nil)
			return err
		}},
	} {
		mu.Lock()
		now = now.Add(time.Minute)
		want := now
		delete(told, step.action)
		mu.Unlock()
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.action, err)
		}
		mu.Lock()
		at := told[step.action]
		mu.Unlock()
		if shown := h.pull(1).GetUpdatedAt(); !at.Equal(want) || !shown.Equal(github.Timestamp{Time: want}) {
			t.Errorf("%s: the event says updated at %s, the API %s, want %s", step.action, at, shown, want)
		}
	}
}
