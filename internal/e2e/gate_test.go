package e2e

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
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

func (w *world) mainHead() string {
	w.t.Helper()
	ref, _, err := w.github().Git.GetRef(context.Background(), "demo", "reports", "heads/main")
	if err != nil {
		w.t.Fatal(err)
	}
	return ref.GetObject().GetSHA()
}

// demands are policies that merge reports, and ask for more.
const (
	demandsStatus = mergesReports + "  required_checks: [{name: ci, creator: demo}]\n"
)

// setStatus gives the head of a job's pull request a commit status.
func (w *world) setStatus(job githubjobs.Job, state string) {
	w.t.Helper()
	if _, _, err := w.github().Repositories.CreateStatus(context.Background(), "demo", "reports", job.Evidence.PullHeadSHA, &github.RepoStatus{State: &state, Context: github.String("ci")}); err != nil {
		w.t.Fatal(err)
	}
}

// TestServerMergesWhenAStatusSucceeds: the run finds no status; it comes later, first as a failure.
// The server is told by webhook, and nobody reads GitHub meanwhile.
func TestServerMergesWhenAStatusSucceeds(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: demandsStatus}, environment: []string{"RECONCILE_INTERVAL=1h"}})
	job := w.blocked()
	w.setStatus(job, "failure")
	w.until("the status tells the failure", func() bool { return strings.Contains(w.status(job.ID).Message, "fail") })
	w.setStatus(job, "success")
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	w.checkAgainstGitHub(*w.status(job.ID))
}

// TestServerWaitsForALabelToGo: somebody holds the pull request while its run goes on, and lets go
// of it later.
func TestServerWaitsForALabelToGo(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs}})
	job := w.blocked()
	ctx, client := context.Background(), w.github()
	if _, _, err := client.Issues.AddLabelsToIssue(ctx, "demo", "reports", job.Evidence.Pull, []string{"hold"}); err != nil {
		t.Fatal(err)
	}
	w.setFile(policy.Path, mergesReports+"  hold_labels: [hold]\n")
	w.until("the status tells the label", func() bool { return strings.Contains(w.status(job.ID).Message, "hold") })
	if _, err := client.Issues.RemoveLabelForIssue(ctx, "demo", "reports", job.Evidence.Pull, "hold"); err != nil {
		t.Fatal(err)
	}
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
}

// TestServerMergesNothingThatSomebodyPushed: what stands on the branch in place of the result is
// judged, and not merged, also where it says to be a result; the result itself is, once it is back.
func TestServerMergesNothingThatSomebodyPushed(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs}})
	job := w.blocked()
	ctx, client := context.Background(), w.github()
	result := w.commit(job.Evidence.ResultSHA)
	forged, _, err := client.Git.CreateTree(ctx, "demo", "reports", result.GetTree().GetSHA(), []*github.TreeEntry{
		{Path: github.String("reports/a.txt"), Mode: github.String("100644"), Type: github.String("blob"), Content: github.String("sneaked in\n")},
	})
	if err != nil {
		t.Fatal(err)
	}
	copied, _, err := client.Git.CreateCommit(ctx, "demo", "reports", &github.Commit{Message: result.Message, Tree: forged, Parents: []*github.Commit{{SHA: result.Parents[0].SHA}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	move := func(sha string) {
		t.Helper()
		if _, _, err := client.Git.UpdateRef(ctx, "demo", "reports", &github.Reference{Ref: github.String("refs/heads/" + job.Branch), Object: &github.GitObject{SHA: &sha}}, true); err != nil {
			t.Fatal(err)
		}
	}
	move(copied.GetSHA())
	w.setFile(policy.Path, mergesReports)
	w.until("the verdict tells the push", func() bool {
		_, v := w.verdict(http.MethodGet, job.ID, "")
		return v.HeadSHA == copied.GetSHA() && !v.Allowed && strings.Contains(v.Message, "somebody pushed")
	})
	w.until("so does the comment", func() bool {
		list := w.comments(job.Evidence.Pull)
		return len(list) == 1 && strings.Contains(list[0].GetBody(), "somebody pushed")
	})
	if strings.Contains(w.filesOfMain(), "reports/a.txt") {
		t.Fatal("it was merged")
	}
	move(job.Evidence.ResultSHA)
	w.until("the result is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	if c := w.contentOfMain("reports/a.txt"); c != "1\n" {
		t.Errorf("merged was %q", c)
	}
}

func (w *world) contentOfMain(path string) string {
	w.t.Helper()
	file, _, _, err := w.github().Repositories.GetContents(context.Background(), "demo", "reports", path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := file.GetContent()
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

// TestTwoServersMergeOnce: of two servers on a database one judges; webhooks come to the other one.
// The leader dies at its merge, before GitHub has it or after, and the other one goes on.
func TestTwoServersMergeOnce(t *testing.T) {
	t.Parallel()
	for _, at := range []moment{before, after} {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			variable, _ := postgresSchema(t)
			w := start(t, options{noServer: true, files: map[string]string{policy.Path: mergesDocs}})
			hooked := w.addr
			var f *fleet
			var armed, merges atomic.Int64
			toHub := newProxy(t, w.hub.URL(), func(m moment, r *http.Request, _ int) {
				if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/merge") {
					return
				}
				if m == after {
					merges.Add(1)
				}
				if m == at && armed.CompareAndSwap(1, 0) {
					f.kill(0)
				}
			})
			w.env = append(w.env, "GITHUB_SERVER_URL="+toHub.URL)
			f = w.startFleet(1, variable)
			w.until("the first server leads", func() bool { return f.role(0) == "leader" })
			f.members = append(f.members, &member{addr: hooked})
			f.start(1)
			w.until("the second one stands in reserve", func() bool { return f.role(1) == "reserve" })
			job := w.blocked()
			armed.Store(1)
			w.setFile(policy.Path, mergesReports)
			w.until("the leader dies at its merge", func() bool { return armed.Load() == 0 })
			w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
			if n := w.commitsOf(job.ID); n != 1 {
				t.Errorf("main has %d commits of the job", n)
			}
			if n := len(w.comments(job.Evidence.Pull)); n != 1 {
				t.Errorf("%d comments", n)
			}
		})
	}
}

// commitsOf counts the commits on main that say to be of a job.
func (w *world) commitsOf(id string) (n int) {
	w.t.Helper()
	list, _, err := w.github().Repositories.ListCommits(context.Background(), "demo", "reports", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range list {
		if strings.Contains(c.GetCommit().GetMessage(), "Job-Id: "+id) {
			n++
		}
	}
	return n
}
