package api

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
)

// stored is the spec of the job that an answer names.
func (s *server) stored(t *testing.T, res answer) githubjobs.Spec {
	t.Helper()
	var created Created
	if err := json.Unmarshal([]byte(res.body), &created); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	f, err := s.store.Facts(t.Context(), "p", created.JobID)
	if err != nil {
		t.Fatal(err)
	}
	return *f.Spec
}

func TestPromptFieldsEndInTheConfig(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const all = `{"engine":"codex","llm_base_url":"https://h/v1","llm_model":"m","llm_provider":"openai","max_turns":5}`
	for _, body := range []string{
		`{"job":"x","kind":"prompt","engine":"codex","llm_provider":"openai","llm_model":"m","llm_base_url":"https://h/v1","max_turns":5}`,
		`{"job":"x","engine":"codex","llm_provider":"openai","llm_model":"m","llm_base_url":"https://h/v1","max_turns":5}`,
		`{"job":"x","kind":null,"config":{"engine":"codex","max_turns":5},"llm_provider":"openai","llm_model":"m","llm_base_url":"https://h/v1","max_turns":5}`,
	} {
		if spec := s.stored(t, s.do(t, "POST", "/api/create-job", body)); spec.Kind != githubjobs.KindPrompt || string(spec.Config) != all {
			t.Errorf("%s: %s %s", body, spec.Kind, spec.Config)
		}
	}
	for body, field := range map[string]string{
		`{"job":"x","kind":"report","llm_model":"m"}`:                     "llm_model",
		`{"job":"x","llm_model":"m","config":{"llm_model":"n"}}`:          "llm_model",
		`{"job":"x","llm_model":7}`:                                       "llm_model",
		`{"job":"x","max_turns":0}`:                                       "max_turns",
		`{"job":"x","max_turns":1.5}`:                                     "max_turns",
		`{"job":"x","engine":"Codex!"}`:                                   "config.engine",
		`{"job":"x","llm_base_url":"file:///etc/passwd"}`:                 "config.llm_base_url",
		`{"job":"x","kind":"prompt","config":{"script":"x"}}`:             "config.script",
		`{"job":"x","kind":"prompt","config":{"command":["x"],"a":1}}`:    "config.a",
		`{"job":"x","engine":"codex","config":{"command":["x", "y"]}}`:    "config.command",
		`{"job":"x","engine":"custom","config":{"command":"./agent.sh"}}`: "config.command",
	} {
		if res := s.do(t, "POST", "/api/create-job", body); res.StatusCode != 400 || !strings.Contains(res.body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s, want a mistake in %s", body, res.StatusCode, res.body, field)
		}
	}
}

// The same fields are taken wherever a job is described.
func TestPromptFieldsOfBatchesSchedulesAndReplays(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if res := s.do(t, "POST", "/api/batches", `{"template":{"job":"x","engine":"codex"},"inputs":[{"llm_model":"a"},{"llm_model":"b"}]}`); res.StatusCode != 201 {
		t.Errorf("batch: %d %s", res.StatusCode, res.body)
	}
	res := s.do(t, "PUT", "/api/schedules/nightly", `{"cron":"@daily","job":{"job":"x","engine":"codex","max_turns":3}}`)
	if res.StatusCode != 201 || !strings.Contains(res.body, `"config":{"engine":"codex","max_turns":3}`) || !strings.Contains(res.body, `"kind":"prompt"`) {
		t.Errorf("schedule: %d %s", res.StatusCode, res.body)
	}
	first := s.stored(t, s.do(t, "POST", "/api/create-job", `{"job":"x","engine":"codex","llm_model":"m"}`))
	again := s.stored(t, s.do(t, "POST", "/api/jobs/"+first.ID+"/replay", `{"llm_model":"n"}`))
	if string(again.Config) != `{"engine":"codex","llm_model":"n"}` {
		t.Errorf("replay: %s", again.Config)
	}
	report := s.stored(t, s.do(t, "POST", "/api/create-job", `{"job":"x","config":{"period":"weekly"}}`))
	again = s.stored(t, s.do(t, "POST", "/api/jobs/"+report.ID+"/replay", `{"engine":"codex"}`))
	if again.Kind != githubjobs.KindPrompt || string(again.Config) != `{"engine":"codex"}` {
		t.Errorf("replay of another kind: %s %s", again.Kind, again.Config)
	}
}

func TestAJobWithoutAKeyIsRefused(t *testing.T) {
	t.Parallel()
	allowed, elsewhere, spoilt := true, false, error(nil)
	s := setup(t, func(o *Options) {
		o.Choose = func(_ context.Context, spec *githubjobs.Spec) error {
			if spoilt != nil {
				return &engine.PolicyError{Base: spec.Base, Err: spoilt}
			}
			if elsewhere {
				return &engine.AddressError{Engine: "codex", Address: "https://h/v1", Base: spec.Base}
			}
			choice, err := engine.Choose(nil, githubjobs.PromptConfig{})
			if err == nil && !allowed {
				return &engine.NoKeyError{Choice: choice, Base: spec.Base}
			}
			spec.Config = json.RawMessage(`{"engine":"claude-code","llm_provider":"anthropic"}`)
			return err
		}
	})
	const keyed = `{"job":"x","kind":"prompt","idempotency_key":"once"}`
	first := s.do(t, "POST", "/api/create-job", keyed)
	if spec := s.stored(t, first); string(spec.Config) != `{"engine":"claude-code","llm_provider":"anthropic"}` {
		t.Errorf("the spec holds %s", spec.Config)
	}
	allowed = false
	for path, body := range map[string]string{
		"/api/create-job": `{"job":"x","kind":"prompt"}`,
		"/api/batches":    `{"jobs":[{"job":"x"},{"job":"x","kind":"prompt"}]}`,
	} {
		res := s.do(t, "POST", path, body)
		for _, says := range []string{`"no_model_key"`, "the policy on main", "AGENT_ANTHROPIC_API_KEY", "Secrets and variables", "prompt: {keys: [ANTHROPIC_API_KEY]}"} {
			if res.StatusCode != 422 || !strings.Contains(res.body, says) {
				t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
			}
		}
	}
	if again := s.do(t, "POST", "/api/create-job", keyed); again.body != first.body || again.StatusCode != 200 {
		t.Errorf("the same request, after the policy has changed: %d %s", again.StatusCode, again.body)
	}
	elsewhere = true
	res := s.do(t, "POST", "/api/create-job", `{"job":"x","kind":"prompt","llm_base_url":"https://h/v1"}`)
	if res.StatusCode != 422 || !strings.Contains(res.body, `"address_not_allowed"`) || !strings.Contains(res.body, `"llm_base_url"`) || !strings.Contains(res.body, "prompt: {base_urls: ['https://h/v1']}") {
		t.Errorf("another address: %d %s", res.StatusCode, res.body)
	}
	spoilt = errors.New("engin is not a setting")
	if res := s.do(t, "POST", "/api/create-job", `{"job":"x","kind":"prompt"}`); res.StatusCode != 422 || !strings.Contains(res.body, `"invalid_policy"`) || !strings.Contains(res.body, "engin is not a setting") {
		t.Errorf("with a spoilt policy: %d %s", res.StatusCode, res.body)
	}
	if res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`); res.StatusCode != 200 {
		t.Errorf("a job of another kind: %d %s", res.StatusCode, res.body)
	}
}
