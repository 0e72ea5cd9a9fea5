package e2e

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// The tests in this file let the base move after a result was published.

const upToDate = mergesReports + "  up_to_date: true\n"

// afterPull does something once, right after the first pull request was opened, and before anybody
// is told that it was.
type afterPull struct {
	once sync.Once
	do   func()
}

func (a *afterPull) wrap(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/repos/demo/reports/pulls") {
			h.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, r)
		a.once.Do(a.do)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

// TestRunCatchesUpWithTheBase: the base moves between publish and the gate, and the run itself
// brings the result onto it and merges it there. The job is told in the same way when its server
// has lost everything.
func TestRunCatchesUpWithTheBase(t *testing.T) {
	t.Parallel()
	var moves afterPull
	w := start(t, options{files: map[string]string{policy.Path: upToDate}, wrap: moves.wrap, noServer: true, environment: []string{"MERGE=off"}})
	moves.do = func() { w.setFile("README.md", "# Meanwhile\n") }
	w.startServer()
	job := w.wait(w.create(writeReport))
	if job.Status != githubjobs.StatusMerged || job.Log == "" && job.FilesTotal != 1 {
		t.Fatalf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	if job.Evidence.PullHeadSHA == job.Evidence.ResultSHA {
		t.Error("the head is the result, which lacks a commit of the base")
	}
	if c := w.contentOfMain("README.md"); c != "# Meanwhile\n" {
		t.Errorf("the base has lost a change: %q", c)
	}
	if merge, head := w.commit(job.Evidence.MergeSHA), w.commit(job.Evidence.PullHeadSHA); len(head.Parents) != 2 || head.Parents[0].GetSHA() != job.Evidence.ResultSHA || head.Parents[1].GetSHA() != merge.Parents[0].GetSHA() {
		t.Errorf("merged %+v as %+v", head, merge)
	}
	w.idle()
	w.rebuilds(job.ID)
}

// checkOfPulls is a workflow whose check pull requests have to pass.
const checkOfPulls = "name: Check\non: pull_request\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"

// TestServerCatchesUpWithTheBase: where checks are asked for the server does it, since what it pushes
// starts them: one pull request after the other, each with one run of the checks. The run that its
// push starts of the job's own workflow has nothing to do, and changes nothing. The server is killed
// when it has pushed the first one, and the next one goes on from there.
func TestServerCatchesUpWithTheBase(t *testing.T) {
	t.Parallel()
	rules := upToDate + "  required_checks: [{name: test, app: github-actions}]\n"
	w := start(t, options{runners: 2, noServer: true, files: map[string]string{policy.Path: rules, ".github/workflows/check.yml": checkOfPulls}})
	var armed atomic.Bool
	toHub := newProxy(t, w.hub.URL(), func(m moment, r *http.Request, _ int) {
		if m == after && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/git-receive-pack") && armed.CompareAndSwap(true, false) {
			w.server.kill()
		}
	})
	w.env = append(w.env, "GITHUB_SERVER_URL="+toHub.URL)
	w.startServer()
	var jobs []githubjobs.Job
	for n := range 3 {
		id := w.create(fmt.Sprintf(`{"job": "Write", "kind": "command", "config": {"script": "mkdir -p reports && echo %d > reports/%d.txt"}}`, n, n))
		jobs = append(jobs, w.wait(id))
	}
	for _, job := range jobs {
		if job.Reason != githubjobs.ReasonMergeBlocked || !strings.Contains(job.Message, `"test" of github-actions has not reported`) {
			t.Fatalf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
		}
	}
	armed.Store(true)
	w.setFile("README.md", "# Meanwhile\n")
	w.until("the server is killed", func() bool { return !armed.Load() })
	<-w.server.done
	w.startServer()
	for _, job := range jobs {
		w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	}
	w.idle()
	for n, before := range jobs {
		job := w.status(before.ID)
		if job.Evidence.ResultSHA != before.Evidence.ResultSHA || job.Evidence.RunID != before.Evidence.RunID || job.Evidence.PullHeadSHA == job.Evidence.ResultSHA {
			t.Errorf("evidence %+v, before %+v", job.Evidence, before.Evidence)
		}
		if c := w.contentOfMain(fmt.Sprintf("reports/%d.txt", n)); c != fmt.Sprintln(n) {
			t.Errorf("main says %q", c)
		}
	}
	// Whose turn it was the next server may not know: one more at most.
	if n := w.runsOf("check.yml"); n["success"] < len(jobs) || n["success"] > len(jobs)+1 {
		t.Errorf("runs of the checks: %v, want %d that passed", n, len(jobs))
	}
	if n := w.runsOf("run-job.yml"); n["skipped"] < len(jobs) || n["skipped"] > len(jobs)+1 || n["success"] != len(jobs) {
		t.Errorf("runs of the jobs' workflow: %v", n)
	}
	w.rebuilds(jobs[0].ID, jobs[1].ID, jobs[2].ID)
}

// runsOf counts the runs of a workflow by their conclusions.
func (w *world) runsOf(file string) map[string]int {
	w.t.Helper()
	runs, _, err := w.github().Actions.ListWorkflowRunsByFileName(context.Background(), "demo", "reports", file, &github.ListWorkflowRunsOptions{ListOptions: github.ListOptions{PerPage: 100}})
	if err != nil {
		w.t.Fatal(err)
	}
	n := map[string]int{}
	for _, run := range runs.WorkflowRuns {
		n[run.GetConclusion()]++
	}
	return n
}

// TestAFileThatTheBaseHasChangedToo: nobody merges what both have changed; the status names it.
func TestAFileThatTheBaseHasChangedToo(t *testing.T) {
	t.Parallel()
	var moves afterPull
	lines := "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
	w := start(t, options{files: map[string]string{policy.Path: upToDate, "reports/a.txt": lines}, wrap: moves.wrap, noServer: true})
	moves.do = func() { w.setFile("reports/a.txt", lines+"theirs\n") }
	w.startServer()
	job := w.wait(w.create(`{"job": "Write", "kind": "command", "config": {"script": "sed -i s/1/mine/ reports/a.txt"}}`))
	if job.Reason != githubjobs.ReasonMergeBlocked || !strings.Contains(job.Message, "reports/a.txt changed on main meanwhile") || !strings.Contains(job.Message, "Change reports/a.txt") || !strings.Contains(job.Message, "submit the job again") {
		t.Fatalf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	if len(job.Diagnosis) != 1 || job.Diagnosis[0].Code != githubjobs.DiagnosisMergeConflict || job.Evidence.PullHeadSHA != job.Evidence.ResultSHA {
		t.Errorf("%+v", job)
	}
}

// TestServerTakesNoForgedUpdate: somebody pushes what looks like a result on a newer base, and holds
// more, or takes back what has come onto the base. It is not merged, and the result is, once it is back.
func TestServerTakesNoForgedUpdate(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs, "reports/old.txt": "1\n"}})
	job := w.blocked()
	before := w.mainHead()
	w.setFile("reports/old.txt", "2\n")
	ctx, client, onto := context.Background(), w.github(), w.mainHead()
	move := func(sha string) {
		t.Helper()
		if _, _, err := client.Git.UpdateRef(ctx, "demo", "reports", &github.Reference{Ref: github.String("refs/heads/" + job.Branch), Object: &github.GitObject{SHA: &sha}}, true); err != nil {
			t.Fatal(err)
		}
	}
	forge := func(second string, files map[string]string) string {
		t.Helper()
		var entries []*github.TreeEntry
		for path, content := range files {
			entries = append(entries, &github.TreeEntry{Path: &path, Mode: github.String("100644"), Type: github.String("blob"), Content: &content})
		}
		tree, _, err := client.Git.CreateTree(ctx, "demo", "reports", w.commit(onto).GetTree().GetSHA(), entries)
		if err != nil {
			t.Fatal(err)
		}
		message := githubjobs.FormatUpdate(githubjobs.Name{ID: job.ID, Attempt: 1}, "main", job.Evidence.ResultSHA)
		c, _, err := client.Git.CreateCommit(ctx, "demo", "reports", &github.Commit{Message: &message, Tree: tree, Parents: []*github.Commit{{SHA: &job.Evidence.ResultSHA}, {SHA: &second}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.GetSHA()
	}
	result := map[string]string{"reports/a.txt": "1\n"}
	with := func(path, content string) map[string]string {
		return map[string]string{"reports/a.txt": result["reports/a.txt"], path: content}
	}
	for name, forged := range map[string]string{
		"one more file":         forge(onto, with("reports/evil.txt", "x\n")),
		"the base taken back":   forge(onto, with("reports/old.txt", "1\n")),
		"an older base, newer":  forge(before, result),
		"another second parent": forge(job.Evidence.ResultSHA, result),
	} {
		move(forged)
		w.until("the verdict tells of "+name, func() bool {
			_, v := w.verdict(http.MethodGet, job.ID, "")
			return v.HeadSHA == forged && !v.Allowed && strings.Contains(v.Message, "somebody pushed to the branch: the commit "+forged[:7])
		})
	}
	w.setFile(policy.Path, upToDate)
	w.until("the server has judged it", func() bool {
		return strings.Contains(w.status(job.ID).Message, "somebody pushed to the branch: the commit")
	})
	if files := w.filesOfMain(); strings.Contains(files, "reports/a.txt") || strings.Contains(files, "evil") {
		t.Fatalf("it was merged: %s", files)
	}
	move(job.Evidence.ResultSHA)
	w.until("the result is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	if a, old := w.contentOfMain("reports/a.txt"), w.contentOfMain("reports/old.txt"); a != "1\n" || old != "2\n" {
		t.Errorf("main says %q and %q", a, old)
	}
}

// TestAResultOnTheNewestBaseIsUpToDate: what publish has brought onto the base needs nothing more.
func TestAResultOnTheNewestBaseIsUpToDate(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: upToDate}, environment: []string{"MERGE=off"}})
	gate := filepath.Join(openDir(t), "gate")
	id := w.create(fmt.Sprintf(`{"job": "Write", "kind": "command", "config": {"script": "until [ -e %s ]; do sleep 0.05; done; mkdir -p reports && echo 1 > reports/a.txt"}}`, gate))
	w.until("the task is running", func() bool { return w.status(id).Reason == githubjobs.ReasonRunning })
	w.setFile("README.md", "# Meanwhile\n")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	job := w.wait(id)
	if job.Status != githubjobs.StatusMerged || job.Evidence.PullHeadSHA != job.Evidence.ResultSHA || len(w.commit(job.Evidence.ResultSHA).Parents) != 2 {
		t.Errorf("the job is %s/%s: %s; %+v", job.Status, job.Reason, job.Message, job.Evidence)
	}
}

// TestServerMergesWhenTheWindowOpens: nothing happens on GitHub but that time passes.
func TestServerMergesWhenTheWindowOpens(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesDocs}, environment: []string{"RECONCILE_INTERVAL=1h"}})
	job := w.blocked()
	opens := time.Now().UTC().Truncate(time.Minute).Add(2 * time.Minute) // windows count minutes
	w.setFile(policy.Path, fmt.Sprintf("%s  windows: [{hours: '%s-%s'}]\n", mergesReports, opens.Format("15:04"), opens.Add(12*time.Hour).Format("15:04")))
	w.until("the status tells when the window opens", func() bool {
		return strings.Contains(w.status(job.ID).Message, opens.Format("2006-01-02T15:04:05Z"))
	})
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	if at := w.commit(w.status(job.ID).Evidence.MergeSHA).GetCommitter().GetDate(); at.Before(opens) {
		t.Errorf("merged at %s, and the window opens at %s", at, opens)
	}
}
