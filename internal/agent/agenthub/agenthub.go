// Package agenthub is a GitHub for those of the agent's tests that need all of it.
//
// Only tests import it.
package agenthub

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// Quiet logs nowhere.
var Quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// Hub is a localhub with the repository alice/reports.
type Hub struct {
	*localhub.Server
	Bare string // the folder of alice/reports
	tb   testing.TB
}

// NewHub starts a localhub, which runs until the test's end.
func NewHub(tb testing.TB, options rest.RepositoryOptions) *Hub {
	tb.Helper()
	server, err := localhub.New(localhub.Config{DataDir: tb.TempDir(), Logger: Quiet, Wrap: wire.Watch(tb).Wrap})
	must(tb, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Error(err)
		}
		server.Close()
	})
	h := &Hub{Server: server, tb: tb}
	_, err = server.CreateUser("alice")
	must(tb, err)
	_, err = server.CreateRepository("alice", "reports", options)
	must(tb, err)
	h.Bare, err = server.RepositoryPath("alice", "reports")
	must(tb, err)
	return h
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// Git runs git in the bare repository as Bob, with more variables, and returns what it says.
func (h *Hub) Git(env []string, args ...string) string {
	h.tb.Helper()
	cmd := exec.Command("git", args...)
	cmd.Env = slices.Concat(os.Environ(), []string{"GIT_DIR=" + h.Bare, "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Bob", "GIT_AUTHOR_EMAIL=bob@example.com", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com"}, env)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.tb.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
