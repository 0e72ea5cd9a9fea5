//go:build unix

package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
	"github.com/githubjobs/githubjobs/internal/agent/config"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// The agent starts itself again for the task, so this binary is also the agent:
// when its first argument is a command and no flag.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-") {
		os.Exit(Main(Program{Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}))
	}
	os.Exit(m.Run())
}

const token = "ghs_thetokenofthetestsisnotreal"

// fixture is a repository on a GitHub, with one job in it, and a runner.
type fixture struct {
	t       *testing.T
	repo    *agenttest.Repository
	spec    githubjobs.Spec
	sha     string
	runner  string // RUNNER_TEMP
	environ map[string]string
	as      int // the user of the steps; 0 for that of the test
	groups  []uint32
	secrets map[string]string // of the repository; nil where the workflow gives none
}

// setup makes a job that runs script, in which @RUNNER@ is the runner's folder. edit,
// if not nil, changes the job first.
func setup(t *testing.T, script string, edit func(*githubjobs.Spec)) *fixture {
	t.Helper()
	runner := t.TempDir()
	// As on many runners, others may look at what is in it.
	if err := os.Chmod(filepath.Dir(runner), 0o755); err != nil {
		t.Fatal(err)
	}
	repo := agenttest.NewRepository(t)
	repo.Commit(agenttest.Commit{Message: "First", Write: map[string]string{"README.md": "# Demo\n", "src/main.go": "package main\n"}})
	config, err := json.Marshal(githubjobs.CommandConfig{Script: strings.ReplaceAll(script, "@RUNNER@", runner)})
	if err != nil {
		t.Fatal(err)
	}
	spec := githubjobs.Spec{ID: "the-job", Kind: githubjobs.KindCommand, Title: "A title", Prompt: "Do it\nwell", Config: config, Base: "main"}
	if edit != nil {
		edit(&spec)
	}
	spec.Normalize(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))
	f := &fixture{t: t, repo: repo, spec: spec, sha: repo.Job(spec), runner: runner}
	server := repo.Serve(token, repo.API(token))
	f.environ = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": f.runner, "RUNNER_OS": "Linux", "RUNNER_TEMP": f.runner,
		"GITHUB_SERVER_URL": server, "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": f.sha, "GITHUB_REF_NAME": "job/the-job",
		"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": filepath.Join(f.runner, "event.json"), "GITHUB_RUN_ID": uniqueRun(t),
		"GITHUB_RUN_ATTEMPT": "1", "GITHUB_STEP_SUMMARY": filepath.Join(f.runner, "summary.md"), "GITHUB_ENV": filepath.Join(f.runner, "env"),
		"GITHUBJOBS_RUNTIME": "process", "GITHUBJOBS_GRACE": "300ms", "GITHUB_ACTIONS": "true",
	}
	if os.Getuid() != 0 { // It is another test whether this machine has sudo.
		f.environ["GITHUBJOBS_UNSAFE_SAME_USER"] = "true"
	}
	t.Cleanup(f.removeWork)
	f.event(map[string]any{
		"ref": "refs/heads/job/the-job", "created": true, "after": f.sha,
		"head_commit": map[string]any{"id": f.sha, "message": githubjobs.FormatSpec(spec)},
	})
	return f
}

// removeWork removes what steps left outside of the test's folder; publish does so in a run.
func (f *fixture) removeWork() {
	c, err := config.Load(f.environ)
	if err != nil || c.RunnerTemp == "" {
		return // a test of what is wrong
	}
	if dir, err := c.Dir(); err == nil {
		os.RemoveAll(string(dir))
	}
}

func (f *fixture) event(event map[string]any) {
	f.t.Helper()
	raw, err := json.Marshal(event)
	if err != nil {
		f.t.Fatal(err)
	}
	f.write(f.environ["GITHUB_EVENT_PATH"], string(raw))
}

func (f *fixture) write(path, text string) {
	f.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) read(path string) string {
	f.t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(raw)
}

// command prepares a step with the token only where it belongs.
func (f *fixture) command(step string) (*exec.Cmd, *bytes.Buffer) {
	cmd := exec.Command(os.Args[0], step)
	if f.as != 0 {
		cmd.Path = f.agentForAll()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(f.as), Gid: uint32(f.as), Groups: f.groups}}
	}
	for name, value := range f.environ {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if step != "run" {
		cmd.Env = append(cmd.Env, "GITHUB_TOKEN="+token)
		if f.secrets != nil {
			raw, err := json.Marshal(f.secrets)
			if err != nil {
				f.t.Fatal(err)
			}
			cmd.Env = append(cmd.Env, "GITHUBJOBS_SECRETS="+string(raw))
		}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	return cmd, &out
}

// agentForAll is a copy of this program that every user can come to.
func (f *fixture) agentForAll() string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "agent")
	// Not by this process: a program that another test starts meanwhile would have the file open for writing
	// until it runs, and what is open so can't be executed (ETXTBSY).
	if out, err := exec.Command("cp", os.Args[0], path).CombinedOutput(); err != nil {
		f.t.Fatalf("copy the agent: %v\n%s", err, out)
	}
	return path
}

func (f *fixture) step(step string, wantCode int) string {
	f.t.Helper()
	cmd, out := f.command(step)
	if err := cmd.Run(); cmd.ProcessState == nil { // else the exit code says it
		f.t.Fatalf("agent %s: %v", step, err)
	}
	if code := cmd.ProcessState.ExitCode(); code != wantCode {
		f.t.Fatalf("agent %s: exit code %d, want %d\n%s", step, code, wantCode, out)
	}
	return out.String()
}

func (f *fixture) dir() work.Dir {
	f.t.Helper()
	c, err := config.Load(f.environ)
	if err != nil {
		f.t.Fatal(err)
	}
	dir, err := c.Dir()
	if err != nil {
		f.t.Fatal(err)
	}
	return dir
}

func (f *fixture) outcome() work.Outcome {
	f.t.Helper()
	o, err := f.dir().Load()
	if err != nil {
		f.t.Fatal(err)
	}
	return o
}

// job fetches and runs; wantCode is that of the run.
func (f *fixture) job(wantCode int) (githubjobs.Result, string) {
	f.t.Helper()
	f.step("fetch", ExitOK)
	out := f.step("run", wantCode)
	return f.outcome().Result, out
}

// uniqueRun is a run id that no other test has: the names of containers are made of it.
func uniqueRun(t *testing.T) string {
	t.Helper()
	n := uint64(14695981039346656037)
	for _, c := range []byte(t.Name()) {
		n = (n ^ uint64(c)) * 1099511628211
	}
	return fmt.Sprint(n>>24 + uint64(os.Getpid()))
}
