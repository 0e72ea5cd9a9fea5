package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// TestAnEngineNeedsAKey: a job whose engine would have none is refused with what to set; once
// the policy allows one, it is taken; and where the repository has none the run says so.
func TestAnEngineNeedsAKey(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesReports}})
	const job = `{"job": "Write a poem", "kind": "prompt", "engine": "codex"}`
	status, answer := w.call(http.MethodPost, "/api/create-job", []byte(job))
	for _, says := range []string{`"no_model_key"`, "AGENT_OPENAI_API_KEY", "secrets: {allow: [OPENAI_API_KEY]}"} {
		if status != 422 || !strings.Contains(string(answer), says) {
			t.Fatalf("%d %s", status, answer)
		}
	}
	w.setFile(policy.Path, mergesReports+"secrets: {allow: [OPENAI_API_KEY]}\n")
	var id string
	w.until("the job is taken", func() bool {
		status, answer = w.call(http.MethodPost, "/api/create-job", []byte(job))
		_, rest, _ := strings.Cut(string(answer), `"job_id":"`)
		id, _, _ = strings.Cut(rest, `"`)
		return status == 200
	})
	if got := w.wait(id); got.Status != githubjobs.StatusFailed || !strings.Contains(got.Message, "AGENT_OPENAI_API_KEY") {
		t.Errorf("%s/%s: %s", got.Status, got.Reason, got.Message)
	}
}
