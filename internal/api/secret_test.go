package api

import (
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
