package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// A schedule whose jobs would be refused is refused when it is saved and when it is triggered; a
// tick says why it started none.
func TestScheduleWithoutItsSecret(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	g.pushFile(t, ".githubjobs.yml", "secrets: {allow: ['*']}\n")
	cfg := g.config(t)
	s := start(t, cfg)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	refused := func(method, path, body string) {
		t.Helper()
		var raw struct{ Error, Code string }
		if res := call(t, method, s.URL()+"/api/schedules/"+path, body, &raw); res.StatusCode != 422 || raw.Code != "secret_not_set" || !strings.Contains(raw.Error, "gh secret set AGENT_DB") {
			t.Errorf("%s %s: %d %+v", method, path, res.StatusCode, raw)
		}
	}
	refused("PUT", "nightly", `{"cron":"@daily","job":{"job":"x","secrets":["DB"]}}`)
	s.schedule(t, "PUT", "nightly", `{"cron":"@daily","job":{"job":"x"}}`)
	s.stop()
	db, err := sqlite.Open(t.Context(), cfg.DatabasePath, time.Now)
	check(t, err)
	one, err := db.Schedule(t.Context(), s.project, "nightly")
	check(t, err)
	one.Since, one.Job.Secrets = time.Now().Add(-25*time.Hour), []string{"DB"} // it was saved when the secret was there
	check(t, db.SaveSchedule(t.Context(), s.project, one, nil))
	check(t, db.Close())
	s = start(t, cfg)
	eventually(t, "the tick is refused", func() bool {
		tick := s.schedule(t, "GET", "nightly", "").LastTick
		return tick != nil && tick.Outcome == store.OutcomeRefused && tick.JobID == "" && strings.Contains(tick.Why, "gh secret set AGENT_DB")
	})
	refused("POST", "nightly/trigger", "")
	eventually(t, "readyz warns of it", func() bool {
		return slices.ContainsFunc(s.Readiness(t.Context()).Warnings, func(w string) bool { return strings.Contains(w, "would be refused: nightly.") })
	})
	if list := g.jobBranches(t); len(list) != 0 {
		t.Errorf("jobs were started: %q", list)
	}
}

// pushFile makes a commit on main that changes one file, or removes it, as a person does.
func (g *github) pushFile(t *testing.T, name, content string) {
	t.Helper()
	dir := t.TempDir()
	remote := strings.Replace(g.URL(), "://", "://x:"+g.token+"@", 1) + "/demo/reports.git"
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=A", "-c", "user.email=a@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	run("clone", "-q", remote, ".")
	if content == "" {
		run("rm", "-q", name)
	} else {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
		run("add", name)
	}
	run("commit", "-q", "-m", "Change "+name)
	run("push", "-q", "origin", "HEAD:main")
}

// The schedules of the file come, change and go with pushes to the default branch; a
// broken file changes nothing, and the API leaves them alone.
func TestSchedulesOfTheRepository(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	const good = "schedules:\n- name: nightly\n  cron: \"0 0 1 1 *\"\n  time_zone: Europe/Berlin\n  job: {job: Report}\n"
	g.pushFile(t, ".githubjobs.yml", good)
	s := start(t, g.config(t))
	g.hook(t, s)
	cron := func() string {
		var all struct{ Schedules []api.Schedule }
		call(t, "GET", s.URL()+"/api/schedules", "", &all)
		if len(all.Schedules) != 1 {
			return fmt.Sprint(len(all.Schedules), " schedules")
		}
		return string(all.Schedules[0].Source) + " " + all.Schedules[0].Cron
	}
	eventually(t, "the schedule is there", func() bool { return cron() == "file 0 0 1 1 *" })
	var refused map[string]string
	if res := call(t, "POST", s.URL()+"/api/schedules/nightly/pause", "", &refused); res.StatusCode != 409 || refused["code"] != "schedule_from_file" {
		t.Errorf("paused: %s %v", res.Status, refused)
	}
	g.pushFile(t, ".githubjobs.yml", strings.Replace(good, "0 0 1 1 *", "0 0 1 2 *", 1))
	eventually(t, "it has changed", func() bool { return cron() == "file 0 0 1 2 *" })
	g.pushFile(t, ".githubjobs.yml", strings.Replace(good, "0 0 1 1 *", "0 0 31 2 *", 1))
	eventually(t, "the broken file is told", func() bool {
		r := s.Readiness(t.Context())
		return r.Ready && slices.ContainsFunc(r.Warnings, func(w string) bool {
			return strings.Contains(w, "schedule nightly: ") && strings.Contains(w, "never comes")
		})
	})
	if got := cron(); got != "file 0 0 1 2 *" {
		t.Errorf("with a broken file: %s", got)
	}
	var created api.Created
	if res := call(t, "POST", s.URL()+"/api/schedules/nightly/trigger", "", &created); res.StatusCode != 200 {
		t.Errorf("triggered: %s", res.Status)
	}
	g.pushFile(t, ".githubjobs.yml", "")
	eventually(t, "it is gone", func() bool { return cron() == "0 schedules" })
	if j := s.status(t, created.JobID); j.Schedule != "nightly" {
		t.Errorf("its job %+v", j)
	}
}
