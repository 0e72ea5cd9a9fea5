package server

import (
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub"
)

// refused asks for a job that is refused, and returns the answer.
func (s *running) refused(t *testing.T, body string) (code, text string) {
	t.Helper()
	var raw struct{ Error, Code string }
	if res := call(t, "POST", s.URL()+"/api/create-job", body, &raw); res.StatusCode != 422 {
		t.Fatalf("create-job: %d %+v", res.StatusCode, raw)
	}
	return raw.Code, raw.Error
}

// TestCostOfSecrets: whether secrets are set costs two requests in a minute, and two more before a
// refusal at most every other second.
func TestCostOfSecrets(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	g.pushFile(t, ".githubjobs.yml", "secrets: {allow: ['*']}\n")
	check(t, g.SetSecret("demo", "reports", "AGENT_API_KEY", "value"))
	cfg := g.config(t)
	cfg.ReconcileInterval = time.Hour
	s := start(t, cfg)
	g.hook(t, s)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	eventually(t, "the policy is known", func() bool { _, known := s.file.SecretRules("main"); return known })
	later := `,"delay_until":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`
	costs := func(want int, do func()) {
		t.Helper()
		g.ResetRequests()
		do()
		if got := g.CountRequests(localhub.RequestREST); got != want {
			t.Errorf("%d requests, want %d: %+v", got, want, g.Requests())
		}
	}
	costs(2, func() {
		for range 5 {
			s.create(t, `{"job":"x","secrets":["API_KEY"]`+later)
		}
	})
	code, text := s.refused(t, `{"job":"x","kind":"prompt"`+later)
	if code != "no_model_key" || !strings.Contains(text, "gh secret set AGENT_ANTHROPIC_API_KEY --repo "+g.URL()+"/demo/reports") {
		t.Errorf("%s %s", code, text)
	}
	check(t, g.SetSecret("demo", "reports", "AGENT_ANTHROPIC_API_KEY", "value"))
	eventually(t, "the job is taken", func() bool {
		var raw struct{ Code string }
		return call(t, "POST", s.URL()+"/api/create-job", `{"job":"x","kind":"prompt"`+later, &raw).StatusCode == 200
	})
	costs(0, func() {
		s.create(t, `{"job":"x","kind":"prompt"`+later)
		s.create(t, `{"job":"x","secrets":["API_KEY"]`+later)
	})
}

// TestSecretsThatMayNotBeSeen: with an App that lacks the right jobs are taken, for one request
// in ten minutes.
func TestSecretsThatMayNotBeSeen(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	g.pushFile(t, ".githubjobs.yml", "secrets: {allow: ['*']}\n")
	app, private, err := g.CreateApp(localhub.App{Owner: "demo", Slug: "jobs", Permissions: map[string]string{
		"contents": "write", "pull_requests": "write", "checks": "write", "actions": "read", "metadata": "read"}})
	check(t, err)
	in, err := g.InstallApp(app.ID, "demo")
	check(t, err)
	cfg := g.config(t)
	cfg.Token, cfg.AppID, cfg.AppInstallationID, cfg.AppPrivateKey = "", app.ID, in.ID, string(private)
	s := start(t, cfg)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	asked := func() (n int) {
		for _, r := range g.Requests() {
			if strings.Contains(r.Path, "/actions/secrets") || strings.Contains(r.Path, "/organization-secrets") {
				n++
			}
		}
		return n
	}
	for range 5 {
		s.create(t, `{"job":"x","secrets":["API_KEY"],"delay_until":"`+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+`"}`)
	}
	if got := asked(); got != 1 {
		t.Errorf("asked %d times", got)
	}
}
