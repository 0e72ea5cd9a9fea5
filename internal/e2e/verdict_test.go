package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// The tests in this file let the server judge again what the last step of a run did not merge.

// verdict is what merge-verdict answers.
type verdict struct {
	Allowed     bool
	Message     string
	Explanation string
	Rules       []struct{ Rule, State, Why string }
	HeadSHA     string    `json:"head_sha"`
	PolicySHA   string    `json:"policy_sha"`
	JudgedAt    time.Time `json:"judged_at"`
}

func (w *world) verdict(method, id, body string) (status int, v verdict) {
	w.t.Helper()
	status, raw := w.call(method, "/api/jobs/"+id+"/merge-verdict", []byte(body))
	if status == 200 {
		if err := json.Unmarshal(raw, &v); err != nil {
			w.t.Fatalf("%s: %v", raw, err)
		}
	}
	return status, v
}

// TestVerdictAndDryRun: what would be merged is told rule by rule, also by another policy; by
// that nothing is changed, and few requests are made. A server that may not merge tells it as
// well, and says that nobody brings the result onto a base that has moved; and one that may merges
// when it comes.
func TestVerdictAndDryRun(t *testing.T) {
	t.Parallel()
	// Reads by the clock, and judgements that nobody has asked for, would be counted in.
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs}, environment: []string{"RECONCILE_INTERVAL=1h", "MERGE=off"}})
	job := w.blocked()
	main := w.mainHead()
	w.hub.ResetRequests()
	status, v := w.verdict(http.MethodGet, job.ID, "")
	if status != 200 || v.Allowed || v.HeadSHA != job.Evidence.ResultSHA || v.PolicySHA != main || !strings.Contains(v.Message, "not among merge.paths.allow: reports/a.txt") {
		t.Fatalf("%d %+v", status, v)
	}
	asked := 1 // of GitHub: a verdict is told again until it is ten seconds old
	for range 5 {
		before := v
		if status, v = w.verdict(http.MethodGet, job.ID, ""); status != 200 || v.Message != before.Message {
			t.Errorf("again: %d %+v", status, v)
		}
		if v.JudgedAt.Equal(before.JudgedAt) {
			continue
		}
		if asked++; v.JudgedAt.Sub(before.JudgedAt) < 10*time.Second {
			t.Errorf("it was judged again, %s later", v.JudgedAt.Sub(before.JudgedAt))
		}
	}
	if status, v = w.verdict(http.MethodPost, job.ID, mergesReports); status != 200 || !v.Allowed || v.PolicySHA != "" {
		t.Errorf("by a policy that allows it: %d %+v", status, v)
	}
	if status, _ = w.verdict(http.MethodPost, job.ID, "merge: {enabeld: true}"); status != 422 {
		t.Errorf("by a policy that is not valid: %d", status)
	}
	for _, r := range w.hub.Requests() {
		if r.Kind == localhub.RequestREST && r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
	if n := w.hub.CountRequests(localhub.RequestREST); n > 20*(asked+1) { // and the dry run
		t.Errorf("%d requests for %d judgements", n, asked+1)
	}
	if now := w.status(job.ID); now.Reason != githubjobs.ReasonMergeBlocked || w.mainHead() != main {
		t.Errorf("the job is %s: %s", now.Reason, now.Message)
	}
	w.setFile("README.md", "# Meanwhile\n")
	if status, v = w.verdict(http.MethodPost, job.ID, upToDate); status != 200 || v.Allowed || !strings.HasPrefix(v.Message, "Not merged yet: the head lacks 1 commit ") ||
		!strings.HasPrefix(v.Explanation, "This server runs with `MERGE=off` and brings nothing onto the newest `main`. Run it with `MERGE=on`; or press *Update branch* on pull request #1") {
		t.Errorf("on a base that has moved: %d %+v", status, v)
	}
	w.setFile(policy.Path, mergesReports)
	w.idle()
	w.server.kill()
	w.env = []string{"MERGE=on"}
	w.startServer()
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	if status, _ = w.verdict(http.MethodGet, job.ID, ""); status != 409 {
		t.Errorf("after the merge: %d", status)
	}
}
