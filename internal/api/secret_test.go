package api

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// A secret that the policy is known not to allow is refused at once, wherever a job comes from.
func TestSecretsThatThePolicyDoesNotAllow(t *testing.T) {
	t.Parallel()
	rules := policy.SecretRules{Allow: []string{"API_*"}}
	s := setup(t, func(o *Options) {
		o.SecretRules = func(branch string) (policy.SecretRules, bool) { return rules, branch == "main" }
	})
	refused := func(what string, res answer) {
		t.Helper()
		for _, says := range []string{`"secret_not_allowed"`, "secrets", "does not let jobs have the secret DB", "add it to .githubjobs.yml on main as secrets: {allow: [DB]}", "secret AGENT_DB"} {
			if res.StatusCode != 422 || !strings.Contains(res.body, says) {
				t.Errorf("%s: %d %s", what, res.StatusCode, res.body)
			}
		}
	}
	refused("a job", s.do(t, "POST", "/api/create-job", `{"job":"x","secrets":["API_KEY","DB"]}`))
	refused("a batch", s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"x"},{"job":"x","secrets":["DB"]}]}`))
	for what, body := range map[string]string{
		"allowed":        `{"job":"x","secrets":["API_KEY"]}`,
		"none":           `{"job":"x"}`,
		"another branch": `{"job":"x","base":"release","secrets":["DB"]}`,
	} {
		if res := s.do(t, "POST", "/api/create-job", body); res.StatusCode/100 != 2 {
			t.Errorf("%s: %d %s", what, res.StatusCode, res.body)
		}
	}
	keyed := `{"job":"x","secrets":["API_KEY"],"idempotency_key":"once"}`
	first := s.do(t, "POST", "/api/create-job", keyed)
	id, _, _ := strings.Cut(strings.TrimPrefix(first.body, `{"job_id":"`), `"`)
	rules = policy.SecretRules{Allow: []string{"NOTHING"}}
	if again := s.do(t, "POST", "/api/create-job", keyed); again.StatusCode/100 != 2 || again.body != first.body {
		t.Errorf("the same request, after the policy has changed: %d %s", again.StatusCode, again.body)
	}
	if res := s.do(t, "POST", "/api/jobs/"+id+"/replay", ""); res.StatusCode != 422 || !strings.Contains(res.body, "API_KEY") {
		t.Errorf("a replay: %d %s", res.StatusCode, res.body)
	}
}

// A secret that is certain not to be set is refused with the way to set it.
func TestSecretsThatAreNotSet(t *testing.T) {
	t.Parallel()
	set := []string{"API_KEY"}
	s := setup(t, func(o *Options) {
		o.Repository = "https://github.com/o/r"
		o.UnsetSecrets = func(_ context.Context, names []string) []string {
			return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(set, name) })
		}
	})
	for path, body := range map[string]string{
		"/api/create-job": `{"job":"x","kind":"command","config":{"script":"x"},"secrets":["API_KEY","DB"]}`,
		"/api/batches":    `{"jobs":[{"job":"x"},{"job":"x","secrets":["DB"]}]}`,
	} {
		res := s.do(t, "POST", path, body)
		for _, says := range []string{`"secret_not_set"`, "no secret AGENT_DB", "Settings → Secrets and variables → Actions", "gh secret set AGENT_DB --repo https://github.com/o/r"} {
			if res.StatusCode != 422 || !strings.Contains(res.body, says) {
				t.Errorf("%s: %d %s, want %s", path, res.StatusCode, res.body, says)
			}
		}
	}
	keyed := `{"job":"x","secrets":["API_KEY"],"idempotency_key":"once"}`
	first := s.do(t, "POST", "/api/create-job", keyed)
	set = nil
	if again := s.do(t, "POST", "/api/create-job", keyed); first.StatusCode != 200 || again.StatusCode != 200 || again.body != first.body {
		t.Errorf("the same request, when the secret is gone: %d %s, first %d", again.StatusCode, again.body, first.StatusCode)
	}
	if res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`); res.StatusCode != 200 {
		t.Errorf("without secrets: %d %s", res.StatusCode, res.body)
	}
}
