package hub

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/wire"
)

var created = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// fixture is a localhub with the repository alice/reports, and hub's view of it.
type fixture struct {
	*localhub.Server
	t     testing.TB
	token string
	repo  *Repository
	bare  string // folder of the bare repository
	stop  func()
}

func setup(t testing.TB, change ...func(*Config)) *fixture {
	t.Helper()
	return setupIn(t, t.TempDir(), nil, change...)
}

// setupIn is setup in a folder; before is the fixture that used it, or nil.
func setupIn(t testing.TB, dir string, before *fixture, change ...func(*Config)) *fixture {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	server, err := localhub.New(localhub.Config{DataDir: dir, Logger: quiet, Wrap: wire.Watch(t).Wrap})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		server.Close()
	})
	t.Cleanup(stop)
	f := &fixture{Server: server, t: t, stop: stop}
	if before != nil {
		f.token, f.bare = before.token, before.bare
	} else {
		f.seed()
	}
	cfg := Config{ServerURL: server.URL(), Owner: "alice", Name: "reports", Token: f.token, Logger: quiet}
	for _, c := range change {
		c(&cfg)
	}
	if f.repo, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fixture) seed() {
	f.t.Helper()
	_, err := f.CreateUser("alice")
	f.must(err)
	_, err = f.CreateRepository("alice", "reports", rest.RepositoryOptions{AutoInit: true})
	f.must(err)
	f.token, err = f.CreateToken("alice", "tests")
	f.must(err)
	f.bare, err = f.RepositoryPath("alice", "reports")
	f.must(err)
}

// git runs git in the bare repository, past localhub: nothing is told of it.
func (f *fixture) git(args ...string) string {
	f.t.Helper()
	return f.gitIn("", args...)
}

// gitIn is git with something on its standard input.
func (f *fixture) gitIn(stdin string, args ...string) string {
	f.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Stdin = strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_DIR="+f.bare, "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Bob", "GIT_AUTHOR_EMAIL=bob@example.com", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit puts a commit with the same tree onto a branch and returns it.
func (f *fixture) commit(branch, message string) string {
	f.t.Helper()
	sha := f.git("commit-tree", "-p", branch, "-m", message, branch+"^{tree}")
	f.git("update-ref", "refs/heads/"+branch, sha)
	return sha
}

// behind returns a hub that reaches localhub through a handler of the test's.
func (f *fixture) behind(wrap func(localhub http.Handler) http.Handler) *Repository {
	f.t.Helper()
	front := httptest.NewServer(wrap(f.Handler()))
	f.t.Cleanup(front.Close)
	repo, err := New(Config{ServerURL: front.URL, Owner: "alice", Name: "reports", Token: f.token})
	if err != nil {
		f.t.Fatal(err)
	}
	return repo
}

// withUpdateHook returns a hub for which git itself runs a hook that decides about
// refs; localhub runs no hooks of a repository.
func (f *fixture) withUpdateHook(script string) *Repository {
	f.t.Helper()
	hooks := f.t.TempDir()
	if err := os.WriteFile(filepath.Join(hooks, "update"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		f.t.Fatal(err)
	}
	git, err := exec.LookPath("git")
	if err != nil {
		f.t.Fatal(err)
	}
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Root: "/alice/reports.git", Env: []string{
		"GIT_PROJECT_ROOT=" + f.bare, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=alice", "GIT_CONFIG_COUNT=1",
		"GIT_CONFIG_KEY_0=core.hooksPath", "GIT_CONFIG_VALUE_0=" + hooks,
	}}
	return f.behind(func(localhub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, backend.Root) {
				backend.ServeHTTP(w, r)
				return
			}
			localhub.ServeHTTP(w, r)
		})
	})
}

// requests are those since the last call, as "METHOD path".
func (f *fixture) requests() []string {
	var list []string
	for _, r := range f.Requests() {
		list = append(list, r.Method+" "+r.Path)
	}
	f.ResetRequests()
	return list
}

func spec(id string) githubjobs.Spec {
	s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Daily report for #12 by @bob", Base: "main"}
	s.Normalize(created)
	return s
}

// orders are the first attempts of n jobs.
func orders(prefix string, n int) []githubjobs.Order {
	return githubjobs.NewOrders(specs(prefix, n)...)
}

// first names the first attempt of a job.
func first(id string) githubjobs.Name { return githubjobs.Name{ID: id, Attempt: 1} }

func specs(prefix string, n int) []githubjobs.Spec {
	list := make([]githubjobs.Spec, n)
	for i := range list {
		list[i] = spec(fmt.Sprintf("%s-%04d", prefix, i))
	}
	return list
}

// submit submits and fails the test when the push fails.
func (f *fixture) submit(specs ...githubjobs.Spec) []Submission {
	f.t.Helper()
	got, err := f.repo.Submit(f.t.Context(), githubjobs.NewOrders(specs...))
	if err != nil {
		f.t.Fatal(err)
	}
	return got
}
