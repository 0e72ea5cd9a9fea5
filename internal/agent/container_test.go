//go:build linux

package agent

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/githubjobs/githubjobs/internal/require"
)

// inDocker is a job in the docker runtime.
func inDocker(t *testing.T, script string) *fixture {
	t.Helper()
	image := require.Docker(t)
	return setup(t, script, nil).with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": image})
}

// TestATaskCannotReachItsKeeper: process 1 of the container is root, but can do no more
// than start and end the task; and the task can neither look into it nor end it.
func TestATaskCannotReachItsKeeper(t *testing.T) {
	t.Parallel()
	f := inDocker(t, `
		exec 2>/dev/null
		tries() { echo "$1: $(shift; "$@" >/dev/null && echo done || echo refused)"; }
		grep -E '^(Uid|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs)' /proc/1/status | tr '\t' ' '
		for what in environ maps auxv; do tries $what cat /proc/1/$what; done
		for what in fd task/1/fd; do tries $what ls /proc/1/$what; done
		for what in exe cwd root; do tries $what readlink /proc/1/$what; done
		tries mem dd if=/proc/1/mem bs=1 count=1
		for signal in INT TERM STOP KILL; do tries $signal kill -$signal 1; done
		tries debugger sh -c 'echo 0 >/proc/1/oom_score_adj'
		tries su setpriv --reuid 0 --clear-groups true
		id -u; exit 7`)
	r, _ := f.job(ExitTask)
	head, rest, _ := strings.Cut(r.Log, "environ:")
	const want = "Uid: 0 0 0 0\nCapInh: 0000000000000000\nCapPrm: 00000000000000e0\nCapEff: 00000000000000e0\nCapBnd: 0000000000000000\nCapAmb: 0000000000000000\nNoNewPrivs: 1\n"
	if head != want {
		t.Errorf("process 1 has\n%s", head)
	}
	if strings.Contains(rest, "done") || strings.Count(rest, "refused") != 15 || strings.HasSuffix(rest, "\n0") || r.ExitCode != 7 {
		t.Errorf("exit code %d\n%s", r.ExitCode, rest)
	}
}

// TestFilesComeBackToTheRunner: publish reads them, and the runner removes them.
func TestFilesComeBackToTheRunner(t *testing.T) {
	t.Parallel()
	const script = `id -u; id -g; mkdir -p a/b; echo x >a/b/c; chmod 600 a/b/c; chmod 700 a; chmod u+s README.md`
	t.Run("root", func(t *testing.T) {
		t.Parallel()
		require.RootItself(t)
		f := inDocker(t, script)
		f.step("fetch", ExitOK)
		assertOwner(t, f, f.step("run", ExitOK), "\n10001\n10001\n", 0)
	})
	t.Run("another user", func(t *testing.T) {
		t.Parallel()
		require.RootItself(t)
		f := inDocker(t, script)
		f.as, f.groups = 12345, []uint32{dockerGroup(t)}
		if err := os.Chown(f.runner, f.as, f.as); err != nil {
			t.Fatal(err)
		}
		f.step("fetch", ExitOK)
		assertOwner(t, f, f.step("run", ExitOK), "\n12345\n12345\n", f.as)
	})
}

func assertOwner(t *testing.T, f *fixture, log, wantLog string, want int) {
	t.Helper()
	if !strings.Contains(log, wantLog) {
		t.Errorf("the task was not user and group %q:\n%s", wantLog, log)
	}
	for _, name := range []string{".", "README.md", "a", "a/b", "a/b/c"} {
		info, err := os.Lstat(filepath.Join(f.dir().Tree(), name))
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; int(owner) != want {
			t.Errorf("%s belongs to user %d, want %d", name, owner, want)
		}
		if want == 0 && info.Mode()&os.ModeSetuid != 0 {
			t.Errorf("%s has become a program that makes everybody root", name)
		}
	}
}

// dockerGroup is the group that may talk to the engine.
func dockerGroup(t *testing.T) uint32 {
	t.Helper()
	out, err := exec.Command("docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}").Output()
	path, ok := strings.CutPrefix(strings.TrimSpace(string(out)), "unix://")
	if err != nil || !ok {
		t.Skipf("the engine is not reached by a socket: %q, %v", out, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Gid
}
