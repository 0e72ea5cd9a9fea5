package rest_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// hub is the REST service and the git side, served together, with the repository alice/reports and a first commit in it.
type hub struct {
	*rest.Service
	t     *testing.T
	url   string
	alice *github.Client
	token string // of alice
	bot   state.User
	seen  func() []string // events published so far
}

func setup(t *testing.T) *hub {
	t.Helper()
	dir := t.TempDir()
	db, err := state.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, Service: &rest.Service{
		DB: db, Bus: &event.Bus{}, Git: gitrepo.NewStore(filepath.Join(dir, "git")), Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}}
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		srv.Close()
		h.Service.Close()
		h.Git.Close()
		db.Close()
	})
	h.ServerURL, h.url = srv.URL, srv.URL
	mux.Handle(rest.Prefix+"/", wire.Watch(t).Wrap(h.Handler()))
	mux.HandleFunc("/", h.serveGit)
	h.seen = h.listen()
	h.token = h.user("alice")
	h.repository("alice", true)
	h.db(func(tx *state.Tx) {
		h.bot = state.User{ID: 41898282, Login: "github-actions[bot]", Type: state.TypeBot}
		tx.Users.Put(h.bot)
	})
	h.alice = h.client(h.token)
	return h
}

// serveGit receives pushes as localhub does.
func (h *hub) serveGit(w http.ResponseWriter, r *http.Request) {
	g, ok := gitrepo.ParseRequest(r)
	actor, err := h.Authenticate(r)
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	if actor.Anonymous() { // git sends credentials only when asked
		w.Header().Set("WWW-Authenticate", "Basic")
		http.Error(w, "who?", http.StatusUnauthorized)
		return
	}
	var repo state.Repository
	h.DB.View(func(tx *state.Tx) { repo, _ = tx.Repositories.ByName(state.RepositoryName(g.Owner, g.Name)) })
	git, err := h.Git.Open(repo.Owner, repo.Name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	git.ServeGit(w, r, g, gitrepo.ServeOptions{OnPush: func(ctx context.Context, changes []gitrepo.RefChange) {
		m, err := h.Moving(actor.Event(repo), changes...)
		if err == nil {
			err = m.Made(ctx, changes...)
		}
		if err != nil {
			h.t.Error(err)
		}
	}})
}

func (h *hub) db(change func(*state.Tx)) {
	h.t.Helper()
	err := h.DB.Update(func(tx *state.Tx) error {
		change(tx)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// user makes a person and returns a token.
func (h *hub) user(login string) (token string) {
	h.db(func(tx *state.Tx) {
		u := state.User{ID: tx.Users.NextID(), Login: login, Type: state.TypeUser}
		u.Email = fmt.Sprintf("%d+%s@users.noreply.github.com", u.ID, login)
		tx.Users.Put(u)
		token = tx.NewToken(state.Token{Kind: state.TokenPersonal, UserID: u.ID})
	})
	return token
}

// repository makes <owner>/reports.
func (h *hub) repository(owner string, withCommit bool) {
	h.t.Helper()
	var u state.User
	h.DB.View(func(tx *state.Tx) { u, _ = tx.Users.ByName(owner) })
	if _, err := h.CreateRepository(h.t.Context(), u, "reports", rest.RepositoryOptions{AutoInit: withCommit}); err != nil {
		h.t.Fatal(err)
	}
}

// configure changes the settings of alice/reports.
func (h *hub) configure(change func(*state.Repository)) {
	h.t.Helper()
	h.db(func(tx *state.Tx) {
		r, _ := tx.Repositories.ByName("alice/reports")
		change(&r)
		tx.Repositories.Put(r)
	})
}

// run is a client with the GITHUB_TOKEN of a workflow run that may write these.
func (h *hub) run(writes ...string) *github.Client {
	h.t.Helper()
	permissions := map[string]string{}
	for _, name := range writes {
		permissions[name] = "write"
	}
	var secret string
	h.db(func(tx *state.Tx) {
		r, _ := tx.Repositories.ByName("alice/reports")
		secret = tx.NewToken(state.Token{Kind: state.TokenRun, UserID: h.bot.ID, RepositoryIDs: []int64{r.ID}, RunID: 1, Permissions: permissions})
	})
	return h.client(secret)
}

// client is go-github with a token; "" is anonymous.
func (h *hub) client(token string) *github.Client {
	h.t.Helper()
	c := github.NewClient(nil)
	if token != "" {
		c = c.WithAuthToken(token)
	}
	c, err := c.WithEnterpriseURLs(h.url, h.url)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *hub) remote(owner, token string) string {
	return strings.Replace(h.url, "://", "://x-access-token:"+token+"@", 1) + "/" + owner + "/reports.git"
}

// clone makes a working copy of alice/reports and returns its folder.
func (h *hub) clone() string {
	h.t.Helper()
	dir := filepath.Join(h.t.TempDir(), "clone")
	h.git("", "clone", "-q", h.remote("alice", h.token), dir)
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

// branch pushes a branch with these files, path and content in turn, each a commit on top of main, and returns its head.
func (h *hub) branch(name string, files ...string) string {
	h.t.Helper()
	dir := h.clone()
	h.git(dir, "checkout", "-q", "-b", name)
	for i := 0; i < len(files); i += 2 {
		h.commit(dir, files[i], files[i+1], "write "+files[i])
	}
	h.git(dir, "push", "-q", "origin", name)
	return h.git(dir, "rev-parse", "HEAD")
}

// open opens a pull request from the branch to main.
func (h *hub) open(head, title string) *github.PullRequest {
	h.t.Helper()
	p, _, err := h.alice.PullRequests.Create(hubtest.Within(h.t), "alice", "reports",
		&github.NewPullRequest{Title: &title, Head: &head, Base: github.String("main"), Body: github.String("why")})
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

func (h *hub) pull(number int) *github.PullRequest {
	h.t.Helper()
	p, _, err := h.alice.PullRequests.Get(hubtest.Within(h.t), "alice", "reports", number)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// listen collects what is published, in a short form.
func (h *hub) listen() func() []string {
	var mu sync.Mutex
	var seen []string
	h.Bus.Subscribe(func(e event.Event) {
		text := e.Name()
		switch e := e.(type) {
		case event.PullRequest:
			text = fmt.Sprintf("%s %s #%d", text, e.Action, e.Pull.Number)
		case event.CheckRun:
			text = fmt.Sprintf("%s %s %s", text, e.Action, e.Run.Name)
		case event.Push:
			text += " " + e.Ref
		case event.PullRequestReview:
			text = fmt.Sprintf("%s %s %s", text, e.Action, e.Review.State)
		case event.Status:
			text = fmt.Sprintf("%s %s %s", text, e.Status.Context, e.Status.State)
		}
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, text)
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen)
	}
}
