package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/require"
)

// program is the agent, built once by TestMain: as it is released, not as a test of its own
// code, which would take a gigabyte of log for minutes of work.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "githubjobs-hostile-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "agent")
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "../../cmd/agent")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "building the agent:", err)
			return 1
		}
		if err := os.Chmod(dir, 0o755); err != nil { // tasks of other users have it as their keeper
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return m.Run()
	}())
}

// leastCases is how many cases there are at least: none is to get lost.
const leastCases = 40

func TestHostileTasks(t *testing.T) {
	t.Parallel()
	require.Uncached(t)
	all := attacks(t)
	if len(all) < leastCases {
		t.Errorf("there are %d cases, and should be %d", len(all), leastCases)
	}
	hub := startHub(t)
	for runtime, image := range map[string]func(*testing.T) string{
		"docker": func(t *testing.T) string { return require.Docker(t) },
		"user":   func(t *testing.T) string { require.Root(t); return "" },
	} {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			image := image(t)
			for _, a := range all {
				if !strings.Contains(strings.Join(a.runtimes, " "), runtime) {
					continue
				}
				t.Run(a.name, func(t *testing.T) {
					t.Parallel()
					r := newRun(t, hub, a, runtime, image)
					r.do()
				})
			}
		})
	}
}

// TestCasesSayWhatTheyWant: a case that wants nothing would be passed by anything.
func TestCasesSayWhatTheyWant(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no task":      "About.\n-- want --\nlog: x\n",
		"no comment":   "-- task --\ntrue\n-- want --\nlog: x\n",
		"nothing":      "About.\n-- task --\ntrue\n-- want --\n\n",
		"no reason":    "About.\n-- task --\ntrue\n-- want --\noutcome: failure\nlog: x\n",
		"unknown line": "About.\n-- task --\ntrue\n-- want --\nlog: x\nmeain: A x\n",
		"unknown file": "About.\n-- task --\ntrue\n-- want --\nlog: x\n-- wants --\n",
	} {
		fails := &testing.T{}
		done := make(chan struct{})
		go func() { // A test that fails may end its goroutine.
			defer close(done)
			parse(fails, name, []byte(text))
		}()
		<-done
		if !fails.Failed() {
			t.Errorf("%s: passes", name)
		}
	}
}

// github is the GitHub of all cases.
type github struct {
	*localhub.Server
	token string
}

func startHub(t *testing.T) github {
	t.Helper()
	var log bytes.Buffer
	hub, err := localhub.New(localhub.Config{DataDir: t.TempDir(), Runners: 1, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- hub.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("localhub: %v\n%s", err, &log)
		}
		hub.Close()
	})
	if _, err := hub.CreateUser("demo"); err != nil {
		t.Fatal(err)
	}
	token, err := hub.CreateToken("demo", "hostile")
	if err != nil {
		t.Fatal(err)
	}
	return github{hub, token}
}

func (g github) remote(repository string) string {
	return strings.Replace(g.URL(), "http://", fmt.Sprintf("http://x-access-token:%s@", g.token), 1) + "/demo/" + repository + ".git"
}
