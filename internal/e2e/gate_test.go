package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// The tests in this file let the server judge again what the last step of a run did not merge.

// setFile puts a file onto main, as a person does.
func (w *world) setFile(path, content string) {
	w.t.Helper()
	ctx, client := context.Background(), w.github()
	opts := &github.RepositoryContentFileOptions{Message: github.String("Change " + path), Content: []byte(content)}
	if there, _, _, err := client.Repositories.GetContents(ctx, "demo", "reports", path, nil); err == nil {
		opts.SHA = github.String(there.GetSHA())
	}
	if _, _, err := client.Repositories.CreateFile(ctx, "demo", "reports", path, opts); err != nil {
		w.t.Fatal(err)
	}
}

// blocked creates a job whose pull request its run does not merge.
func (w *world) blocked() githubjobs.Job {
	w.t.Helper()
	job := w.wait(w.create(writeReport))
	if job.Reason != githubjobs.ReasonMergeBlocked {
		w.t.Fatalf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	w.idle()
	return job
}

const (
	mergesDocs    = "merge:\n  enabled: true\n  paths: {allow: ['docs/**']}\n"
	mergesReports = "merge:\n  enabled: true\n  paths: {allow: ['reports/**']}\n"
)

// TestServerMergesWhenThePolicyChanges: a push to the base makes the server judge again, with
// the policy that stands there by then.
func TestServerMergesWhenThePolicyChanges(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs}})
	job := w.blocked()
	before := w.comments(job.Evidence.Pull)
	w.setFile("README.md", "# Another\n")
	w.setFile(policy.Path, "merge:\n  enabled: true\n  paths: {allow: ['**'], deny: ['reports/**']}\n")
	w.until("the status tells the verdict by the new policy", func() bool {
		return strings.Contains(w.status(job.ID).Message, "denied by merge.paths.deny: reports/a.txt")
	})
	w.setFile(policy.Path, mergesReports)
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	after := w.status(job.ID)
	if n := len(w.comments(job.Evidence.Pull)); n != len(before) || n != 1 {
		t.Errorf("%d comments, before %d", n, len(before))
	}
	message := w.commit(after.Evidence.MergeSHA).GetMessage()
	if !strings.Contains(message, "Job-Id: "+job.ID) || !strings.Contains(message, "Job-Run: "+job.RunURL) {
		t.Errorf("merged as %q", message)
	}
	w.checkAgainstGitHub(*after)
}

func (w *world) comments(pull int) []*github.IssueComment {
	w.t.Helper()
	list, _, err := w.github().Issues.ListComments(context.Background(), "demo", "reports", pull, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) commit(sha string) *github.Commit {
	w.t.Helper()
	c, _, err := w.github().Git.GetCommit(context.Background(), "demo", "reports", sha)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// TestServerLeavesMergingToTheRun: with MERGE=off the server judges nothing.
func TestServerLeavesMergingToTheRun(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs}, environment: []string{"MERGE=off"}})
	job := w.blocked()
	w.setFile(policy.Path, mergesReports)
	w.idle()
	other := w.wait(w.create(`{"job": "Other", "kind": "command", "config": {"script": "mkdir -p reports && echo 2 > reports/b.txt"}}`))
	if other.Status != githubjobs.StatusMerged {
		t.Errorf("the other job is %s/%s: %s", other.Status, other.Reason, other.Message)
	}
	w.idle()
	if now := w.status(job.ID); now.Reason != githubjobs.ReasonMergeBlocked {
		t.Errorf("the job is %s/%s: %s", now.Status, now.Reason, now.Message)
	}
	for _, r := range w.hub.Requests() {
		if r.Method == http.MethodPut && strings.HasSuffix(r.Path, "/merge") && strings.Contains(r.Path, "/1/") {
			t.Errorf("%s %s", r.Method, r.Path)
		}
	}
}

// dieWhileJudging lets the server die around a judgement that merges.
func dieWhileJudging(w *world, point string) {
	w.t.Helper()
	body, id := keyed(point, "mkdir -p reports && echo "+point+" > "+file(point))
	w.setFile(policy.Path, mergesDocs)
	w.startServer()
	w.create(body)
	job := w.wait(id)
	w.server.kill()
	w.idle()
	w.setFile(policy.Path, mergesReports)
	w.dieAt(point, func() {})
	w.startServer()
	w.until("the job is merged", func() bool { return w.status(id).Status == githubjobs.StatusMerged })
	if n := len(w.comments(job.Evidence.Pull)); n != 1 {
		w.t.Errorf("%s: %d comments", point, n)
	}
	w.checkOneRun(point, w.wait(id))
}

// verdict is what merge-verdict answers.
type verdict struct {
	Allowed   bool
	Message   string
	Rules     []struct{ Rule, State, Why string }
	HeadSHA   string `json:"head_sha"`
	PolicySHA string `json:"policy_sha"`
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
// that nothing is changed, and few requests are made.
func TestVerdictAndDryRun(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs}})
	job := w.blocked()
	main := w.mainHead()
	w.hub.ResetRequests()
	status, v := w.verdict(http.MethodGet, job.ID, "")
	if status != 200 || v.Allowed || v.HeadSHA != job.Evidence.ResultSHA || v.PolicySHA != main || !strings.Contains(v.Message, "not among merge.paths.allow: reports/a.txt") {
		t.Fatalf("%d %+v", status, v)
	}
	for range 5 {
		if again, same := w.verdict(http.MethodGet, job.ID, ""); again != 200 || same.Message != v.Message {
			t.Errorf("again: %d %+v", again, same)
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
	if n := w.hub.CountRequests(localhub.RequestREST); n > 45 {
		t.Errorf("%d requests", n)
	}
	if now := w.status(job.ID); now.Reason != githubjobs.ReasonMergeBlocked || w.mainHead() != main {
		t.Errorf("the job is %s: %s", now.Reason, now.Message)
	}
	w.setFile(policy.Path, mergesReports)
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	if status, _ = w.verdict(http.MethodGet, job.ID, ""); status != 409 {
		t.Errorf("after the merge: %d", status)
	}
}

func (w *world) mainHead() string {
	w.t.Helper()
	ref, _, err := w.github().Git.GetRef(context.Background(), "demo", "reports", "heads/main")
	if err != nil {
		w.t.Fatal(err)
	}
	return ref.GetObject().GetSHA()
}
