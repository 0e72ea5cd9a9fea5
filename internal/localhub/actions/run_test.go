package actions_test

import (
	"archive/zip"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

func TestPushRunsAWorkflow(t *testing.T) {
	t.Parallel()
	h := setup(t)
	hooks := h.receive("workflow_run", "workflow_job", "check_run", "check_suite")
	tokenFile := filepath.Join(t.TempDir(), "token")
	h.must(h.SetVariable("alice", "reports", "MODE", "fast"))
	h.must(h.SetSecret("alice", "reports", "KEY", "s3cr3t"))
	sha := h.push(`
name: CI
on: push
permissions: {contents: read, actions: read}
jobs:
  build:
    name: Build it
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
    - name: Look
      env: {TOKEN: '${{ github.token }}', KEY: '${{ secrets.KEY }}'}
      run: |
        test "$(git rev-parse HEAD)" = "$GITHUB_SHA"
        echo "mode ${{ vars.MODE }} key $KEY created ${{ github.event.created }}"
        printf '%s' "$TOKEN" > ` + tokenFile + `
        grep -q '"head_commit"' "$GITHUB_EVENT_PATH"
`)
	h.idle()
	run := h.only()
	if run.GetConclusion() != "success" || run.GetStatus() != "completed" || run.GetName() != "CI" || run.GetEvent() != "push" || run.GetHeadSHA() != sha ||
		run.GetHeadBranch() != "main" || run.GetRunNumber() != 1 || run.GetRunAttempt() != 1 || run.GetDisplayTitle() != "Add a workflow" ||
		run.GetActor().GetLogin() != "alice" || run.GetHeadCommit().GetMessage() != "Add a workflow" || run.GetRunStartedAt().IsZero() {
		t.Errorf("run %+v", run)
	}
	job := h.jobs(run)["Build it"]
	if job.GetConclusion() != "success" || job.GetStatus() != "completed" || !slices.Equal(job.Labels, []string{"ubuntu-latest"}) || job.GetRunnerName() == "" ||
		job.GetHeadSHA() != sha || job.GetWorkflowName() != "CI" || job.GetCompletedAt().Before(job.GetStartedAt().Time) {
		t.Errorf("job %+v", job)
	}
	var steps []string
	for i, s := range job.Steps {
		if s.GetNumber() != int64(i+1) || s.GetStatus() != "completed" || s.StartedAt == nil || s.CompletedAt == nil {
			t.Errorf("step %+v", s)
		}
		steps = append(steps, s.GetName()+" "+s.GetConclusion())
	}
	want := []string{"Set up job success", "Run actions/checkout@v4 success", "Look success", "Complete job success"}
	if !slices.Equal(steps, want) {
		t.Errorf("steps %q", steps)
	}
	log := h.log(job)
	if !strings.Contains(log, "mode fast key *** created false\n") || strings.Contains(log, "s3cr3t") || !strings.Contains(log, "##[group]Run test") ||
		!strings.Contains(log, "Actions: read\n") {
		t.Errorf("log:\n%s", log)
	}
	wantHooks := []string{
		"workflow_run requested CI", "check_run created Build it", "workflow_job queued Build it", "workflow_job in_progress Build it",
		"workflow_run in_progress CI", "workflow_job completed Build it success", "check_run completed Build it success", "workflow_run completed CI success",
		"check_suite completed success",
	}
	for i, sent := range h.sent(hooks) {
		if !strings.HasPrefix(wantHooks[i], sent) {
			t.Errorf("webhook %d is %s, want %s", i, sent, wantHooks[i])
		}
	}
	got := hooks.all()
	slices.Sort(got)
	slices.Sort(wantHooks)
	if !slices.Equal(got, wantHooks) {
		t.Errorf("webhooks %q\nwant %q", got, wantHooks)
	}
	token, err := os.ReadFile(tokenFile)
	h.must(err)
	_, _, err = h.client(string(token)).Actions.GetWorkflowRunByID(hubtest.Within(t), "alice", "reports", run.GetID())
	hubtest.WantStatus(t, err, http.StatusUnauthorized, "Bad credentials")
	h.zipHolds(run, "0_Build it.txt", "Build it/3_Look.txt")
}

// zipHolds checks the archive of a run's logs.
func (h *hub) zipHolds(run *github.WorkflowRun, names ...string) {
	h.t.Helper()
	url, _, err := h.Actions.GetWorkflowRunLogs(hubtest.Within(h.t), "alice", "reports", run.GetID(), 1)
	h.must(err)
	archive, err := zip.NewReader(strings.NewReader(h.get(url.String())), int64(len(h.get(url.String()))))
	h.must(err)
	for _, name := range names {
		f, err := archive.Open(name)
		h.must(err)
		if data, err := io.ReadAll(f); err != nil || len(data) == 0 {
			h.t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
}

func TestJobsOfARun(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push(`
on: push
jobs:
  plan:
    runs-on: x
    outputs: {list: '${{ steps.l.outputs.list }}'}
    steps: [{id: l, run: 'echo list=[1,2] >> $GITHUB_OUTPUT'}]
  each:
    needs: plan
    runs-on: x
    strategy: {matrix: {n: '${{ fromJSON(needs.plan.outputs.list) }}'}}
    steps: [{run: 'echo n ${{ matrix.n }}'}]
  shaky:
    runs-on: x
    continue-on-error: true
    steps: [{run: exit 1}]
  after-shaky:
    needs: shaky
    runs-on: x
    steps: [{run: 'echo ${{ needs.shaky.result }}'}]
  never:
    if: github.event.created
    runs-on: x
    steps: [{run: exit 1}]
  last:
    needs: [each, never]
    if: always()
    runs-on: x
    steps: [{run: 'echo ${{ needs.each.result }} ${{ needs.never.result }}'}]
`)
	h.idle()
	run := h.only()
	want := []string{"after-shaky: success", "each (1): success", "each (2): success", "last: success", "never: skipped", "plan: success", "shaky: failure"}
	if got := h.conclusions(run); run.GetConclusion() != "success" || !slices.Equal(got, want) {
		t.Errorf("%s %q", run.GetConclusion(), got)
	}
	jobs := h.jobs(run)
	for name, line := range map[string]string{"each (2)": "\nn 2\n", "last": "\nsuccess skipped\n", "after-shaky": "\nsuccess\n"} {
		if log := h.log(jobs[name]); !strings.Contains(log, line) {
			t.Errorf("%s:\n%s", name, log)
		}
	}
}

func TestSkippedRunAndFailedRun(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push(`
on: {push: {branches: ['job/**']}}
jobs:
  a:
    if: github.event.created
    runs-on: x
    steps: [{run: 'test "$GITHUB_REF_NAME" = job/1; echo "::error file=x.go,line=3::broken"; exit 7'}]
  b: {needs: a, runs-on: x, steps: [{run: 'true'}]}
`)
	h.idle()
	if runs := h.runs(); len(runs) != 0 {
		t.Fatalf("main started %v", runs)
	}
	h.git("push", "-q", "origin", "HEAD:refs/heads/job/1")
	h.idle()
	run := h.only()
	if got := h.conclusions(run); run.GetConclusion() != "failure" || !slices.Equal(got, []string{"a: failure", "b: skipped"}) {
		t.Errorf("%s %q", run.GetConclusion(), got)
	}
	list, _, err := h.Checks.ListCheckRunAnnotations(hubtest.Within(t), "alice", "reports", h.jobs(run)["a"].GetID(), nil)
	h.must(err)
	if len(list) != 2 || list[0].GetPath() != "x.go" || list[0].GetStartLine() != 3 || list[1].GetMessage() != "Process completed with exit code 7." {
		t.Errorf("annotations %v", list)
	}
	h.commit("More", nil)
	h.git("push", "-q", "origin", "HEAD:refs/heads/job/1")
	h.idle()
	if run := h.runs()[0]; run.GetConclusion() != "skipped" || run.GetRunNumber() != 2 {
		t.Errorf("second push: %s #%d", run.GetConclusion(), run.GetRunNumber())
	}
	h.git("push", "-q", "origin", ":refs/heads/job/1")
	h.idle()
	if n := len(h.runs()); n != 2 {
		t.Errorf("the deletion started a run: %d", n)
	}
}

func TestWhatStartsNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push("on: push\npermissions: {contents: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n    - uses: actions/checkout@v4\n    - run: git push -q origin HEAD:refs/heads/from-run\n" +
		"    - if: always()\n      run: 'git checkout -q -b wf; echo \"on: push\" > .github/workflows/evil.yml; git add -A; git -c user.name=a -c user.email=a@b commit -qm x; ! git push -q origin wf 2>&1'\n")
	h.idle()
	if run := h.only(); run.GetConclusion() != "success" {
		t.Fatalf("%s\n%s", run.GetConclusion(), h.log(h.jobs(run)["a"]))
	}
	if out := h.git("ls-remote", "origin"); !strings.Contains(out, "refs/heads/from-run") || strings.Contains(out, "refs/heads/wf") {
		t.Errorf("refs:\n%s", out)
	}
	h.commit("Nothing [skip ci]", nil)
	h.git("push", "-q", "origin", "HEAD:main")
	h.idle()
	_, _, err := h.Repositories.EditActionsPermissions(hubtest.Within(t), "alice", "reports", github.ActionsPermissionsRepository{Enabled: github.Bool(false)})
	h.must(err)
	h.commit("Actions are off", nil)
	h.git("push", "-q", "origin", "HEAD:main")
	h.idle()
	if n := len(h.runs()); n != 1 {
		t.Errorf("%d runs", n)
	}
}

func TestCheckout(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.commit("One", map[string]string{"a.txt": "one"})
	h.git("tag", "v1")
	h.commit("Two", map[string]string{"a.txt": "two"})
	h.git("push", "-q", "origin", "v1", "HEAD:refs/heads/other")
	h.push(`
on: push
jobs:
  a:
    runs-on: x
    steps:
    - uses: actions/checkout@v4
    - run: test $(git rev-list --count HEAD) = 1; test "$(git branch --show-current)" = main; git config --get-regexp extraheader
    - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
      with: {ref: v1, path: tagged, persist-credentials: false}
    - run: test "$(cat tagged/a.txt)" = one; cd tagged; ! git config --local --get-regexp extraheader
    - uses: actions/checkout@v4
      with: {ref: other, path: branch, fetch-depth: 0}
    - run: test "$(cat branch/a.txt)" = two; test $(git -C branch rev-list --count HEAD) = 3; git -C branch fetch -q
    - uses: actions/checkout@v4
      with: {path: ../out}
`)
	h.idle()
	run := h.only()
	job := h.jobs(run)["a"]
	var got []string
	for _, s := range job.Steps {
		got = append(got, s.GetConclusion())
	}
	want := []string{"success", "success", "success", "success", "success", "success", "success", "failure", "success"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\n%s", got, h.log(job))
	}
}

func TestInvalidWorkflow(t *testing.T) {
	t.Parallel()
	h := setup(t)
	hooks := h.receive("workflow_run")
	h.push("on: push\njobs:\n  a:\n    runs-on: x\n    stepz: []\n")
	h.idle()
	run := h.only()
	if run.GetConclusion() != "startup_failure" || run.GetStatus() != "completed" || run.GetName() != ".github/workflows/ci.yml" {
		t.Errorf("run %+v", run)
	}
	if got := hooks.all(); len(got) != 2 || len(h.jobs(run)) != 0 {
		t.Errorf("webhooks %q", got)
	}
	_, err := h.Actions.RerunWorkflowByID(hubtest.Within(t), "alice", "reports", run.GetID())
	hubtest.WantStatus(t, err, http.StatusForbidden, "invalid workflow file")
}
