package server

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A delayed job is pushed when its time has come, and not before.
func TestDelayedJob(t *testing.T) {
	t.Parallel()
	hub := startGitHub(t)
	s := start(t, hub.config(t))
	until := time.Now().Add(5 * time.Second)
	id := s.create(t, fmt.Sprintf(`{"job":"later","delay_until":%q}`, until.Format(time.RFC3339Nano)))
	now := s.create(t, `{"job":"now"}`)
	if j := s.status(t, id); time.Now().Before(until) && (j.Reason != githubjobs.ReasonDelayed || j.Terminal) {
		t.Errorf("the delayed job is %s: %s", j.Reason, j.Message)
	}
	eventually(t, "the other job is pushed", func() bool { return s.status(t, now).Reason == githubjobs.ReasonPushed })
	if branches := hub.jobBranches(t); time.Now().Before(until) && !slices.Equal(branches, []string{"job/" + now}) {
		t.Errorf("branches %v before its time", branches)
	}
	eventually(t, "the delayed job is pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	if time.Now().Before(until) {
		t.Error("it was pushed before its time")
	}
}

// A job that can't be pushed within its queue_ttl_seconds is never pushed.
func TestExpiredJob(t *testing.T) {
	t.Parallel()
	hub := startGitHub(t)
	cfg := hub.config(t)
	cfg.BaseBranch = "main"
	good := cfg.GitHubServerURL
	cfg.GitHubServerURL = "http://127.0.0.1:9" // nothing listens there
	s := start(t, cfg)
	id := s.create(t, `{"job":"soon or never","queue_ttl_seconds":1}`)
	eventually(t, "its time is over", func() bool { return strings.Contains(s.status(t, id).Message, "has not begun in time") })
	s.stop()
	cfg.GitHubServerURL = good
	s = start(t, cfg)
	eventually(t, "the job has ended", func() bool { return s.status(t, id).Terminal })
	if j := s.status(t, id); j.Reason != githubjobs.ReasonNeverStarted || !strings.Contains(j.Message, "queue_ttl_seconds") {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
	if branches := hub.jobBranches(t); len(branches) != 0 {
		t.Errorf("branches %v", branches)
	}
}
