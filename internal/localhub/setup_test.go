package localhub

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// hub is a running localhub with the repository alice/reports, of which alice is the owner.
type hub struct {
	*Server
	t     *testing.T
	token string // of alice
	stop  func()
	wire  *wire.Recorder
}

func setup(t *testing.T, change ...func(*Config)) *hub {
	t.Helper()
	h := start(t, t.TempDir(), change...)
	seed(t, h)
	return h
}

// seed makes alice, her repository reports with a first commit, and her token.
func seed(t *testing.T, h *hub) {
	t.Helper()
	if _, err := h.CreateUser("alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := h.CreateRepository("alice", "reports", rest.RepositoryOptions{AutoInit: true}); err != nil {
		t.Fatal(err)
	}
	token, err := h.CreateToken("alice", "tests")
	if err != nil {
		t.Fatal(err)
	}
	h.token = token
}

// start runs a localhub on dir; stop (also at the end of the test) ends it.
func start(t *testing.T, dir string, change ...func(*Config)) *hub {
	t.Helper()
	recorder := wire.Watch(t)
	cfg := Config{DataDir: dir, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Wrap: recorder.Wrap}
	for _, f := range change {
		f(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	h := &hub{Server: s, t: t, wire: recorder}
	h.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	t.Cleanup(h.stop)
	return h
}

// client is go-github with a token; "" is anonymous.
func (h *hub) client(token string) *github.Client {
	h.t.Helper()
	c := github.NewClient(nil)
	if token != "" {
		c = c.WithAuthToken(token)
	}
	c, err := c.WithEnterpriseURLs(h.URL(), h.URL())
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *hub) alice() *github.Client { return h.client(h.token) }

// remote is the clone address with credentials.
func (h *hub) remote(token string) string {
	return strings.Replace(h.URL(), "://", "://x-access-token:"+token+"@", 1) + "/alice/reports.git"
}

// clone makes a working copy and returns its folder.
func (h *hub) clone(token string) string {
	h.t.Helper()
	dir := filepath.Join(h.t.TempDir(), "clone")
	h.git("", "clone", "-q", h.remote(token), dir)
	return dir
}

// git runs git in dir and returns what it says.
func (h *hub) git(dir string, args ...string) string {
	h.t.Helper()
	return hubtest.Git(h.t, dir, args...)
}

// commit writes a file and commits it.
func (h *hub) commit(dir, path, content, message string) string {
	h.t.Helper()
	return hubtest.Commit(h.t, dir, message, map[string]string{path: content})
}

func (h *hub) newRequest(method, address, body string) *http.Request {
	h.t.Helper()
	req, err := http.NewRequestWithContext(hubtest.Within(h.t), method, address, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	return req
}

// send makes a request and reads the answer.
func (h *hub) send(req *http.Request) (*http.Response, string) {
	h.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(body)
}

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// runToken is a GITHUB_TOKEN with these permissions on alice/reports.
func (h *hub) runToken(permissions map[string]string) string {
	h.t.Helper()
	repo, err := h.Repository("alice", "reports")
	if err != nil {
		h.t.Fatal(err)
	}
	var secret string
	err = h.db.Update(func(tx *state.Tx) error {
		secret = tx.NewToken(state.Token{Kind: state.TokenRun, UserID: actionsBot.ID, RepositoryIDs: []int64{repo.ID}, Permissions: permissions, RunID: 1})
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// stdinGit runs git in dir with text on its standard input.
func stdinGit(h *hub, dir, text string, args ...string) error {
	cmd := exec.CommandContext(hubtest.Within(h.t), "git", args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(text)
	return cmd.Run()
}
