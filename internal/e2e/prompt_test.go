package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/agent/modeltest"
	"github.com/githubjobs/githubjobs/internal/require"
)

// TestAnEngineNeedsAKey: a job whose engine would have none is refused with what to set: first
// what the policy must allow, then which secret there must be; then it is taken.
func TestAnEngineNeedsAKey(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesReports}})
	const job = `{"job": "Write a poem", "kind": "prompt", "engine": "codex"}`
	status, answer := w.call(http.MethodPost, "/api/create-job", []byte(job))
	for _, says := range []string{`"no_model_key"`, "AGENT_OPENAI_API_KEY", "prompt: {keys: [OPENAI_API_KEY]}"} {
		if status != 422 || !strings.Contains(string(answer), says) {
			t.Fatalf("%d %s", status, answer)
		}
	}
	w.setFile(policy.Path, mergesReports+"prompt: {keys: [OPENAI_API_KEY]}\n")
	w.until("the secret is what is missing", func() bool {
		status, answer = w.call(http.MethodPost, "/api/create-job", []byte(job))
		return status == 422 && strings.Contains(string(answer), "gh secret set AGENT_OPENAI_API_KEY --repo "+w.hub.URL()+"/demo/reports")
	})
	if err := w.hub.SetSecret("demo", "reports", "AGENT_OPENAI_API_KEY", "sk-of-nobody-7c2e91d0"); err != nil {
		t.Fatal(err)
	}
	w.until("the job is taken", func() bool {
		status, _ = w.call(http.MethodPost, "/api/create-job", []byte(strings.Replace(job, "{", `{"delay_until": "`+time.Now().Add(time.Hour).Format(time.RFC3339)+`", `, 1)))
		return status == 200
	})
}

// TestAKeyGoesWhereThePolicySays: a caller's address is refused, until the policy names it.
func TestAKeyGoesWhereThePolicySays(t *testing.T) {
	t.Parallel()
	const allowed = mergesReports + "secrets: {allow: [OPENAI_API_KEY]}\n"
	w := start(t, options{files: map[string]string{policy.Path: allowed}, secrets: map[string]string{"AGENT_OPENAI_API_KEY": "sk-of-nobody-7c2e91d0"}})
	job := `{"job": "x", "engine": "codex", "llm_base_url": "https://llm.example.com/v1", "delay_until": "` + time.Now().Add(time.Hour).Format(time.RFC3339) + `"}`
	status, answer := w.call(http.MethodPost, "/api/create-job", []byte(job))
	if status != 422 || !strings.Contains(string(answer), `"address_not_allowed"`) || !strings.Contains(string(answer), "prompt: {base_urls: ['https://llm.example.com/v1']}") {
		t.Fatalf("%d %s", status, answer)
	}
	w.setFile(policy.Path, allowed+"prompt: {base_urls: [https://llm.example.com]}\n")
	w.until("the job is taken", func() bool {
		status, _ = w.call(http.MethodPost, "/api/create-job", []byte(job))
		return status == 200
	})
}

// TestARealEngineAllTheWay: a job is accepted, a real coding agent reads a file and edits it
// in the container, and its change is merged. The policy alone names engine, model and key.
func TestARealEngineAllTheWay(t *testing.T) {
	image := require.Docker(t)
	t.Parallel()
	const file, key = "/work/tree/reports/today.md", "sk-the-key-of-the-real-engine-41d0"
	model := modeltest.New(t, modeltest.Step{Read: file}, modeltest.Step{Edit: &modeltest.Edit{Path: file, Old: "bad", New: "good"}}, modeltest.Step{Say: "I turned it around."})
	w := start(t, options{image: image, secrets: map[string]string{"AGENT_ANTHROPIC_API_KEY": key}, files: map[string]string{
		policy.Path:        mergesReports + "prompt: {keys: [ANTHROPIC_API_KEY], llm_model: claude-sonnet-4-5, llm_base_url: '" + model.URL + "'}\n",
		"reports/today.md": "The weather is bad.\n",
	}})
	if err := w.hub.SetVariable("demo", "reports", "GITHUBJOBS_NETWORK", "host"); err != nil {
		t.Fatal(err)
	}
	job := w.wait(w.create(`{"job": "-p Make the weather better", "kind": "prompt", "max_turns": 9}`))
	if job.Status != githubjobs.StatusMerged || job.Summary != "I turned it around." || len(job.ChangedFiles) != 1 {
		t.Fatalf("%s/%s: %s\n%+v", job.Status, job.Reason, job.Message, job)
	}
	if u := job.Usage; u == nil || u.Engine != "claude-code" || u.Model != "claude-sonnet-4-5" || u.Turns != 3 || u.CostUSD == nil {
		t.Errorf("usage %+v", u)
	}
	if asks := model.Asks(); len(asks) != 3 || asks[0].Key != key || !strings.Contains(asks[0].Body, "-p Make the weather better") {
		t.Errorf("the model was asked %d times", len(asks))
	}
	pull, _, err := w.github().PullRequests.Get(t.Context(), "demo", "reports", job.Evidence.Pull)
	if err != nil || !strings.Contains(pull.GetBody(), "claude-code") || !strings.Contains(pull.GetBody(), "I turned it around.") {
		t.Errorf("the pull request says %q (%v)", pull.GetBody(), err)
	}
	for name, text := range map[string]string{"log": job.Log, "pull request": pull.GetBody()} {
		if strings.Contains(text, key) {
			t.Errorf("the %s holds the key", name)
		}
	}
	w.checkAgainstGitHub(job)
}
