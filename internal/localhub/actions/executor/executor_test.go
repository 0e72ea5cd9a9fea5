package executor_test

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
)

func TestStepsOfAJob(t *testing.T) {
	t.Parallel()
	rec, result := run(t, newJob(t, workflow(`
    - name: Say ${{ vars.MODE }}
      id: say
      run: |
        echo "key ${{ secrets.KEY }} token $TOKEN"
        printf 'word=1' >> $GITHUB_OUTPUT
        echo 'FROM_ENV=a ${{ '${{' }} b }}' >> $GITHUB_ENV
        mkdir -p bin && echo 'echo tool ran' > bin/tool && chmod +x bin/tool
        echo "$PWD/bin" >> $GITHUB_PATH
        echo "# Done" >> $GITHUB_STEP_SUMMARY
        echo line-two
      env: {TOKEN: '${{ github.token }}'}
    - run: echo "out ${{ steps.say.outputs.word }} env $FROM_ENV"; tool
    - if: false
      run: echo never
    - run: echo failing; exit 3
    - run: echo skipped after failure
    - if: failure()
      run: echo "::add-mask::hidden"; echo "was hidden"; printf 'no newline'
    - if: always() && github.triggering_actor == 'hubot'
      run: echo "::warning file=a.go,line=4,title=Careful::look out"; echo "::group::More"; echo "::endgroup::"
`)), executor.Control{})
	if result.Conclusion != executor.Failure {
		t.Errorf("conclusion %q", result.Conclusion)
	}
	wantConclusions := map[int]string{1: "success", 2: "success", 3: "success", 4: "skipped", 5: "failure", 6: "skipped", 7: "success", 8: "success", 9: "success"}
	if !maps.Equal(rec.conclusions, wantConclusions) {
		t.Errorf("conclusions %v\nwant %v\n%s", rec.conclusions, wantConclusions, rec.all())
	}
	wantOutput := map[int]string{
		2: "key *** token ***\n***",
		3: "out 1 env a ${{ b }}\ntool ran",
		5: "failing\n##[error]Process completed with exit code 3.",
		7: "was ***\nno newline",
		8: "##[warning]look out\n##[group]More\n##[endgroup]",
	}
	for number, want := range wantOutput {
		if got := rec.output(number); got != want {
			t.Errorf("step %d wrote\n%s\nwant\n%s", number, got, want)
		}
	}
	if rec.names[2] != "Say fast" || rec.summary != "# Done\n" {
		t.Errorf("name %q, summary %q", rec.names[2], rec.summary)
	}
	want := executor.Annotation{Level: "warning", Title: "Careful", Message: "look out", File: "a.go", Line: 4}
	if !slices.Contains(rec.annotations, want) {
		t.Errorf("annotations %+v", rec.annotations)
	}
	if text := rec.all(); strings.Contains(text, "s3cr3t") || strings.Contains(text, "ghs_") {
		t.Errorf("a secret is in the log:\n%s", text)
	}
}

func TestEnvironmentIsClosed(t *testing.T) {
	t.Setenv("LOCALHUB_OWN_SECRET", "leak")
	job := newJob(t, workflow(`
    - run: env | sort; [ -t 1 ] && echo terminal; true
    - run: cat $GITHUB_EVENT_PATH; echo; echo 'id ${{ github.repository_id }} ${{ github.workflow_ref }} ${{ github.sha }} ${{ github.ref_name }}'
`))
	job.Env = map[string]string{"ACTIONS_ID_TOKEN_REQUEST_URL": "http://x/"}
	rec, result := run(t, job, executor.Control{})
	if result.Conclusion != executor.Success {
		t.Fatalf("%s:\n%s", result.Conclusion, rec.all())
	}
	got := rec.output(2)
	for _, want := range []string{
		"GITHUB_API_URL=http://127.0.0.1:3000/api/v3", "GITHUB_REPOSITORY_ID=7", "GITHUB_RUN_ATTEMPT=2", "GITHUB_REF_NAME=job/${{github.token}}",
		"GITHUB_TRIGGERING_ACTOR=hubot", "GITHUB_JOB=a", "GITHUB_WORKFLOW=CI", "RUNNER_NAME=localhub-1", "CI=true", "ACTIONS_ID_TOKEN_REQUEST_URL=http://x/",
		"JOB_TEXT=say ${{ secrets.KEY }} and ${{ unclosed", "HOME=" + job.Dir + "/home", "GITHUB_WORKSPACE=" + job.Dir + "/work/reports/reports", "LANG=C.UTF-8",
	} {
		if !slices.Contains(strings.Split(got, "\n"), want) {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
	allowed := []string{"PATH", "LANG", "HOME", "CI", "JOB_TEXT", "PWD", "OLDPWD", "SHLVL", "_"}
	for line := range strings.Lines(got) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "=")
		if !slices.Contains(allowed, name) && !strings.HasPrefix(name, "GITHUB_") && !strings.HasPrefix(name, "RUNNER_") && !strings.HasPrefix(name, "ACTIONS_") {
			t.Errorf("leaked: %s", line)
		}
	}
	wantThird := string(job.Event) + "\nid 7 " + job.GitHub.WorkflowRef + " " + job.GitHub.SHA + " " + job.GitHub.RefName
	if got := rec.output(3); got != wantThird {
		t.Errorf("got  %s\nwant %s", got, wantThird)
	}
}

func TestCancelEndsEverything(t *testing.T) {
	t.Parallel()
	cancel, stop := context.WithCancel(context.Background())
	defer stop()
	job := newJob(t, workflow(`
    - run: |
        trap 'echo interrupted; exit 1' INT
        setsid sleep 300 & echo $! > pid
        echo ready
        sleep 300 & wait
    - run: echo not this
    - if: always()
      run: echo cleaning "${{ job.status }}"
    - if: cancelled()
      run: echo because cancelled
`))
	rec := newRecord()
	rec.seen = make(chan string, 1000)
	done := make(chan executor.Result, 1)
	go func() { done <- executor.Run(context.Background(), job, executor.Control{Cancel: cancel}, rec) }()
	for line := range rec.seen {
		if line == "ready" {
			break
		}
	}
	stop()
	result := <-done
	if result.Conclusion != executor.Cancelled {
		t.Errorf("conclusion %q", result.Conclusion)
	}
	want := map[int]string{1: "success", 2: "cancelled", 3: "skipped", 4: "success", 5: "success", 6: "success"}
	if !maps.Equal(rec.conclusions, want) {
		t.Errorf("conclusions %v, want %v\n%s", rec.conclusions, want, rec.all())
	}
	if got := rec.output(4); got != "cleaning cancelled" {
		t.Errorf("always() step wrote %q", got)
	}
	if got := rec.output(2); got != "ready\ninterrupted\n##[error]The operation was canceled." {
		t.Errorf("cancelled step wrote %q", got)
	}
	pid, err := os.ReadFile(filepath.Join(job.Dir, "work/reports/reports/pid"))
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); alive(strings.TrimSpace(string(pid))); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a process of the job in a session of its own survived")
		}
	}
}

// alive tells whether the process runs; one that is dead but not yet reaped does not.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestKillIsImmediate(t *testing.T) {
	t.Parallel()
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	rec := newRecord()
	rec.seen = make(chan string, 1000)
	job := newJob(t, workflow("    - run: trap '' INT TERM; echo ready; sleep 300\n    - if: always()\n      run: echo no\n"))
	done := make(chan executor.Result, 1)
	go func() { done <- executor.Run(ctx, job, executor.Control{}, rec) }()
	for line := range rec.seen {
		if line == "ready" {
			break
		}
	}
	kill()
	select {
	case result := <-done:
		if result.Conclusion != executor.Cancelled {
			t.Errorf("conclusion %q", result.Conclusion)
		}
	case <-time.After(time.Minute):
		t.Fatal("not killed")
	}
	if strings.Contains(rec.all(), "\nno\n") {
		t.Error("a step ran after the kill")
	}
}

func TestKillMarked(t *testing.T) {
	t.Parallel()
	mark := "github_test-" + t.Name()
	cmd := exec.Command("sleep", "300")
	cmd.Env = []string{"RUNNER_TRACKING_ID=" + mark + "_1"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	executor.KillMarked(mark)
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the process ended with %v", err)
	}
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	source := strings.Replace(workflow("    - run: sleep 300\n    - if: failure()\n      run: echo no\n"), "    steps:", "    timeout-minutes: 0.05\n    steps:", 1)
	rec, result := run(t, newJob(t, source), executor.Control{})
	if result.Conclusion != executor.Cancelled || rec.conclusions[2] != executor.Cancelled || rec.conclusions[3] != executor.Skipped {
		t.Errorf("%s %v\n%s", result.Conclusion, rec.conclusions, rec.all())
	}
	if len(rec.annotations) == 0 || !strings.Contains(rec.annotations[len(rec.annotations)-1].Message, "exceeded the maximum execution time") {
		t.Errorf("annotations %+v", rec.annotations)
	}
}

func TestContinueOnErrorAndShells(t *testing.T) {
	t.Parallel()
	rec, result := run(t, newJob(t, workflow(`
    - id: bad
      continue-on-error: true
      run: false | true; exit 4
    - run: echo "${{ steps.bad.outcome }} ${{ steps.bad.conclusion }}"
    - shell: bash
      run: false | true
    - if: always()
      run: echo 'not a pair' >> $GITHUB_OUTPUT
    - if: always()
      working-directory: nowhere
      run: pwd
`)), executor.Control{})
	want := map[int]string{1: "success", 2: "success", 3: "success", 4: "failure", 5: "failure", 6: "failure", 7: "success"}
	if result.Conclusion != executor.Failure || !maps.Equal(rec.conclusions, want) {
		t.Errorf("%s %v\nwant %v\n%s", result.Conclusion, rec.conclusions, want, rec.all())
	}
	if got := rec.output(3); got != "failure success" {
		t.Errorf("step 3 wrote %q", got)
	}
}

func TestLocalActionAndOutputs(t *testing.T) {
	t.Parallel()
	source := strings.Replace(workflow(`
    - run: |
        mkdir -p my
        sed 's/@/$/g' > my/action.yml <<'END'
        name: Mine
        inputs: {who: {default: world}}
        outputs: {greeting: {value: '@{{ steps.g.outputs.text }}'}}
        runs:
          using: composite
          steps:
          - id: g
            shell: bash
            run: echo "hello @{{ inputs.who }}"; echo "text=hi @{{ inputs.who }}" >> $GITHUB_OUTPUT
        END
    - id: mine
      uses: ./my
      with: {who: mona}
`), "    steps:", "    outputs: {word: '${{ steps.mine.outputs.greeting }}'}\n    steps:", 1)
	job := newJob(t, source)
	job.Event = []byte(`{}`)
	rec, result := run(t, job, executor.Control{})
	if result.Conclusion != executor.Success || result.Outputs["word"] != "hi mona" || !strings.Contains(rec.output(3), "hello mona") {
		t.Errorf("%+v\n%s", result, rec.all())
	}
}

func TestWhatCanNotBeHad(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ source, want string }{
		"remote action":  {workflow("    - uses: some/action@v1\n"), "some/action"},
		"docker action":  {workflow("    - uses: docker://alpine\n"), "docker run"},
		"container":      {strings.Replace(workflow("    - run: true\n"), "    steps:", "    container: alpine\n    steps:", 1), "docker run"},
		"unclosed":       {workflow("    - run: echo ${{ 'x }}\n"), "end of string literal"},
		"unknown need":   {workflow("    - run: echo ${{ nothing.here }}\n"), "nothing"},
		"not a workflow": {"jobs: 3\n", "workflow"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec, result := run(t, newJob(t, test.source), executor.Control{})
			if result.Conclusion != executor.Failure || !strings.Contains(rec.all(), test.want) {
				t.Errorf("%s\n%s", result.Conclusion, rec.all())
			}
			if len(rec.annotations) == 0 {
				t.Error("nothing says why")
			}
		})
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	job := newJob(t, `
name: CI
on: push
jobs:
  b: {runs-on: x, steps: [{run: "true"}]}
  a:
    needs: b
    if: needs.b.outputs.go == 'yes'
    name: Build ${{ matrix.os }}
    runs-on: '${{ matrix.os }}'
    continue-on-error: ${{ matrix.os == 'mac' }}
    strategy: {fail-fast: false, max-parallel: 1, matrix: {os: '${{ fromJSON(needs.b.outputs.list) }}'}}
    steps: [{run: "true"}]
`)
	job.Needs = map[string]executor.Need{"b": {Result: "success", Outputs: map[string]string{"go": "yes", "list": `["linux","mac"]`}}}
	got, err := job.Expand()
	if err != nil || !got.Enabled || got.FailFast || got.MaxParallel != 1 || len(got.Jobs) != 2 {
		t.Fatalf("%+v %v", got, err)
	}
	if j := got.Jobs[1]; j.Name != "Build mac" || !slices.Equal(j.Labels, []string{"mac"}) || !j.ContinueOnError || got.Jobs[0].ContinueOnError {
		t.Errorf("%+v", got.Jobs)
	}
	job.Needs = map[string]executor.Need{"b": {Result: "failure", Outputs: map[string]string{"go": "yes"}}}
	if got, err := job.Expand(); err != nil || got.Enabled {
		t.Errorf("%+v %v", got, err)
	}
	if got, err := job.Interpolate("deploy-${{ github.sha }}-${{ vars.MODE }}"); err != nil || got != "deploy-"+job.GitHub.SHA+"-fast" {
		t.Errorf("%q %v", got, err)
	}
}

// BenchmarkEngine is what the workflow engine alone takes for a job of four trivial steps.
func BenchmarkEngine(b *testing.B) {
	source := workflow("    - run: 'true'\n    - run: 'true'\n    - run: 'true'\n    - run: 'true'\n")
	for b.Loop() {
		job := newJob(b, source)
		job.Checked = true
		if _, result := run(b, job, executor.Control{}); result.Conclusion != executor.Success {
			b.Fatal(result)
		}
	}
}
