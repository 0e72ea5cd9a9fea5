package server

import (
	"database/sql"
	"io"
	"net/http"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A job whose row is damaged stands in nobody's way; the server reads it from GitHub
// again, and so does a rebuild.
func TestDamagedJob(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	s := start(t, cfg)
	bad, good := s.create(t, report), s.create(t, report)
	pushed := func(s *running, id string) func() bool {
		return func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed }
	}
	eventually(t, "one is pushed", pushed(s, bad))
	eventually(t, "the other is pushed", pushed(s, good))
	s.stop()

	damage := func() {
		db, err := sql.Open("sqlite", cfg.DatabasePath)
		check(t, err)
		check(t, second(db.Exec(`UPDATE jobs SET facts = '{}' WHERE id = ?`, bad)))
		check(t, db.Close())
	}
	damage()
	s = start(t, cfg)
	eventually(t, "the server is ready", func() bool { return s.Readiness(t.Context()).Ready })
	if j := s.status(t, good); j.Reason != githubjobs.ReasonPushed {
		t.Errorf("the other job is %s", j.Reason)
	}
	eventually(t, "a new job is pushed", pushed(s, s.create(t, report)))
	eventually(t, "the damaged job is whole again", func() bool {
		return call(t, "GET", s.URL()+"/api/jobs/status?job_id="+bad, "", nil).StatusCode == http.StatusOK
	})
	s.stop()

	damage()
	check(t, Rebuild(t.Context(), cfg, NewLogger(cfg, t.Output()), true, io.Discard))
	s = start(t, cfg)
	if j := s.status(t, bad); j.Reason != githubjobs.ReasonPushed || j.Title == "" {
		t.Errorf("the damaged job after the rebuild: %+v", j)
	}
}
