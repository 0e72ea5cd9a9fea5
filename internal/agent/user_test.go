//go:build linux

package agent

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// asRoot is a job in the process runtime whose task runs as another user.
func asRoot(t *testing.T, script string, edit func(*githubjobs.Spec)) *fixture {
	t.Helper()
	require.Root(t)
	f := setup(t, script, edit)
	delete(f.environ, "GITHUBJOBS_UNSAFE_SAME_USER")
	return f
}

// TestATaskCannotReachTheAgent: the agent that ran as the task's user could be
// stopped, so that there was no deadline, or killed, so that the task wrote its own
// outcome and set variables for the steps that have the token.
func TestATaskCannotReachTheAgent(t *testing.T) {
	t.Parallel()
	f := asRoot(t, `
		exec 2>/dev/null
		tries() { echo "$1: $(shift; "$@" && echo done || echo refused)"; }
		# Up to the agent, and no further: its parent is the test.
		p=$PPID
		while [ "$agent" != run ]; do
			p=$(cut -d' ' -f4 /proc/$p/stat); agent=$(tr '\0' '\n' </proc/$p/cmdline | tail -1)
			for s in CONT STOP TERM KILL; do tries "$agent $s" kill -$s $p; done
			tries "$agent variables" cat /proc/$p/environ
		done
		tries outcome sh -c 'echo "{}" >../outcome/outcome.json'
		tries "outcome away" mv ../outcome ../away
		tries "tree away" mv ../tree ../away
		tries "base" sh -c 'echo >>../base.git/HEAD'
		tries "inputs" sh -c 'echo >>../inputs/job.json'
		for f in env event.json; do tries "$f" sh -c "echo BASH_ENV=/tmp/evil >>@RUNNER@/$f"; tries "rm $f" rm -f @RUNNER@/$f; done
		exit 7`, nil)
	// Some runners make them so that everybody may write.
	f.write(f.environ["GITHUB_ENV"], "")
	if err := os.Chmod(f.environ["GITHUB_ENV"], 0o666); err != nil {
		t.Fatal(err)
	}
	r, _ := f.job(ExitTask)
	if r.Outcome != githubjobs.OutcomeFailure || r.ExitCode != 7 {
		t.Errorf("result %+v", r)
	}
	if strings.Contains(r.Log, "done") || strings.Count(r.Log, "refused") < 2*5+9 {
		t.Errorf("the task could do what it must not:\n%s", r.Log)
	}
	if got := f.read(f.environ["GITHUB_ENV"]); got != "" {
		t.Errorf("GITHUB_ENV holds %q", got)
	}
}

func TestATaskHasNoPrivileges(t *testing.T) {
	t.Parallel()
	f := asRoot(t, `
		echo "user $(id -u) $(id -g) $(id -G)"
		grep -E '^(Cap|NoNewPrivs)' /proc/self/status | tr '\t' ' '
		echo "session $(cut -d' ' -f6 /proc/$$/stat) of $$; files $(ls /proc/$$/fd | tr '\n' ' ')"
		stat -c '%a %g' .. | sed "s/ $(id -g)$/ mine/"
		ulimit -c; ulimit -u; touch /etc/x /x /usr/x /root/x 2>/dev/null || echo cannot`, nil)
	f.environ["GITHUBJOBS_PIDS"] = "77"
	f.step("fetch", ExitOK)
	cmd, out := f.command("run")
	extra, err := os.Open(f.environ["GITHUB_EVENT_PATH"]) // what a runner may have left open
	if err != nil {
		t.Fatal(err)
	}
	defer extra.Close()
	cmd.ExtraFiles = []*os.File{extra}
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	log := f.outcome().Result.Log
	var user, group, groups, session, self int
	if n, err := fmt.Sscanf(log, "user %d %d %d\n", &user, &group, &groups); n != 3 || user < 60_000 || group != user || groups != user {
		t.Errorf("%v\n%s", err, log)
	}
	_, rest, _ := strings.Cut(log, "\nsession ")
	if n, err := fmt.Sscanf(rest, "%d of %d; files 0 1 2 255 \n", &session, &self); n != 2 || session != self {
		t.Errorf("%v\n%s", err, log)
	}
	if strings.Count(log, " 0000000000000000\n") != 5 || !strings.Contains(log, "\nNoNewPrivs: 1\n") || !strings.HasSuffix(log, "\n710 mine\n0\n77\ncannot") {
		t.Errorf("the log is\n%s", log)
	}
	if info, err := os.Stat(string(f.dir())); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the work folder is open: %v, %v", info, err)
	}
	tree := f.dir().Tree()
	if info, err := os.Stat(tree); err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != os.Getuid() {
		t.Errorf("the tree was not given back: %v, %v", info, err)
	}
}

// A step can set variables for the next ones, which hold the token, through a file.
func TestNothingIsPassedToTheNextStep(t *testing.T) {
	t.Parallel()
	planted := filepath.Join(t.TempDir(), "target")
	f := setup(t, fmt.Sprintf(`cd @RUNNER@; echo BASH_ENV=/tmp/evil >>env || echo refused; ln -sf %q summary.md || echo refused; echo "# Merged!" >>summary.md || echo refused`, planted), nil)
	f.write(f.environ["GITHUB_ENV"], "")
	f.job(ExitOK)
	if got := f.read(f.environ["GITHUB_ENV"]); got != "" {
		t.Errorf("GITHUB_ENV holds %q", got)
	}
	if got := f.read(f.environ["GITHUB_STEP_SUMMARY"]); strings.Contains(got, "Merged!") || !strings.Contains(got, "### The task succeeded") {
		t.Errorf("the summary is %q", got)
	}
}

// TestAForkBombEnds: it starts processes faster than they can be killed one by one.
func TestAForkBombEnds(t *testing.T) {
	t.Parallel()
	f := asRoot(t, `
		id -u; trap '' INT TERM
		bomb() { setsid bash -c 'trap "" TERM HUP INT; while :; do (exec setsid sleep 0.0"$RANDOM") & (:) & done' & }
		bomb; bomb; bomb; wait`, func(s *githubjobs.Spec) { s.TimeoutSeconds = 1 })
	f.environ["GITHUBJOBS_PIDS"] = "200"
	r, _ := f.job(ExitTask)
	if r.Outcome != githubjobs.OutcomeTimedOut {
		t.Errorf("result %+v", r)
	}
	user, _, _ := strings.Cut(r.Log, "\n")
	assertNobodyIs(t, user)
}

// TestTheTaskEndsWithTheAgent: also when that is killed, as a runner does with a step
// that does not end in time.
func TestTheTaskEndsWithTheAgent(t *testing.T) {
	t.Parallel()
	f := asRoot(t, `id -u >user; (trap '' INT TERM HUP; setsid sleep 300 &) ; trap '' INT TERM; echo started; while :; do sleep 1; done`, nil)
	f.environ["GITHUBJOBS_GRACE"] = "1m"
	f.step("fetch", ExitOK)
	cmd, w := f.begin(t, "run", "\nstarted\n")
	user := strings.TrimSpace(f.read(filepath.Join(f.dir().Tree(), "user")))
	cmd.Process.Kill()
	w.Close()
	cmd.Wait()
	for end := time.Now().Add(time.Minute); len(processesOf(t, user)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("user %s still has the processes %v", user, processesOf(t, user))
		}
	}
}

// TestHardLinksAreNotGivenAway: root gives the task's files back, and a link in the
// tree may be one to a file of somebody else's.
func TestHardLinksAreNotGivenAway(t *testing.T) {
	t.Parallel()
	require.RootItself(t)
	f := asRoot(t, `ln @RUNNER@/open stolen 2>/dev/null || echo refused; chmod u+s,g+s . README.md; touch own`, nil)
	open := filepath.Join(f.runner, "open")
	f.write(open, "")
	if err := os.Chown(open, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	f.job(ExitOK)
	info, err := os.Stat(open)
	if err != nil || info.Sys().(*syscall.Stat_t).Uid != 12345 {
		t.Errorf("%v, %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(f.dir().Tree(), "README.md")); err != nil || info.Mode()&os.ModeSetuid != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

// TestAFolderOfSomebodyElseIsNotUsed: the names of work folders can be found out.
func TestAFolderOfSomebodyElseIsNotUsed(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(t *testing.T, dir string) error{
		"a link":   func(t *testing.T, dir string) error { return os.Symlink(t.TempDir(), dir) },
		"writable": func(t *testing.T, dir string) error { return os.Mkdir(dir, 0o777) },
		"foreign": func(t *testing.T, dir string) error {
			require.RootItself(t)
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
			return os.Chown(dir, 12345, 12345)
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := asRoot(t, "true", nil)
			if err := plant(t, string(f.dir())); err != nil {
				t.Fatal(err)
			}
			os.Chmod(string(f.dir()), 0o777)
			for _, step := range []string{"fetch", "run"} {
				if out := f.step(step, ExitError); !strings.Contains(out, string(f.dir())) {
					t.Errorf("%s does not name it:\n%s", step, out)
				}
			}
			if _, err := f.dir().Load(); err == nil {
				t.Error("an outcome is taken from it")
			}
		})
	}
}

func TestWithoutAnotherUserNothingIsRun(t *testing.T) {
	t.Parallel()
	require.RootItself(t)
	f := setup(t, "id -u; touch "+"@RUNNER@/ran", nil)
	f.environ["PATH"] = gitOnly(t)
	f.as = 12345
	f.environ["GITHUBJOBS_WORK"] = filepath.Join(f.runner, "work")
	if err := os.Chown(f.runner, f.as, f.as); err != nil {
		t.Fatal(err)
	}
	f.step("fetch", ExitOK)
	out := f.step("run", ExitTask)
	for _, want := range []string{"user 12345 has neither", "use the docker runtime", "GITHUBJOBS_UNSAFE_SAME_USER"} {
		if !strings.Contains(out, want) {
			t.Errorf("the step does not say %q:\n%s", want, out)
		}
	}
	if _, err := os.Stat(filepath.Join(f.runner, "ran")); err == nil {
		t.Error("the task was run")
	}
	f.environ["PATH"], f.environ["GITHUBJOBS_UNSAFE_SAME_USER"] = os.Getenv("PATH"), "true"
	f.step("fetch", ExitOK)
	if out := f.step("run", ExitOK); !strings.Contains(out, "Runtime: process, same user.") || !strings.Contains(out, "\n12345\n") {
		t.Errorf("the step's log is\n%s", out)
	}
}

func assertNobodyIs(t *testing.T, user string) {
	t.Helper()
	if user == "" || user == "0" {
		t.Fatalf("the user is %q", user)
	}
	if pids := processesOf(t, user); len(pids) > 0 {
		t.Errorf("user %s still has the processes %v", user, pids)
	}
}

func processesOf(t *testing.T, user string) []string {
	t.Helper()
	out, err := exec.Command("pgrep", "-u", user).Output()
	if err != nil && len(out) > 0 {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
