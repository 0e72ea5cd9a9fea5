package server

import (
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

func (s *running) schedule(t *testing.T, method, path, body string) (got api.Schedule) {
	t.Helper()
	if res := call(t, method, s.URL()+"/api/schedules/"+path, body, &got); res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s", method, path, res.Status)
	}
	return got
}

// A schedule outlives its server; the tick that came meanwhile starts one job, which is
// pushed, however often the server is restarted.
func TestScheduleOutlivesTheServer(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	s := start(t, cfg)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	for _, name := range []string{"paused", "due"} {
		s.schedule(t, "PUT", name, `{"cron":"0 0 1 1 *","job":`+report+`}`)
	}
	s.schedule(t, "POST", "paused/pause", "")
	s.stop()
	db, err := sqlite.Open(t.Context(), cfg.DatabasePath, time.Now)
	check(t, err)
	for _, name := range []string{"paused", "due"} { // a day passes
		one, err := db.Schedule(t.Context(), s.project, name)
		check(t, err)
		one.Since, one.Cron = time.Now().Add(-25*time.Hour), "0 0 * * *"
		check(t, db.SaveSchedule(t.Context(), s.project, one, nil))
	}
	check(t, db.Close())
	s = start(t, cfg)
	eventually(t, "the job of the tick is pushed", func() bool { return len(g.jobBranches(t)) == 1 })
	s.stop()
	s = start(t, cfg)
	eventually(t, "ready again", func() bool { return s.Readiness(t.Context()).Ready })
	due := s.schedule(t, "GET", "due", "")
	if due.LastTick == nil || due.LastTick.Outcome != store.OutcomeStarted || due.LastTick.JobID != due.LastJobID {
		t.Fatalf("%+v", due)
	}
	if j := s.status(t, due.LastJobID); j.Schedule != "due" || j.Reason == githubjobs.ReasonAccepted {
		t.Errorf("its job %+v", j)
	}
	var created api.Created
	if res := call(t, "POST", s.URL()+"/api/schedules/paused/trigger", "", &created); res.StatusCode != 200 {
		t.Errorf("a paused one is triggered: %s", res.Status)
	}
	eventually(t, "its job is pushed too", func() bool { return len(g.jobBranches(t)) == 2 })
	if p := s.schedule(t, "GET", "paused", ""); p.LastTick != nil || p.LastJobID != created.JobID || len(p.NextTicks) != 0 {
		t.Errorf("paused %+v", p)
	}
}
