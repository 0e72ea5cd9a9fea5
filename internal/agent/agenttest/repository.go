// Package agenttest gives the agent's tests what they need: a real repository with
// a history, and a GitHub's git side over HTTP.
//
// Only tests import it.
package agenttest

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Repository is a repository with a work tree, on the branch main.
type Repository struct {
	Tree string
	tb   testing.TB
}

// NewRepository makes an empty one.
func NewRepository(tb testing.TB) *Repository {
	tb.Helper()
	r := &Repository{Tree: tb.TempDir(), tb: tb}
	r.Git("init", "-q", "-b", "main")
	return r
}

// Dir is the git folder.
func (r *Repository) Dir() string { return filepath.Join(r.Tree, ".git") }

// Git runs git in the work tree and returns what it wrote, without the last newline.
func (r *Repository) Git(args ...string) string { return r.GitEnv(nil, args...) }

// GitEnv is Git with more variables.
func (r *Repository) GitEnv(env []string, args ...string) string {
	r.tb.Helper()
	out, err := r.tryEnv(env, args...)
	if err != nil {
		r.tb.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// try is Git for what may fail.
func (r *Repository) try(args ...string) (string, error) { return r.tryEnv(nil, args...) }

func (r *Repository) tryEnv(env []string, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = r.Tree
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C", "TZ=UTC",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com",
	}, env...)
	out, err := cmd.CombinedOutput()
	return strings.TrimSuffix(string(out), "\n"), err
}

// Commit is one commit to make.
type Commit struct {
	Author  string // "Name <address>"
	At      time.Time
	Message string
	Write   map[string]string // path → content
	Remove  []string
}

// Commit makes the commit and returns its SHA.
func (r *Repository) Commit(c Commit) string {
	r.tb.Helper()
	for name, text := range c.Write {
		path := filepath.Join(r.Tree, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			r.tb.Fatal(err)
		}
	}
	for _, name := range c.Remove {
		r.Git("rm", "-q", "--", name)
	}
	r.Git("add", "-A")
	var env []string
	if c.Author != "" {
		name, mail, _ := strings.Cut(c.Author, " <")
		env = append(env, "GIT_AUTHOR_NAME="+name, "GIT_AUTHOR_EMAIL="+strings.TrimSuffix(mail, ">"))
	}
	if !c.At.IsZero() {
		at := c.At.UTC().Format(time.RFC3339)
		env = append(env, "GIT_AUTHOR_DATE="+at, "GIT_COMMITTER_DATE="+at)
	}
	r.GitEnv(env, "commit", "-q", "--allow-empty", "-m", c.Message)
	return r.Git("rev-parse", "HEAD")
}

// Job makes the branch and the creation commit of a job on main, and returns its SHA.
func (r *Repository) Job(spec githubjobs.Spec) string {
	r.tb.Helper()
	sha := r.GitEnv([]string{"GIT_AUTHOR_DATE=" + spec.CreatedAt.Format(time.RFC3339), "GIT_COMMITTER_DATE=" + spec.CreatedAt.Format(time.RFC3339)},
		"commit-tree", "main^{tree}", "-p", "main", "-m", githubjobs.FormatSpec(spec))
	r.Git("update-ref", "refs/heads/"+githubjobs.Branch(spec.ID), sha)
	return sha
}

// Serve serves the repository as /o/r.git to those who bear the token, and api for
// everything else. It returns the address.
func (r *Repository) Serve(token string, api http.Handler) string {
	r.tb.Helper()
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		r.tb.Fatal(err)
	}
	backend := cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"), Root: "/o/r.git",
		Env: []string{"GIT_PROJECT_ROOT=" + r.Dir(), "GIT_HTTP_EXPORT_ALL=1"}, InheritEnv: []string{"PATH"},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/o/r.git/", func(w http.ResponseWriter, req *http.Request) {
		if _, password, _ := req.BasicAuth(); password != token {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		b := backend
		b.Env = append(b.Env[:len(b.Env):len(b.Env)], "GIT_PROTOCOL="+req.Header.Get("Git-Protocol"))
		b.ServeHTTP(w, req)
	})
	if api != nil {
		mux.Handle("/", api)
	}
	server := httptest.NewServer(mux)
	r.tb.Cleanup(server.Close)
	return server.URL
}
