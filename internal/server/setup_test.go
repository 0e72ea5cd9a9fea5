package server

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/apitest"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/wire"
)

const (
	key    = "test-key"
	secret = "test-secret"
)

// github is a running localhub with the repository demo/reports.
type github struct {
	*localhub.Server
	token string
	dir   string // of the bare repository
}

func startGitHub(t testing.TB) *github {
	t.Helper()
	cfg := localhub.Config{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	if _, measured := t.(*testing.B); !measured {
		cfg.Wrap = wire.Watch(t).Wrap // which costs as much as an answer
	}
	hub, err := localhub.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop := background(t, hub.Run)
	t.Cleanup(func() {
		stop()
		if err := hub.Close(); err != nil {
			t.Error(err)
		}
	})
	g := &github{Server: hub}
	check(t, second(hub.CreateUser("demo")))
	check(t, second(hub.CreateRepository("demo", "reports", rest.RepositoryOptions{AutoInit: true})))
	g.token, err = hub.CreateToken("demo", "tests")
	check(t, err)
	g.dir, err = hub.RepositoryPath("demo", "reports")
	check(t, err)
	return g
}

// background runs a part until stop is called, and fails the test when it fails.
func background(t testing.TB, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// git runs git in the bare repository.
func (g *github) git(t testing.TB, args ...string) string {
	t.Helper()
	return g.gitInput(t, "", args...)
}

func (g *github) gitInput(t testing.TB, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", g.dir}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (g *github) jobBranches(t testing.TB) []string {
	return strings.Fields(g.git(t, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/job/"))
}

func (g *github) config(t testing.TB) Config {
	t.Helper()
	cfg, err := LoadConfig([]string{
		"LISTEN_ADDR=127.0.0.1:0", "API_KEY=" + key, "WEBHOOK_SECRET=" + secret, "GITHUB_SERVER_URL=" + g.URL(),
		"GITHUB_REPOSITORY=demo/reports", "GITHUB_TOKEN=" + g.token, "DATABASE_PATH=" + filepath.Join(t.TempDir(), "test.db"), "PUSHES_PER_MINUTE=0",
	})
	check(t, err)
	return cfg
}

// running is a server that runs, and a caller of it.
type running struct {
	*Server
	stop func()
}

func start(t testing.TB, cfg Config) *running {
	t.Helper()
	cfg.LogLevel = "debug"
	s, err := New(t.Context(), cfg, NewLogger(cfg, t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	stop, stopped := background(t, s.Run), false
	r := &running{Server: s}
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(r.stop)
	return r
}

// hook makes GitHub deliver to the server.
func (g *github) hook(t testing.TB, s *running) {
	t.Helper()
	check(t, second(g.CreateHook("demo", "reports", s.URL()+"/webhooks/github", secret, "*")))
}

// call makes one request and decodes the answer.
func call(t testing.TB, method, address, body string, into any, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	check(t, err)
	if method == http.MethodPost { // as `curl -d` says
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("x-api-key", key)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := apitest.Client(t).Do(req)
	check(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	check(t, err)
	if into != nil {
		if err := json.Unmarshal(bytes.TrimSpace(raw), into); err != nil {
			t.Fatalf("%s %s: %d %s: %v", method, address, res.StatusCode, raw, err)
		}
	}
	return res
}

func (s *running) create(t testing.TB, body string) string {
	t.Helper()
	var created struct{ JobID, Branch, Error string }
	var raw map[string]string
	if res := call(t, "POST", s.URL()+"/api/create-job", body, &raw); res.StatusCode != 200 {
		t.Fatalf("create-job: %d %v", res.StatusCode, raw)
	}
	created.JobID, created.Branch = raw["job_id"], raw["branch"]
	if created.JobID == "" || created.Branch != "job/"+created.JobID {
		t.Fatalf("created %v", raw)
	}
	return created.JobID
}

func (s *running) status(t testing.TB, id string) githubjobs.Job {
	t.Helper()
	var j githubjobs.Job
	if res := call(t, "GET", s.URL()+"/api/jobs/status?job_id="+url.QueryEscape(id), "", &j); res.StatusCode != 200 {
		t.Fatalf("status of %s: %d", id, res.StatusCode)
	}
	return j
}

// eventually polls until what holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
