package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// walk leads a server past failpoints, at each of which it dies once.
type walk struct {
	points  []string // in FAILPOINT's form: the name, or name:n for the nth time
	options options
	// die lets the server die at one of the points (see world.dieAt), starts it again, and holds that nothing was lost or made twice.
	die func(w *world, point string)
}

// TestServerKilledAtEachFailpoint kills the server with SIGKILL at every failpoint of docs/failpoints.md.
func TestServerKilledAtEachFailpoint(t *testing.T) {
	t.Parallel()
	var met []string
	for name, walk := range walks() {
		for _, point := range walk.points {
			point, _, _ := strings.Cut(point, ":")
			met = append(met, point)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			walk.options.noServer = true
			walk.options.environment = append([]string{"RECONCILE_INTERVAL=250ms"}, walk.options.environment...)
			w := start(t, walk.options)
			w.recordMoves()
			for _, point := range walk.points {
				began := time.Now()
				walk.die(w, point)
				w.server.kill()
				t.Logf("%s: %s", point, time.Since(began).Round(time.Millisecond))
			}
		})
	}
	page, err := os.ReadFile("../../docs/failpoints.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllSubmatch(page, -1) {
		listed = append(listed, string(row[1]))
	}
	slices.Sort(met)
	slices.Sort(listed)
	if !slices.Equal(met, listed) {
		t.Errorf("docs/failpoints.md has\n%q, the server is killed at\n%q", listed, met)
	}
}

// TestProductionHasNoFailpoints: FAILPOINT means nothing to the server that is shipped.
func TestProductionHasNoFailpoints(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{filepath.Join(binaries, "server"): false, armedServer(t): true} {
		text, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		for _, mark := range []string{"FAILPOINT", "internal/failpoint", "the process kills itself"} {
			if bytes.Contains(text, []byte(mark)) != want {
				t.Errorf("%s holds %q: want %t", filepath.Base(program), mark, want)
			}
		}
	}
}

var buildArmed = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaries, "server-with-failpoints")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-tags", "failpoint", "-o", path, "../../cmd/server")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	return path, build.Run()
})

// armedServer is a server in which failpoints are more than nothing.
func armedServer(t testing.TB) string {
	t.Helper()
	path, err := buildArmed()
	if err != nil {
		t.Fatalf("building a server with failpoints: %v", err)
	}
	return path
}

// dieAt starts a server that dies at a failpoint, and tries again and again to lead it there.
func (w *world) dieAt(point string, try func(), args ...string) {
	w.t.Helper()
	cmd := exec.Command(armedServer(w.t), args...)
	cmd.Env = append(w.serverEnv(), "FAILPOINT="+point)
	log := w.log("dying server")
	cmd.Stdout, cmd.Stderr = log, log
	w.server = startProcess(w.t, cmd)
	for end := time.Now().Add(deadline); ; time.Sleep(5 * time.Millisecond) {
		select {
		case <-w.server.done:
			if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
				w.t.Fatalf("the server has ended at %s, and was not killed: %v", point, cmd.ProcessState)
			}
			return
		default:
		}
		if time.Now().After(end) {
			w.t.Fatalf("the server does not come to the failpoint %s", point)
		}
		try()
	}
}
