package api

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// A schedule whose jobs create-job would refuse is refused alike; so is a trigger, where that came
// later. While it is not known which branch the jobs begin from their ticks decide.
func TestScheduleWhoseJobsAreRefused(t *testing.T) {
	t.Parallel()
	base, keyless, asked := "main", true, 0
	s := setup(t, func(o *Options) {
		o.Base = func(context.Context) (string, error) { asked++; return base, nil }
		o.Repository = "https://github.com/o/r"
		o.SecretRules = func(string) (policy.SecretRules, bool) { return policy.SecretRules{Allow: []string{"API_*"}}, true }
		o.UnsetSecrets = func(_ context.Context, names []string) []string {
			return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "API_KEY" })
		}
		o.Choose = func(_ context.Context, spec *githubjobs.Spec) error {
			choice, err := engine.Choose(nil, githubjobs.PromptConfig{})
			switch {
			case err != nil || !keyless:
				return err
			case strings.Contains(string(spec.Config), "codex"):
				return &engine.AddressError{Engine: "codex", Address: "https://h/v1", Base: spec.Base}
			}
			return &engine.NoKeyError{Choice: choice, Base: spec.Base, Unset: []string{"ANTHROPIC_API_KEY"}}
		}
	})
	put := func(name, job string) answer {
		t.Helper()
		return s.do(t, "PUT", "/api/schedules/"+name, `{"cron":"@daily","job":`+job+`}`)
	}
	const refused, prompt = "The schedule was not saved, since each of its jobs would be refused now: ", `{"job":"x","kind":"prompt"}`
	for job, want := range map[string]problem.Error{
		prompt:                         {Code: problem.NoModelKey, Message: refused + "no key for claude-code is set"},
		`{"job":"x","engine":"codex"}`: {Code: problem.AddressNotAllowed, Field: "job.llm_base_url", Message: refused + "the policy on main does not let the key of codex"},
		`{"job":"x","secrets":["DB"]}`: {Code: problem.SecretNotAllowed, Field: "job.secrets", Message: refused + "The policy does not let jobs have the secret DB"},
		`{"job":"x","base":"v2","secrets":["API_DB"]}`: {Code: problem.SecretNotSet, Field: "job.secrets", Message: refused + "The repository has no secret AGENT_API_DB"},
	} {
		res := put("refused", job)
		if p := res.problem(t); res.StatusCode != 422 || p.Code != want.Code || p.Field != want.Field || !strings.HasPrefix(p.Message, want.Message) {
			t.Errorf("%s: %d %s", job, res.StatusCode, res.body)
		}
	}
	if res := s.do(t, "GET", "/api/schedules/refused", ""); res.StatusCode != 404 {
		t.Errorf("it was saved: %s", res.body)
	}
	if res := put("good", `{"job":"x","secrets":["API_KEY"]}`); res.StatusCode != 201 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	asked = 0
	if res := put("plain", `{"job":"x"}`); res.StatusCode != 201 || asked != 0 { // it may have to be waited for
		t.Errorf("%d %s, asked %d times for the base", res.StatusCode, res.body, asked)
	}
	base = ""
	if res := put("nightly", prompt); res.StatusCode != 201 {
		t.Errorf("without a known base: %d %s", res.StatusCode, res.body)
	}
	base = "main"
	res := s.do(t, "POST", "/api/schedules/nightly/trigger", "")
	if p := res.problem(t); res.StatusCode != 422 || p.Code != problem.NoModelKey || !strings.HasPrefix(p.Message, "The job was not created: no key for claude-code is set") || s.accepted.Load() != 0 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	keyless = false
	if res := s.do(t, "POST", "/api/schedules/nightly/trigger", ""); res.StatusCode != 200 || s.accepted.Load() != 1 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

// What a tick has said stands in the schedule.
func TestTickThatWasRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.plan(t, 201, "PUT", "nightly", workdays)
	one, err := s.store.Schedule(t.Context(), "p", "nightly")
	if err != nil {
		t.Fatal(err)
	}
	one.LastTick = store.Tick{At: now, Outcome: store.OutcomeRefused, Why: "no key is set"}
	if err := s.store.SaveSchedule(t.Context(), "p", one, nil); err != nil {
		t.Fatal(err)
	}
	if tick := s.plan(t, 200, "GET", "nightly", "").LastTick; tick == nil || *tick != (Tick{At: now, Outcome: store.OutcomeRefused, Why: "no key is set"}) {
		t.Errorf("%+v", tick)
	}
}
