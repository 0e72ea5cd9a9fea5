package server

import (
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
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
	project := s.project
	s.stop()
	known := time.Now().Add(-2 * time.Hour).UTC().Truncate(time.Second)
	db, err := sqlite.Open(t.Context(), cfg.DatabasePath, time.Now)
	check(t, err)
	check(t, db.SetReconciled(t.Context(), project, known))
	check(t, db.Close())

	down := cfg
	down.GitHubServerURL = "http://127.0.0.1:1"
	s = start(t, down)
	ended := githubjobs.RunFact{ID: 7, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: head, At: known.Add(time.Hour)}
	check(t, s.store.MergeFacts(t.Context(), project, githubjobs.Facts{ID: id, Runs: []githubjobs.RunFact{ended}}))
	f, err := s.store.Facts(t.Context(), s.project, id)
	check(t, err)
	if j := githubjobs.Reduce(f, time.Now()); j.Reason != githubjobs.ReasonPublishing {
		t.Errorf("an hour later, GitHub not read: %s (%s)", j.Reason, j.Message)
	}
	if list, err := s.store.List(t.Context(), s.project, store.Query{}); err != nil || list.Jobs[0].Reason != githubjobs.ReasonPublishing {
		t.Errorf("listed %+v, %v", list, err)
	}
	s.stop()

	s = start(t, cfg)
	if s.complete().Before(known) {
		t.Errorf("complete until %s, before the restart until %s", s.complete(), known)
	}
	eventually(t, "GitHub was read: there is nothing", func() bool { return s.status(t, id).Reason == githubjobs.ReasonAgentError })
}

// A job that was pushed is given up for its time only after GitHub was read, however seldom that is:
// it may have begun.
func TestGitHubIsReadBeforeAJobIsGivenUp(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = time.Hour
	s := start(t, cfg)
	eventually(t, "GitHub was read", s.everRead)
	id := s.create(t, `{"job":"soon or never","queue_ttl_seconds":20}`)
	eventually(t, "pushed", func() bool { return s.status(t, id).Evidence.BranchSHA != "" })
	by := s.status(t, id).CreatedAt.Add(20 * time.Second)
	if list, err := s.store.Due(t.Context(), s.project, by, 9); err != nil || len(list) != 1 || list[0].Complete.IsZero() {
		t.Errorf("due are %+v, %v", list, err)
	}
	eventually(t, "its time is over", func() bool { return strings.Contains(s.status(t, id).Message, "has not begun in time") })
	if read := s.complete(); read.Before(by) {
		t.Errorf("GitHub was read at %s, and the job had time until %s", read, by)
	}
}
