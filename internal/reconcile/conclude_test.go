package reconcile_test

import (
	"database/sql"
	"log/slog"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/reconcile"
)

// grace is how long after its end a job is looked at, so that no news is waited for.
const grace = githubjobs.SlowDelivery + time.Minute

func (w *world) git(args ...string) string {
	w.t.Helper()
	bare, err := w.RepositoryPath("alice", "reports")
	must(w.t, err)
	out, err := exec.Command("git", append([]string{"-C", bare}, args...)...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// push commits a message, and the files of another branch, onto a job's branch.
func (w *world) push(id, message string) (sha string) {
	w.t.Helper()
	ref := "refs/heads/" + githubjobs.Branch(id)
	head := w.git("rev-parse", ref)
	commit, err := w.repo.Commit(w.git("rev-parse", "changed^{tree}"), head, message, time.Now())
	must(w.t, err)
	sha = commit.Hash().String()
	refs, err := w.repo.Push(w.t.Context(), []hub.Update{{Ref: ref, Old: head, New: sha}}, []plumbing.EncodedObject{commit})
	must(w.t, err)
	must(w.t, refs[0])
	return sha
}

// change makes the branch that push takes its files from: main and a file of the job.
func (w *world) change(id string) {
	w.t.Helper()
	w.git("update-ref", "refs/heads/changed", "main")
	_, _, err := w.api.Repositories.CreateFile(w.t.Context(), "alice", "reports", "reports/"+id+".md", &github.RepositoryContentFileOptions{
		Message: github.String("Change"), Content: []byte("x\n"), Branch: github.String("changed"),
	})
	must(w.t, err)
}

// result pushes the result of a run; 0 for one that was made outside a run.
func (w *world) result(id string, run int64) (sha string) {
	w.t.Helper()
	r := githubjobs.Result{ID: id, RunID: run, Attempt: 1, Outcome: githubjobs.OutcomeSuccess, Log: "the log"}
	r.SetFiles([]string{"reports/" + id + ".md"})
	return w.push(id, githubjobs.FormatResult("Report", r))
}

// pull opens a pull request from a job's branch and merges it.
func (w *world) pull(id, base string) *github.PullRequest {
	w.t.Helper()
	ctx := w.t.Context()
	p, _, err := w.api.PullRequests.Create(ctx, "alice", "reports", &github.NewPullRequest{Title: github.String("Report"), Head: github.String(githubjobs.Branch(id)), Base: &base})
	must(w.t, err)
	_, _, err = w.api.PullRequests.Merge(ctx, "alice", "reports", p.GetNumber(), "", nil)
	must(w.t, err)
	p, _, err = w.api.PullRequests.Get(ctx, "alice", "reports", p.GetNumber())
	must(w.t, err)
	return p
}

func (w *world) deleteBranch(id string) {
	w.t.Helper()
	_, err := w.api.Git.DeleteRef(w.t.Context(), "alice", "reports", "heads/"+githubjobs.Branch(id))
	must(w.t, err)
}

func (w *world) merge(facts ...githubjobs.Facts) {
	w.t.Helper()
	must(w.t, w.db.MergeFacts(w.t.Context(), "p", facts...))
}

// run waits until a run of the job has ended, and returns it.
func (w *world) run(id string) *github.WorkflowRun {
	w.t.Helper()
	var run *github.WorkflowRun
	w.eventually("the run has ended", func() error {
		runs, _, err := w.api.Actions.ListRepositoryWorkflowRuns(w.t.Context(), "alice", "reports", &github.ListWorkflowRunsOptions{Branch: githubjobs.Branch(id), Status: "completed"})
		if err == nil && len(runs.WorkflowRuns) == 0 {
			err = sql.ErrNoRows
		}
		if err == nil {
			run = runs.WorkflowRuns[0]
		}
		return err
	})
	return run
}

// The server heard that a run was in progress. It ended, and a person deleted it.
func TestDeletedRunEndsItsJob(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		deliver bool
		want    githubjobs.Reason
	}{"nothing left": {false, githubjobs.ReasonRunDeleted}, "merged": {true, githubjobs.ReasonMerged}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.change("a")
			w.workflow("ubuntu-latest")
			w.submit("a")
			run := w.run("a")
			ago := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
			w.read()
			w.forget("a", githubjobs.RunFact{ID: run.GetID(), Attempt: 1, Status: "in_progress", HeadSHA: run.GetHeadSHA(), At: ago})
			if c.deliver {
				w.result("a", run.GetID())
				w.pull("a", "main")
				w.deleteBranch("a")
			}
			must(t, w.WaitIdle(t.Context()))
			runs, _, err := w.api.Actions.ListRepositoryWorkflowRuns(t.Context(), "alice", "reports", nil)
			must(t, err)
			for _, r := range runs.WorkflowRuns {
				_, err := w.api.Actions.DeleteWorkflowRun(t.Context(), "alice", "reports", r.GetID())
				must(t, err)
			}
			w.read()
			if j := w.job("a", grace); j.Reason != c.want || c.deliver && j.Log != "the log" {
				t.Errorf("%s: %s, want %s", j.Reason, j.Message, c.want)
			}
			known, err := w.db.Known(t.Context(), "p", time.Now().Add(time.Hour))
			must(t, err)
			if known["a"].Run != 0 {
				t.Error("GitHub is asked for the run for ever")
			}
		})
	}
}

// forget replaces the runs that are known of a job.
func (w *world) forget(id string, runs ...githubjobs.RunFact) {
	w.t.Helper()
	f, err := w.db.Facts(w.t.Context(), "p", id)
	must(w.t, err)
	f.Runs, f.Settled = runs, nil
	w.restart(func() {
		w.sql(`DELETE FROM jobs WHERE id = ?`, id)
	})
	w.merge(f)
}

// The push of a result was not told; its merge and the deletion of its branch were.
func TestLostPushOfAResult(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change("a")
	w.submit("a")
	w.read()
	head := w.result("a", 0)
	p := w.pull("a", "main")
	w.deleteBranch("a")
	id, fact, ok := w.repo.PullFact(p)
	if !ok || id != "a" {
		t.Fatalf("pull request %+v", p)
	}
	now := time.Now().UTC().Truncate(time.Second)
	w.merge(githubjobs.Facts{ID: "a", Pulls: []githubjobs.PullFact{fact}},
		githubjobs.Facts{ID: "a", Branch: &githubjobs.BranchFact{Head: head, Deleted: true, At: now, Seen: now}})
	if j := w.job("a", grace); j.Log != "" {
		t.Fatalf("the log is known already: %+v", j)
	}
	w.read()
	if j := w.job("a", grace); j.Reason != githubjobs.ReasonMerged || j.Log != "the log" || !slices.Equal(j.ChangedFiles, []string{"reports/a.md"}) {
		t.Errorf("%s: log %q, files %v", j.Reason, j.Log, j.ChangedFiles)
	}
}

// The push of a result was not told, and that of a person onto it was.
func TestLostPushUnderAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change("a")
	w.submit("a")
	w.read()
	result := w.result("a", 0)
	head := w.push("a", "A person's commit")
	now := time.Now().UTC().Truncate(time.Second)
	w.merge(githubjobs.Facts{ID: "a", Branch: &githubjobs.BranchFact{Head: head, Moved: true, At: now, Seen: now}})
	w.read()
	if j := w.job("a", grace); j.Evidence.ResultSHA != result || j.Log != "the log" {
		t.Errorf("%s: result %q, log %q", j.Reason, j.Evidence.ResultSHA, j.Log)
	}
}

// Anybody may merge the job's branch into another than its base.
func TestMergeIntoAnotherBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.change("a")
	w.git("update-ref", "refs/heads/next", "main")
	w.submit("a")
	w.result("a", 0)
	stray := w.pull("a", "next")
	w.read()
	j := w.job("a", grace)
	if j.Reason != githubjobs.ReasonPRClosed || j.PullURL != "" || !strings.Contains(j.Message, `"next"`) || j.Evidence.Pull != stray.GetNumber() {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
	w.pull("a", "main")
	w.read()
	if j := w.job("a", grace); j.Reason != githubjobs.ReasonMerged {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
}

// A person deletes the branch and creates it anew: a second run, the next attempt.
func TestBranchCreatedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workflow("ubuntu-latest")
	w.submit("a")
	first := w.run("a")
	w.read()
	sha := w.git("rev-parse", "refs/heads/job/a")
	w.deleteBranch("a")
	_, _, err := w.api.Git.CreateRef(t.Context(), "alice", "reports", &github.Reference{Ref: github.String("refs/heads/job/a"), Object: &github.GitObject{SHA: &sha}})
	must(t, err)
	w.eventually("the second run counts", func() error {
		w.read()
		if j := w.job("a", grace); j.Evidence.RunID == first.GetID() || j.Evidence.RunID == 0 {
			return &mismatch{j, nil}
		}
		return nil
	})
}

// A run that failed without a result is settled by the next read, and not by time.
func TestFailureIsSettledByReading(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(workflowFile, "on:\n  push:\n    branches: ['job/**']\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'exit 1'\n")
	w.submit("a")
	run := w.run("a")
	w.merge(githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: run.GetID(), Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: run.GetHeadSHA(), At: run.GetUpdatedAt().UTC()}}})
	w.eventually("it is certain", func() error { // once GitHub's clock is a second further
		w.read()
		if j := w.job("a", 0); j.Reason != githubjobs.ReasonAgentError {
			return &mismatch{j, nil}
		}
		return nil
	})
}

// What is stored of a job was damaged: it is read from GitHub, and others meanwhile.
func TestDamagedJobIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"a", "b"} {
		w.change(id)
		w.submit(id)
		w.result(id, 0)
		w.pull(id, "main")
		if id == "b" {
			w.deleteBranch(id) // nothing but a question for it finds the damage
		}
	}
	w.read()
	want := map[string]githubjobs.Job{"a": w.job("a", grace), "b": w.job("b", grace)}
	w.restart(func() { w.sql(`UPDATE jobs SET facts = '{}'`) })
	r := w.reconciler()
	must(t, r.Once(t.Context()))
	r.Damaged("b")
	must(t, r.Once(t.Context()))
	for id, before := range want {
		if j := w.job(id, grace); j.Reason != githubjobs.ReasonMerged || j.Log != before.Log || j.PullURL != before.PullURL {
			t.Errorf("%s: %+v, before %+v", id, j, before)
		}
	}
}

func (w *world) reconciler() *reconcile.Reconciler {
	return reconcile.New(reconcile.Options{Project: "p", Hub: w.repo, Store: w.db, Interval: time.Hour, Base: func(string) {}, Done: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

// restart closes the database, lets change work on its file, and opens it again.
func (w *world) restart(change func()) {
	w.t.Helper()
	must(w.t, w.db.Close())
	change()
	w.open()
}

func (w *world) sql(statement string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "test.db"))
	must(w.t, err)
	_, err = db.ExecContext(w.t.Context(), statement, args...)
	must(w.t, err)
	must(w.t, db.Close())
}
