package server

import (
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// After an outage a delivery from before it is processed: the run ended hours ago, and
// what it left may be on GitHub. It is not missing before GitHub was read.
func TestNothingIsMissingBeforeGitHubWasRead(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	s := start(t, cfg)
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Evidence.BranchSHA != "" })
	head := s.status(t, id).Evidence.BranchSHA
	s.stop()

	down := cfg
	down.GitHubServerURL = "http://127.0.0.1:1"
	s = start(t, down)
	known := s.complete()
	ended := githubjobs.RunFact{ID: 7, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: head, At: known.Add(-time.Minute)}
	check(t, s.store.MergeFacts(t.Context(), s.project, githubjobs.Facts{ID: id, Runs: []githubjobs.RunFact{ended}}))
	f, err := s.asked().Facts(t.Context(), s.project, id)
	check(t, err)
	if j := githubjobs.Reduce(f, time.Now().Add(5*time.Hour)); j.Reason != githubjobs.ReasonPublishing {
		t.Errorf("hours later, GitHub not read: %s (%s)", j.Reason, j.Message)
	}
	s.stop()

	s = start(t, cfg)
	if s.complete().Before(known) {
		t.Errorf("complete until %s, before the restart until %s", s.complete(), known)
	}
	eventually(t, "GitHub was read: there is nothing", func() bool { return s.status(t, id).Reason == githubjobs.ReasonAgentError })
}
