//go:build linux

package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The program under test takes over all children of its process, so each test
// runs it in a process of its own: this binary, told by PROCESS_TEST to be one.
func TestMain(m *testing.M) {
	if script := os.Getenv("PROCESS_TEST"); script != "" {
		os.Exit(supervise(script))
	}
	os.Exit(m.Run())
}

func supervise(script string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if limit, err := time.ParseDuration(os.Getenv("PROCESS_TEST_LIMIT")); err == nil {
		ctx, stop = context.WithTimeout(ctx, limit)
		defer stop()
	}
	cmd := exec.Command("bash", "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "DIR=" + os.Getenv("PROCESS_TEST_DIR")}
	var out bytes.Buffer
	exit, err := Run(ctx, cmd, &out, Grace{Time: 800 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	json.NewEncoder(os.Stdout).Encode(report{exit, out.String(), len(descendants(os.Getpid()))})
	return 0
}

type report struct {
	Exit
	Out   string
	Alive int // descendants after the end
}

type setup struct {
	dir   string
	limit time.Duration
}

func (s setup) command(script string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PROCESS_TEST=" + script, "PROCESS_TEST_DIR=" + s.dir}
	if s.limit > 0 {
		cmd.Env = append(cmd.Env, "PROCESS_TEST_LIMIT="+s.limit.String())
	}
	cmd.Stderr = os.Stderr
	return cmd
}

func (s setup) run(t *testing.T, script string) report {
	t.Helper()
	out, err := s.command(script).Output()
	if err != nil {
		t.Fatal(err)
	}
	var r report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExitCodeAndOrder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script string
		code   int
		out    string
	}{
		"success": {"echo a; echo b >&2; echo c", 0, "a\nb\nc\n"},
		"failure": {"echo x; exit 7", 7, "x\n"},
		"signal":  {"kill -KILL $$", 137, ""},
		"no sudo": {"grep NoNewPrivs /proc/self/status", 0, "NoNewPrivs:\t1\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := setup{}.run(t, test.script)
			if r.Code != test.code || r.Out != test.out || r.Stopped || r.Leftovers != 0 || r.Alive != 0 {
				t.Errorf("got %+v", r)
			}
		})
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"background": `sleep 60 & echo $! >$DIR/pid`,
		"session":    `setsid sh -c 'echo $$ >$DIR/pid; exec sleep 60' & while [ ! -s $DIR/pid ]; do :; done`,
		"daemon": `(setsid sh -c '(trap "" TERM HUP; cd /; exec </dev/null >/dev/null 2>&1; echo $BASHPID$$ >/dev/null; sh -c "echo \$PPID >$DIR/pid"; while :; do sleep 1; done) &' &)
			while [ ! -s $DIR/pid ]; do :; done`,
		"odd name": `cp $(command -v sleep) "$DIR/a) R 1 (b"; setsid "$DIR/a) R 1 (b" 60 & echo $! >$DIR/pid`,
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{dir: t.TempDir()}
			r := s.run(t, script)
			if r.Code != 0 || r.Leftovers == 0 || r.Alive != 0 {
				t.Errorf("got %+v", r)
			}
			assertGone(t, filepath.Join(s.dir, "pid"))
		})
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		script string
		code   int
	}{
		"obeys":    {`trap 'echo bye; exit 5' INT; echo $$ >$DIR/pid; while :; do sleep 0.01; done`, 5},
		"reminded": {`trap '' INT; trap 'exit 6' TERM; echo $$ >$DIR/pid; while :; do sleep 0.01; done`, 6},
		"resist":   {`trap '' INT TERM; echo $$ >$DIR/pid; while :; do sleep 1; done`, 137},
		"plain":    {`echo $$ >$DIR/pid; sleep 60`, 130},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup{dir: t.TempDir(), limit: 200 * time.Millisecond}
			r := s.run(t, test.script)
			if !r.Stopped || r.Code != test.code || r.Alive != 0 || r.Ok() {
				t.Errorf("got %+v", r)
			}
			assertGone(t, filepath.Join(s.dir, "pid"))
		})
	}
}

func TestTheProgramDiesWithItsSupervisor(t *testing.T) {
	t.Parallel()
	s := setup{dir: t.TempDir()}
	pid := filepath.Join(s.dir, "pid")
	cmd := s.command(`echo $$ >$DIR/pid; while :; do sleep 1; done`)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { raw, _ := os.ReadFile(pid); return bytes.HasSuffix(raw, []byte("\n")) })
	cmd.Process.Kill()
	cmd.Wait()
	await(t, func() bool { return !alive(t, pid) })
}

func TestAProgramThatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := Run(t.Context(), exec.Command("/nonexistent/program"), os.Stderr, Grace{Time: time.Second})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func assertGone(t *testing.T, file string) {
	t.Helper()
	if alive(t, file) {
		t.Error("the process is still alive")
	}
}

func alive(t *testing.T, file string) bool {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := readStat(pid)
	return ok && p.state != 'Z'
}

func await(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come about")
		}
	}
}
