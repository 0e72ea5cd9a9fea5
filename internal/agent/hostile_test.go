//go:build unix

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// each runs the test in both runtimes.
func each(t *testing.T, test func(t *testing.T, runtime map[string]string)) {
	t.Parallel()
	t.Run("process", func(t *testing.T) {
		t.Parallel()
		test(t, map[string]string{"GITHUBJOBS_RUNTIME": "process"})
	})
	t.Run("docker", func(t *testing.T) {
		t.Parallel()
		test(t, map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": require.Docker(t)})
	})
}

func (f *fixture) with(environ map[string]string) *fixture {
	for name, value := range environ {
		f.environ[name] = value
	}
	return f
}

func TestBothRuntimesDoTheSame(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := setup(t, `echo out; echo err >&2; echo more; mkdir a; echo x >a/b; rm src/main.go; git add -A; git commit -qm done; exit 3`, nil).with(runtime)
		r, _ := f.job(ExitTask)
		if r.Outcome != githubjobs.OutcomeFailure || r.ExitCode != 3 || r.Log != "out\nerr\nmore" {
			t.Errorf("result %+v", r)
		}
		if got := f.read(filepath.Join(f.dir().Tree(), "a/b")); got != "x\n" {
			t.Errorf("a/b is %q", got)
		}
		if _, err := os.Lstat(filepath.Join(f.dir().Tree(), "src/main.go")); err == nil {
			t.Error("src/main.go is still there")
		}
	})
}

func TestTheEnvironmentOfATaskIsClosed(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := setup(t, `env -0 | sort -z | tr '\0' '\n'`, nil).with(runtime)
		f.environ["ACTIONS_RUNTIME_TOKEN"] = "runtime-token-value"
		f.environ["AWS_SECRET_ACCESS_KEY"] = "aws-secret-value"
		f.environ["GITHUB_WORKSPACE"] = "/somewhere"
		r, _ := f.job(ExitOK)
		var names []string
		for line := range strings.Lines(r.Log) {
			if name, _, ok := strings.Cut(line, "="); ok {
				names = append(names, name)
			}
		}
		got := strings.Join(names, " ")
		want := "CI GITHUB_REF_NAME GITHUB_REPOSITORY GITHUB_RUN_ATTEMPT GITHUB_RUN_ID GITHUB_SERVER_URL GITHUB_SHA HOME " +
			"JOB_BASE JOB_EVENT JOB_ID JOB_KIND JOB_PROMPT JOB_TITLE LANG PATH PWD RUNNER_OS SHLVL TMPDIR TZ _"
		// A container has a name of its own, and bash remembers no former folder in either.
		if strings.Replace(got, " HOSTNAME", "", 1) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if !strings.Contains(r.Log, "JOB_PROMPT=Do it\nwell\n") {
			t.Errorf("the prompt is not passed whole:\n%s", r.Log)
		}
	})
}

func TestNoTokenIsToBeFound(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		// The token was in the fetch step. Look where it could have stayed.
		f := setup(t, `
			git config --list; cat .git/config; git remote -v
			p=access; grep -rs "x-$p-token" "$HOME" .git ../base.git ../inputs ../task | head -c 1000 || true
			cat /proc/$PPID/environ | tr '\0' '\n'`, nil).with(runtime)
		r, out := f.job(ExitOK)
		for _, secret := range []string{token, "x-access-token", "Authorization", "extraheader"} {
			if strings.Contains(r.Log+out, secret) {
				t.Errorf("%q is to be found:\n%s", secret, r.Log)
			}
		}
	})
}

func TestSecretsOfTheRunnerAreMasked(t *testing.T) {
	t.Parallel()
	f := setup(t, `echo "it is the-runners-password, and ghp_0123456789abcdefghij"; printf the-runners-; sleep 0.05; echo password`, nil)
	f.environ["REGISTRY_PASSWORD"] = "the-runners-password"
	r, out := f.job(ExitOK)
	if r.Log != "it is ***, and ***\n***" || strings.Contains(out, "the-runners-") {
		t.Errorf("log %q\n%s", r.Log, out)
	}
}

func TestOutputIsNoCommand(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := setup(t, `echo '::set-env name=PATH::/evil'; echo '::add-mask::a'; echo '::stop-commands::x'; echo '::x::'; printf '::error::no newline'`, nil).with(runtime)
		_, out := f.job(ExitOK)
		_, rest, found := strings.Cut(out, "::stop-commands::")
		word, rest, _ := strings.Cut(rest, "\n")
		inside, after, ended := strings.Cut(rest, "\n::"+word+"::\n")
		if !found || !ended || !strings.HasPrefix(inside, "::set-env") || !strings.HasSuffix(inside, "::error::no newline") || strings.Contains(after, "evil") {
			t.Errorf("the step's log is\n%s", out)
		}
	})
}

func TestADaemonDoesNotSurvive(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := setup(t, `
			(setsid bash -c 'trap "" TERM HUP INT; exec -a $JOB_PROMPT sleep 300 </dev/null >/dev/null 2>&1' &)
			sleep 300 &
			until pgrep -f "^$JOB_PROMPT 300" >/dev/null 2>&1 || grep -qs "^$JOB_PROMPT" /proc/[0-9]*/cmdline; do :; done
			echo ready`,
			func(s *githubjobs.Spec) { s.Prompt = "daemon-of-" + strings.ReplaceAll(t.Name(), "/", "-") }).with(runtime)
		r, _ := f.job(ExitOK)
		if !strings.Contains(r.Log, "ready") || !strings.Contains(r.Log, "ended with it: 2 processes") {
			t.Errorf("log %q", r.Log)
		}
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, file := range files {
			if raw, _ := os.ReadFile(file); strings.HasPrefix(string(raw), f.spec.Prompt) {
				t.Errorf("%s is still alive", file)
			}
		}
	})
}

func TestAHugeLog(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := setup(t, `echo first; head -c 300000000 /dev/zero | tr '\0' x; echo; yes | head -c 20000000; echo last`, nil).with(runtime)
		r, out := f.job(ExitOK)
		if !strings.HasPrefix(r.Log, "first\nxxx") || !strings.HasSuffix(r.Log, "\ny\nlast") || len(r.Log) > 1<<20 {
			t.Errorf("the log has %d bytes", len(r.Log))
		}
		if len(out) > 20<<20 || !strings.Contains(out, "the rest is not shown") || !strings.Contains(out, "\nlast\n") {
			t.Errorf("the step's log has %d bytes", len(out))
		}
	})
}

func TestASpoiltCheckout(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		outside := filepath.Join(t.TempDir(), "outside")
		if err := os.WriteFile(outside, []byte("untouched"), 0o600); err != nil {
			t.Fatal(err)
		}
		f := setup(t, fmt.Sprintf(`
			rm -rf .git; mkdir -p d/e; echo x >d/e/f; chmod 000 d/e/f d/e d
			ln -s %[1]q link; ln -s / root; mkfifo pipe
			cd ../task; rm started; ln -s %[1]q started; ln -s %[1]q report.json`, outside), nil).with(runtime)
		r, _ := f.job(ExitOK)
		if r.Outcome != githubjobs.OutcomeSuccess {
			t.Errorf("result %+v", r)
		}
		tree := f.dir().Tree()
		if info, err := os.Lstat(filepath.Join(tree, "d/e/f")); err != nil || info.Mode().Perm()&0o400 == 0 {
			t.Errorf("d/e/f: %v, %v", info, err)
		}
		if raw, _ := os.ReadFile(outside); string(raw) != "untouched" {
			t.Errorf("a file outside was written: %q", raw)
		}
	})
}

func TestAForgedReport(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := setup(t, `
			cd ../task
			printf '{"summary":"\u001b[2Jforged","stats":{"a":1},"error":"line\n\\nbreak"}' >report.json
			kill -KILL $PPID; exit 1`, nil).with(runtime)
		r, _ := f.job(ExitTask)
		if r.Outcome != githubjobs.OutcomeFailure && r.Outcome != githubjobs.OutcomeError {
			t.Errorf("result %+v", r)
		}
		if strings.Contains(r.Summary, "\x1b") || strings.Contains(r.Error, "\n") {
			t.Errorf("result %+v", r)
		}
	})
}

func TestDeadlineInDocker(t *testing.T) {
	t.Parallel()
	f := setup(t, `trap '' INT TERM; while :; do sleep 1; done`, func(s *githubjobs.Spec) { s.TimeoutSeconds = 1 }).
		with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": require.Docker(t), "GITHUBJOBS_GRACE": "2s"})
	r, _ := f.job(ExitTask)
	if r.Outcome != githubjobs.OutcomeTimedOut {
		t.Errorf("result %+v", r)
	}
	assertNoContainer(t, f)
}

func TestCancelInDocker(t *testing.T) {
	t.Parallel()
	f := setup(t, `trap 'echo bye; exit 3' INT; echo started; while :; do sleep 0.01; done`, nil).
		with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": require.Docker(t), "GITHUBJOBS_GRACE": "30s"}) // as soon as this machine lets it
	f.step("fetch", ExitOK)
	cmd, w := f.begin(t, "run", "\nstarted\n")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	w.Close()
	if r := f.outcome().Result; r.Outcome != githubjobs.OutcomeCanceled || r.ExitCode != 3 || r.Log != "started\nbye" {
		t.Errorf("result %+v", r)
	}
	assertNoContainer(t, f)
}

func TestTheContainerIsClosed(t *testing.T) {
	t.Parallel()
	image := require.Docker(t)
	f := setup(t, `
		id -u; id -g
		grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status | tr '\t' ' '
		touch /etc/x 2>/dev/null && echo "root is writable" || echo "root is read-only"
		touch ../base.git/x 2>/dev/null && echo "base is writable" || echo "base is read-only"
		touch ../inputs/x 2>/dev/null && echo "inputs are writable" || echo "inputs are read-only"
		echo 'echo runs' >/tmp/x; chmod +x /tmp/x; /tmp/x; echo x >"$HOME/x"
		test -e /var/run/docker.sock && echo socket || echo no socket
		cat /proc/1/cmdline | tr '\0' ' '`, nil).
		with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": image})
	r, out := f.job(ExitOK)
	want := `CapBnd: 0000000000000000
CapEff: 0000000000000000
NoNewPrivs: 1
root is read-only
base is read-only
inputs are read-only
runs
no socket
agent keep`
	lines := strings.Split(r.Log, "\n")
	if len(lines) < 3 || lines[0] == "0" || lines[1] == "0" {
		t.Fatalf("the log is\n%s\n%s", r.Log, out)
	}
	body := strings.Join(lines[2:], "\n")
	body = strings.Replace(body, "CapEff: 0000000000000000\nCapBnd: 0000000000000000", "CapBnd: 0000000000000000\nCapEff: 0000000000000000", 1)
	if body != want {
		t.Errorf("got\n%s\nwant\n%s", body, want)
	}
	assertNoContainer(t, f)
}

func TestTheContainerEndsWithTheAgent(t *testing.T) {
	t.Parallel()
	f := setup(t, "echo started; trap '' INT TERM; sleep 300", nil).
		with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": require.Docker(t)})
	f.step("fetch", ExitOK)
	cmd, w := f.begin(t, "run", "\nstarted\n")
	cmd.Process.Kill()
	w.Close() // The docker command still holds the other end for a moment.
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if exec.Command("docker", "inspect", f.container()).Run() != nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the container goes on without the agent")
		}
	}
	cmd.Wait()
}

func TestLimitsOfTheContainer(t *testing.T) {
	t.Parallel()
	image := require.Docker(t)
	for name, test := range map[string]struct{ script, want string }{
		"memory":    {`x=$(head -c 300000000 /dev/zero | tr '\0' x); echo survived`, "GITHUBJOBS_MEMORY"},
		"processes": {`for i in $(seq 200); do sleep 5 & done; echo survived`, "exit code"},
		"file size": {`head -c 3000000 /dev/zero >big; echo survived`, "GITHUBJOBS_FILE_SIZE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, test.script, nil).with(map[string]string{
				"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": image, "GITHUBJOBS_MEMORY": "64m", "GITHUBJOBS_PIDS": "64", "GITHUBJOBS_FILE_SIZE": "2m",
			})
			r, _ := f.job(ExitTask)
			if r.Outcome != githubjobs.OutcomeFailure || strings.Contains(r.Log, "survived") || !strings.Contains(r.Error, test.want) {
				t.Errorf("result %+v", r)
			}
		})
	}
}

func TestDockerThatIsNotThere(t *testing.T) {
	t.Parallel()
	image := require.Docker(t)
	for name, test := range map[string]struct {
		environ map[string]string
		want    string
	}{
		"no image named": {map[string]string{"GITHUBJOBS_IMAGE": ""}, "GITHUBJOBS_IMAGE is not set"},
		"no such image":  {map[string]string{"GITHUBJOBS_IMAGE": "githubjobs/no-such-image:1"}, "the image githubjobs/no-such-image:1 is not on this runner"},
		"no engine":      {map[string]string{"DOCKER_HOST": "unix:///nonexistent/docker.sock"}, "the Docker engine does not answer"},
		"no docker":      {map[string]string{"PATH": gitOnly(t)}, "docker is not installed on this runner"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, "true", nil).with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": image})
			f.step("fetch", ExitOK)
			f.with(test.environ).step("run", ExitTask)
			if r := f.outcome().Result; r.Outcome != githubjobs.OutcomeError || !strings.Contains(r.Error, test.want) {
				t.Errorf("result %+v", r)
			}
		})
	}
}

// gitOnly is a PATH with git and nothing else.
func gitOnly(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(path, filepath.Join(dir, "git")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (f *fixture) container() string {
	return fmt.Sprintf("githubjobs-%s-%s-%s", f.spec.ID, f.environ["GITHUB_RUN_ID"], f.environ["GITHUB_RUN_ATTEMPT"])
}

func assertNoContainer(t *testing.T, f *fixture) {
	t.Helper()
	if out, err := exec.Command("docker", "inspect", f.container()).CombinedOutput(); err == nil {
		t.Errorf("the container is still there: %s", out)
	}
}
