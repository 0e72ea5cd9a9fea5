package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
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
