package actions_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

// exists tells whether a file is there.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// forceCancel is an operation that go-github lacks.
func (h *hub) forceCancel(run *github.WorkflowRun) error {
	req, err := h.Client.NewRequest("POST", fmt.Sprintf("repos/alice/reports/actions/runs/%d/force-cancel", run.GetID()), nil)
	h.must(err)
	return second(h.Do(hubtest.Within(h.t), req, nil))
}

func TestCancel(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ready := filepath.Join(t.TempDir(), "ready")
	h.push("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: touch " + ready + "; sleep 300\n    - run: echo no\n    - if: always()\n      run: echo cleaned\n" +
		"  b: {needs: a, runs-on: x, steps: [{run: 'true'}]}\n  c: {needs: a, if: always(), runs-on: x, steps: [{run: 'echo ${{ needs.a.result }}'}]}\n")
	until(t, "running", func() bool { return exists(ready) })
	run := h.only()
	if run.GetStatus() != "in_progress" {
		t.Errorf("status %s", run.GetStatus())
	}
	_, err := h.Actions.RerunWorkflowByID(hubtest.Within(t), "alice", "reports", run.GetID())
	hubtest.WantStatus(t, err, http.StatusForbidden, "already running")
	_, _, err = h.Actions.GetWorkflowJobLogs(hubtest.Within(t), "alice", "reports", h.jobs(run)["a"].GetID(), 1)
	if err == nil {
		t.Error("there is a log before the job has ended")
	}
	_, err = h.Actions.CancelWorkflowRunByID(hubtest.Within(t), "alice", "reports", run.GetID())
	accepted(t, err)
	h.idle()
	run = h.only()
	want := []string{"a: cancelled", "b: cancelled", "c: success"}
	if got := h.conclusions(run); run.GetConclusion() != "cancelled" || !slices.Equal(got, want) {
		t.Errorf("%s %q", run.GetConclusion(), got)
	}
	if log := h.log(h.jobs(run)["a"]); !strings.Contains(log, "\ncleaned\n") || strings.Contains(log, "\nno\n") {
		t.Errorf("log:\n%s", log)
	}
	_, err = h.Actions.CancelWorkflowRunByID(hubtest.Within(t), "alice", "reports", run.GetID())
	hubtest.WantStatus(t, err, http.StatusConflict, "Cannot cancel")
}

func TestForceCancelAndCancelQueued(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *localhub.Config) { c.Runners = 1 })
	ready := filepath.Join(t.TempDir(), "ready")
	h.push("on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - if: always()\n      run: trap '' INT TERM; touch " + ready + "; sleep 300\n    - if: always()\n      run: echo no\n")
	until(t, "running", func() bool { return exists(ready) })
	first := h.only()
	h.commit("Second", nil)
	h.git("push", "-q", "origin", "HEAD:main")
	until(t, "queued", func() bool { return len(h.runs()) == 2 && len(h.jobs(h.runs()[0])) == 1 })
	second := h.runs()[0]
	if second.GetStatus() != "queued" {
		t.Errorf("second is %s", second.GetStatus())
	}
	_, err := h.Actions.CancelWorkflowRunByID(hubtest.Within(t), "alice", "reports", second.GetID())
	accepted(t, err)
	if second = h.runs()[0]; second.GetConclusion() != "cancelled" {
		t.Errorf("second: %s", second.GetConclusion())
	}
	accepted(t, h.forceCancel(first))
	h.idle()
	if first = h.runs()[1]; first.GetConclusion() != "cancelled" {
		t.Errorf("first: %s", first.GetConclusion())
	}
}

func TestRerun(t *testing.T) {
	t.Parallel()
	h := setup(t)
	flag := filepath.Join(t.TempDir(), "flag")
	h.push("on: push\njobs:\n  good:\n    runs-on: x\n    outputs: {v: '${{ steps.s.outputs.v }}'}\n    steps: [{id: s, run: 'echo v=one >> $GITHUB_OUTPUT'}]\n" +
		"  bad: {needs: good, runs-on: x, steps: [{run: 'test -e " + flag + " && echo ${{ needs.good.outputs.v }} attempt $GITHUB_RUN_ATTEMPT'}]}\n" +
		"  last: {needs: bad, runs-on: x, steps: [{run: 'true'}]}\n")
	h.idle()
	first := h.only()
	if got := h.conclusions(first); !slices.Equal(got, []string{"bad: failure", "good: success", "last: skipped"}) {
		t.Fatalf("%q", got)
	}
	before := h.jobs(first)
	h.must(os.WriteFile(flag, nil, 0o644))
	h.must(second(h.Actions.RerunFailedJobsByID(hubtest.Within(t), "alice", "reports", first.GetID())))
	h.idle()
	run := h.only()
	if run.GetID() != first.GetID() || run.GetRunAttempt() != 2 || run.GetConclusion() != "success" || run.GetPreviousAttemptURL() == "" || run.GetRunNumber() != 1 {
		t.Errorf("second attempt %+v", run)
	}
	after := h.jobs(run)
	if got := h.conclusions(run); !slices.Equal(got, []string{"bad: success", "good: success", "last: success"}) {
		t.Errorf("%q", got)
	}
	if after["good"].GetID() != before["good"].GetID() || after["bad"].GetID() == before["bad"].GetID() || after["bad"].GetRunAttempt() != 2 {
		t.Errorf("jobs %v", after)
	}
	if log := h.log(after["bad"]); !strings.Contains(log, "\none attempt 2\n") {
		t.Errorf("log:\n%s", log)
	}
	h.must(second(h.Actions.RerunWorkflowByID(hubtest.Within(t), "alice", "reports", first.GetID())))
	h.idle()
	if run := h.only(); run.GetRunAttempt() != 3 || h.jobs(run)["good"].GetRunAttempt() != 3 {
		t.Errorf("third attempt %+v", run)
	}
	h.attempts(first.GetID())
	h.deleteRun(first.GetID())
}

// attempts looks at the first attempt of the run of TestRerun.
func (h *hub) attempts(id int64) {
	h.t.Helper()
	one, _, err := h.Actions.GetWorkflowRunAttempt(hubtest.Within(h.t), "alice", "reports", id, 1, nil)
	h.must(err)
	if one.GetConclusion() != "failure" || one.GetRunAttempt() != 1 {
		h.t.Errorf("first attempt %+v", one)
	}
	jobs, _, err := h.Actions.ListWorkflowJobsAttempt(hubtest.Within(h.t), "alice", "reports", id, 1, nil)
	h.must(err)
	all, _, err := h.Actions.ListWorkflowJobs(hubtest.Within(h.t), "alice", "reports", id, &github.ListWorkflowJobsOptions{Filter: "all"})
	h.must(err)
	if jobs.GetTotalCount() != 3 || all.GetTotalCount() != 8 {
		h.t.Errorf("%d jobs in attempt 1, %d in all", jobs.GetTotalCount(), all.GetTotalCount())
	}
	_, _, err = h.Actions.GetWorkflowRunAttempt(hubtest.Within(h.t), "alice", "reports", id, 9, nil)
	hubtest.WantStatus(h.t, err, http.StatusNotFound, "Not Found")
}

func (h *hub) deleteRun(id int64) {
	h.t.Helper()
	job := h.jobs(h.only())["good"]
	h.must(second(h.Actions.DeleteWorkflowRunLogs(hubtest.Within(h.t), "alice", "reports", id)))
	if _, _, err := h.Actions.GetWorkflowJobLogs(hubtest.Within(h.t), "alice", "reports", job.GetID(), 1); err == nil {
		h.t.Error("the deleted log is still there")
	}
	h.must(second(h.Actions.DeleteWorkflowRun(hubtest.Within(h.t), "alice", "reports", id)))
	if runs := h.runs(); len(runs) != 0 {
		h.t.Errorf("%d runs after the deletion", len(runs))
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := t.TempDir()
	h.push("on: push\nconcurrency: 'one-${{ github.ref }}'\njobs:\n  a:\n    runs-on: x\n    steps: [{run: 'touch " + dir + "/$GITHUB_RUN_NUMBER; while [ ! -e " + dir + "/go ]; do sleep 0.02; done'}]\n")
	until(t, "running", func() bool { return exists(dir + "/1") })
	for range 2 {
		h.commit("Again", nil)
		h.git("push", "-q", "origin", "HEAD:main")
	}
	until(t, "pending", func() bool { return len(h.runs()) == 3 && h.runs()[0].GetStatus() == "pending" })
	if runs := h.runs(); runs[1].GetConclusion() != "cancelled" || runs[2].GetStatus() != "in_progress" {
		t.Errorf("second %s %s, first %s", runs[1].GetStatus(), runs[1].GetConclusion(), runs[2].GetStatus())
	}
	h.must(os.WriteFile(dir+"/go", nil, 0o644))
	h.idle()
	if runs := h.runs(); runs[0].GetConclusion() != "success" || runs[2].GetConclusion() != "success" || exists(dir+"/2") {
		t.Errorf("third %s, first %s", runs[0].GetConclusion(), runs[2].GetConclusion())
	}
}

func TestCancelInProgress(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := t.TempDir()
	h.push("on: push\nconcurrency: {group: g, cancel-in-progress: true}\njobs:\n  a:\n    runs-on: x\n    steps: [{run: 'touch " + dir + "/$GITHUB_RUN_NUMBER; test $GITHUB_RUN_NUMBER = 2 || sleep 300'}]\n")
	until(t, "running", func() bool { return exists(dir + "/1") })
	h.commit("Again", nil)
	h.git("push", "-q", "origin", "HEAD:main")
	until(t, "second running", func() bool { return exists(dir + "/2") })
	h.idle()
	if runs := h.runs(); runs[0].GetConclusion() != "success" || runs[1].GetConclusion() != "cancelled" {
		t.Errorf("second %s, first %s", runs[0].GetConclusion(), runs[1].GetConclusion())
	}
}

func TestFailFastAndMaxParallel(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := t.TempDir()
	h.push("on: push\njobs:\n  fast:\n    runs-on: x\n    strategy: {matrix: {n: [1, 2]}}\n    steps: [{run: 'test ${{ matrix.n }} = 1 && sleep 300; while [ ! -e " + dir + "/seen ]; do sleep 0.02; done; exit 1'}]\n" +
		"  one:\n    runs-on: x\n    strategy: {max-parallel: 1, matrix: {n: [1, 2, 3]}}\n    steps: [{run: 'mkdir " + dir + "/only && sleep 0.05 && rmdir " + dir + "/only; touch " + dir + "/seen'}]\n")
	h.idle()
	run := h.only()
	want := []string{"fast (1): cancelled", "fast (2): failure", "one (1): success", "one (2): success", "one (3): success"}
	if got := h.conclusions(run); run.GetConclusion() != "failure" || !slices.Equal(got, want) {
		t.Errorf("%s %q", run.GetConclusion(), got)
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *localhub.Config) { c.Runners = 1 })
	dir := t.TempDir()
	h.push("on: push\njobs:\n  a:\n    runs-on: x\n    steps: [{run: 'echo begun; echo $$ > " + dir + "/$GITHUB_RUN_NUMBER; test $GITHUB_RUN_NUMBER = 2 || sleep 300'}]\n")
	until(t, "running", func() bool { return exists(dir + "/1") })
	h.commit("Second", nil)
	h.git("push", "-q", "origin", "HEAD:main")
	until(t, "queued", func() bool { return len(h.runs()) == 2 && len(h.jobs(h.runs()[0])) == 1 })
	h.restart()
	h.idle()
	runs := h.runs()
	if runs[0].GetConclusion() != "success" || runs[1].GetConclusion() != "failure" {
		t.Errorf("second %s, first %s", runs[0].GetConclusion(), runs[1].GetConclusion())
	}
	job := h.jobs(runs[1])["a"]
	if job.GetConclusion() != "failure" || job.Steps[1].GetConclusion() != "failure" || job.Steps[2].GetConclusion() != "skipped" {
		t.Errorf("lost job %+v", job)
	}
	if end := job.Steps[1].GetCompletedAt(); end.IsZero() || end.After(job.GetCompletedAt().Time) {
		t.Errorf("the lost step ended at %s, its job at %s", end, job.GetCompletedAt())
	}
	if log := h.log(job); !strings.Contains(log, "\nbegun\n") || !strings.HasSuffix(log, "localhub was stopped while the job ran. Re-run the job.\n") {
		t.Errorf("the lost job's log: %s", log)
	}
	list, _, err := h.Checks.ListCheckRunAnnotations(hubtest.Within(t), "alice", "reports", job.GetID(), nil)
	h.must(err)
	if len(list) != 1 || !strings.Contains(list[0].GetMessage(), "lost communication") {
		t.Errorf("annotations %v", list)
	}
	pid, err := os.ReadFile(dir + "/1")
	h.must(err)
	if exists("/proc/" + strings.TrimSpace(string(pid)) + "/exe") {
		t.Error("the lost job still runs")
	}
	h.commit("Third", nil)
	h.git("push", "-q", "origin", "HEAD:refs/heads/other")
	until(t, "numbered on", func() bool { return h.runs()[0].GetRunNumber() == 3 })
	_, err = h.Actions.CancelWorkflowRunByID(hubtest.Within(t), "alice", "reports", h.runs()[0].GetID())
	accepted(t, err)
	h.idle()
}

// TestRunsTakeTurnsOnOneRunner starts more runs at once than there are runners.
func TestRunsTakeTurnsOnOneRunner(t *testing.T) {
	t.Parallel()
	h := setup(t, func(c *localhub.Config) { c.Runners = 1 })
	h.push("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: sleep 0.2}]}}")
	for range 3 {
		h.git("commit", "-q", "--allow-empty", "-m", "again")
		h.git("push", "-q", "origin", "main")
	}
	h.idle()
	runs := h.runs()
	for _, run := range runs {
		if run.GetConclusion() != "success" {
			t.Errorf("run %d is %s/%s", run.GetRunNumber(), run.GetStatus(), run.GetConclusion())
		}
	}
	if len(runs) != 4 {
		t.Errorf("there are %d runs, want 4", len(runs))
	}
}

// TestPushesBeforeAStop: whatever was pushed before localhub is stopped has its run after the next start.
func TestPushesBeforeAStop(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}")
	h.idle()
	const stops = 4
	for range stops {
		h.git("commit", "-q", "--allow-empty", "-m", "again")
		h.git("push", "-q", "origin", "main")
		h.restart()
	}
	h.idle()
	if runs := h.runs(); len(runs) != stops+1 {
		t.Errorf("%d pushes have %d runs", stops+1, len(runs))
	}
}
