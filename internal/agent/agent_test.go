//go:build unix

package agent

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func TestSuccess(t *testing.T) {
	t.Parallel()
	f := setup(t, "echo hello; echo problem >&2; echo new >new.txt; cat README.md; git log --format=%s | head -2", nil)
	r, out := f.job(ExitOK)
	want := "hello\nproblem\n# Demo\njob: A title\nFirst"
	if r.Outcome != githubjobs.OutcomeSuccess || r.ExitCode != 0 || r.Log != want || r.Error != "" || r.Attempt != 1 || r.RunID == 0 {
		t.Errorf("result %+v", r)
	}
	if r.Summary != "```\n"+want+"\n```" {
		t.Errorf("summary %q", r.Summary)
	}
	if got := f.read(filepath.Join(f.dir().Tree(), "new.txt")); got != "new\n" {
		t.Errorf("the checkout has %q", got)
	}
	if !reflect.DeepEqual(f.outcome().Spec, f.spec) {
		t.Errorf("spec %+v", f.outcome().Spec)
	}
	if !regexp.MustCompile(`(?s)Runtime: process.*\n::stop-commands::(\w+)\nhello\n.*First\n::\w+::\nThe task succeeded \(`).MatchString(out) {
		t.Errorf("the step's log is\n%s", out)
	}
	if summary := f.read(f.environ["GITHUB_STEP_SUMMARY"]); !strings.HasPrefix(summary, "### The task succeeded\n") {
		t.Errorf("the step's summary is %s", summary)
	}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script string
		code   int
		why    string
	}{
		"exit":        {"echo before; exit 7; echo after", 7, "exit code 7: before"},
		"first error": {"false; echo after", 1, "exit code 1"},
		"long line":   {"printf %1000s end; exit 1", 1, "exit code 1:"},
		"missing":     {"no-such-command", 127, "a command of the script was not found ("},
		"killed":      {"kill -KILL $$", 137, "exit code 137: ended by signal 9"},
		"syntax":      {"if", 2, "exit code 2"},
		"signal":      {"kill -SEGV $$", 139, "ended by signal 11"},
		"kills agent": {"kill -KILL $PPID; sleep 60", 137, "ended by signal 9"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, test.script, nil)
			r, out := f.job(ExitTask)
			if r.Outcome != githubjobs.OutcomeFailure || r.ExitCode != test.code || !strings.Contains(r.Error, test.why) || strings.Contains(r.Log, "after") ||
				strings.Contains(r.Error, "memory") || len(r.Error) > 400 {
				t.Errorf("result %+v", r)
			}
			if !strings.Contains(out, "\n::error title=The task failed::exit code ") {
				t.Errorf("the step's log is\n%s", out)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	f := setup(t, "echo started; trap '' INT TERM; while :; do sleep 1; done", func(s *githubjobs.Spec) { s.TimeoutSeconds = 1 })
	r, out := f.job(ExitTask)
	if r.Outcome != githubjobs.OutcomeTimedOut || r.Log != "started" || r.Error != "stopped after 1s, the job's timeout_seconds" {
		t.Errorf("result %+v", r)
	}
	if took := r.FinishedAt.Sub(r.StartedAt); took > 4*time.Second {
		t.Errorf("it took %s", took)
	}
	if !strings.Contains(out, "::error title=The task took too long and was stopped::") {
		t.Errorf("the step's log is\n%s", out)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			f := setup(t, "trap 'echo tidying up; exit 3' INT; echo started; while :; do sleep 0.01; done", nil)
			f.environ["GITHUBJOBS_GRACE"] = "30s" // It obeys as soon as this machine lets it.
			f.step("fetch", ExitOK)
			cmd, _ := f.begin(t, "run", "started")
			cmd.Process.Signal(signal)
			cmd.Wait()
			if got := f.outcome().Result; got.Outcome != githubjobs.OutcomeCanceled || !strings.HasPrefix(got.Log, "started\n") || !strings.HasSuffix(got.Log, "\ntidying up") {
				t.Errorf("result %+v", got) // bash itself says "Terminated" of its sleep
			}
			if cmd.ProcessState.ExitCode() != ExitTask {
				t.Errorf("exit code %d", cmd.ProcessState.ExitCode())
			}
		})
	}
}

// begin starts a step and waits until the text has come from it. What comes afterwards is read and thrown away, until the writer is closed.
func (f *fixture) begin(t *testing.T, step, text string) (*exec.Cmd, *io.PipeWriter) {
	t.Helper()
	cmd, _ := f.command(step)
	r, w := io.Pipe()
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan struct{})
	go func() {
		var all bytes.Buffer
		for buf, seen := make([]byte, 4096), false; ; {
			n, err := r.Read(buf)
			all.Write(buf[:n])
			if !seen && strings.Contains(all.String(), text) {
				seen = true
				close(found)
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case <-found:
	case <-time.After(time.Minute):
		t.Fatalf("%q did not come", text)
	}
	return cmd, w
}

func TestAnAgentThatIsKilledLeavesAnOutcome(t *testing.T) {
	t.Parallel()
	f := setup(t, "echo started; sleep 60", nil)
	f.step("fetch", ExitOK)
	cmd, _ := f.begin(t, "run", "started")
	cmd.Process.Kill()
	cmd.Wait()
	if got := f.outcome().Result; got.Outcome != githubjobs.OutcomeError || !strings.Contains(got.Error, "killed") {
		t.Errorf("result %+v", got)
	}
}

// A run that is run again has the same event, while the branch has moved on or is
// gone.
func TestRunAgain(t *testing.T) {
	t.Parallel()
	f := setup(t, "cat README.md; ls", nil)
	for attempt, change := range []func(){
		func() {},
		func() {
			f.repo.Git("checkout", "-q", "job/the-job")
			f.repo.Git("commit", "-q", "--allow-empty", "-m", "result: x")
			f.repo.Git("checkout", "-q", "main")
		},
		func() { f.repo.Git("branch", "-q", "-D", "job/the-job") },
	} {
		change()
		f.removeWork()
		f.environ["GITHUB_RUN_ATTEMPT"] = string(rune('1' + attempt))
		if r, _ := f.job(ExitOK); r.Log != "# Demo\nREADME.md\nsrc" || r.Attempt != attempt+1 {
			t.Errorf("attempt %d: %+v", attempt+1, r)
		}
	}
}

func TestFetchThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	f := setup(t, "true", nil)
	f.environ["GITHUB_REPOSITORY"] = "o/missing"
	out := f.step("fetch", ExitError)
	r := f.outcome().Result
	if r.Outcome != githubjobs.OutcomeError || !strings.Contains(r.Error, "o/missing can't be read") || !strings.Contains(out, "::error title=githubjobs agent::o/missing") {
		t.Errorf("result %+v\n%s", r, out)
	}
	if strings.Contains(out+r.Error, token) {
		t.Error("the token is told")
	}
}

func TestRunWithoutFetch(t *testing.T) {
	t.Parallel()
	f := setup(t, "true", nil)
	f.step("run", ExitTask)
	if r := f.outcome().Result; r.Outcome != githubjobs.OutcomeError || !strings.Contains(r.Error, "check out") {
		t.Errorf("result %+v", r)
	}
}

func TestWrongUse(t *testing.T) {
	t.Parallel()
	push := func(f *fixture, edit func(event, commit map[string]any)) {
		commit := map[string]any{"id": f.sha, "message": githubjobs.FormatSpec(f.spec)}
		event := map[string]any{"ref": "refs/heads/job/the-job", "created": true, "after": f.sha, "head_commit": commit}
		edit(event, commit)
		f.event(event)
	}
	tests := map[string]struct {
		spoil func(*fixture)
		step  string
		want  string
	}{
		"empty step":   {func(*fixture) {}, "", "no such command"},
		"unknown step": {func(*fixture) {}, "dance", "no such command: agent dance"},
		"token in run": {func(f *fixture) { f.environ["GITHUB_TOKEN"] = token }, "run", "GITHUB_TOKEN is set in the step that runs the task"},
		"other token":  {func(f *fixture) { f.environ["GH_TOKEN"] = token }, "run", "GH_TOKEN is set"},
		"no repo":      {func(f *fixture) { f.environ["GITHUB_REPOSITORY"] = "" }, "run", `GITHUB_REPOSITORY: "" is not owner/name`},
		"bad SHA":      {func(f *fixture) { f.environ["GITHUB_SHA"] = "main" }, "run", "GITHUB_SHA"},
		"bad attempt":  {func(f *fixture) { f.environ["GITHUB_RUN_ATTEMPT"] = "one" }, "run", "GITHUB_RUN_ATTEMPT: must be a int"},
		"bad server":   {func(f *fixture) { f.environ["GITHUB_SERVER_URL"] = "ftp://x" }, "run", "GITHUB_SERVER_URL"},
		"bad runtime":  {func(f *fixture) { f.environ["GITHUBJOBS_RUNTIME"] = "podman" }, "run", "use docker or process"},
		"bad grace":    {func(f *fixture) { f.environ["GITHUBJOBS_GRACE"] = "1h" }, "run", "GITHUBJOBS_GRACE"},
		"no folder":    {func(f *fixture) { f.environ["RUNNER_TEMP"] = "" }, "run", "set GITHUBJOBS_WORK"},
		"no event":     {func(f *fixture) { os.Remove(f.environ["GITHUB_EVENT_PATH"]) }, "run", "read the event"},
		"other event":  {func(f *fixture) { f.environ["GITHUB_EVENT_NAME"] = "workflow_dispatch" }, "run", "workflow_dispatch"},
		"later push":   {func(f *fixture) { push(f, func(e, _ map[string]any) { e["created"] = false }) }, "run", "github.event.created"},
		"other branch": {func(f *fixture) {
			f.environ["GITHUB_REF_NAME"] = "job/x"
			push(f, func(e, _ map[string]any) { e["ref"] = "refs/heads/job/x" })
		}, "run", "belongs on branch job/the-job, not on job/x"},
		"other commit": {func(f *fixture) { push(f, func(e, _ map[string]any) { e["after"] = strings.Repeat("1", 40) }) }, "run", "the event is of commit 1111"},
		"no job":       {func(f *fixture) { push(f, func(_, c map[string]any) { c["message"] = "Fix a typo" }) }, "run", "is not a job"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, "touch "+filepath.Join(t.TempDir(), "ran"), nil)
			test.spoil(f)
			out := f.step(test.step, ExitUsage)
			if !strings.Contains(out, test.want) || !strings.Contains(out, "::error title=") {
				t.Errorf("got\n%s", out)
			}
		})
	}
	f := setup(t, "true", nil)
	cmd, out := f.command("run")
	cmd.Args[1] = "fetch" // without the token
	_ = cmd.Run()
	if cmd.ProcessState.ExitCode() != ExitUsage || !strings.Contains(out.String(), "GITHUB_TOKEN: ${{ github.token }}") {
		t.Errorf("fetch without a token: %s", out)
	}
}

// Outside of Actions a person reads it, and no runner.
func TestWrongUseOutsideOfActions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "no step is given; name one"},
		{[]string{"dance"}, "no such command: agent dance"},
	} {
		var out, errs bytes.Buffer
		code := Main(Program{Args: test.args, Stdout: &out, Stderr: &errs})
		if said := errs.String(); code != ExitUsage || out.Len() > 0 || !strings.Contains(said, "Usage: agent") || !strings.Contains(said, "\ngithubjobs agent: wrong usage or configuration: "+test.want) {
			t.Errorf("%q: exit code %d, %q, %q", test.args, code, out.String(), said)
		}
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{"help": "Exit codes:", "--help": "Usage: agent", "version": "(devel)"} {
		var out bytes.Buffer
		if code := Main(Program{Args: []string{arg}, Stdout: &out, Stderr: &out}); code != ExitOK || !strings.Contains(out.String(), want) {
			t.Errorf("%s: exit code %d, %q", arg, code, out.String())
		}
	}
}
