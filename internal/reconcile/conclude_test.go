package reconcile_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

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
			if known[githubjobs.Name{ID: "a", Attempt: 1}].Run != 0 {
				t.Error("GitHub is asked for the run for ever")
			}
		})
	}
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
	if !ok || id.ID != "a" {
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

// A webhook tells that a run has failed. The next read is due long after, and comes at
// once, since it settles that there is no result.
func TestFailureBringsTheNextReadForward(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("a")
	r := w.reconciler()
	r.Interval = 100 * time.Millisecond // four times that, while webhooks arrive
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	w.eventually("the job is known", func() error { _, err := w.db.Facts(t.Context(), "p", "a"); return err })
	now := time.Now().UTC().Truncate(time.Second)
	w.merge(githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: 99, Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: w.git("rev-parse", "refs/heads/job/a"), At: now}}})
	w.eventually("it is certain", func() error {
		if j := w.job("a", 0); j.Reason != githubjobs.ReasonAgentError {
			return &mismatch{j, nil}
		}
		return nil
	})
	cancel()
	must(t, <-ended)
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

// What a quiet repository costs, after jobs of every sort: three requests that are free.
func TestQuietReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workflow("ubuntu-latest")
	for _, id := range []string{"open", "merged", "deleted", "nothing"} {
		w.change(id)
		w.submit(id)
		w.run(id)
		if id != "nothing" {
			w.result(id, 0)
		}
	}
	w.push("open", "A person's commit")
	w.pull("merged", "main")
	w.deleteBranch("deleted")
	w.byHand("no-job", "Just a branch", true)
	must(t, w.WaitIdle(t.Context()))
	r := w.reconciler()
	w.eventually("all is settled", func() error {
		w.ResetRequests()
		must(t, r.Once(t.Context()))
		for _, q := range w.Requests() {
			if q.Status != 304 {
				return errors.New(q.Method + " " + q.Path)
			}
		}
		return nil
	})
	for range 3 {
		w.ResetRequests()
		must(t, r.Once(t.Context()))
		if n := len(w.Requests()); n != 3 || slices.ContainsFunc(w.Requests(), func(q localhub.Request) bool { return q.Status != 304 }) {
			t.Errorf("%d requests: %+v", n, w.Requests())
		}
	}
}
