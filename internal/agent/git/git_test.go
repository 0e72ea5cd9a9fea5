package git

import (
	"context"
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// origin makes a bare repository with one commit on main and returns its path and the commit.
func origin(t *testing.T, files map[string]string) (path, sha string) {
	t.Helper()
	dir := t.TempDir()
	g := Git{Dir: filepath.Join(dir, ".git"), Tree: dir}
	run(t, g, "init", "-q", "-b", "main")
	for name, text := range files {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// Blobs go in as they are, whatever .gitattributes says.
	g.write("info/attributes", os.O_TRUNC, conversions)
	run(t, g, "add", ".")
	run(t, g, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "First")
	return g.Dir, strings.TrimSpace(run(t, g, "rev-parse", "HEAD"))
}

func run(t *testing.T, g Git, args ...string) string {
	t.Helper()
	out, err := g.Run(t.Context(), args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestCheckoutHasTheBytesOfTheBlobs(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		".gitattributes": "*.txt text eol=crlf\n*.id ident\n*.u16 working-tree-encoding=UTF-16\n*.big filter=lfs diff=lfs\n",
		"a.txt":          "one\ntwo\n", "b.id": "$Id$\n", "c.u16": "plain\n", "d.big": "version https://git-lfs\n", "dir/e": "e",
	}
	base, sha := origin(t, files)
	tree := filepath.Join(t.TempDir(), "tree")
	if err := Checkout(t.Context(), base, tree, "job/abc", sha); err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if got, err := os.ReadFile(filepath.Join(tree, name)); string(got) != want {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, want)
		}
	}
	// The task's own git, with the machine's configuration, must find it in order and be able to commit.
	out, err := exec.Command("git", "-C", tree, "status", "--short", "--branch").CombinedOutput()
	if err != nil || string(out) != "## job/abc\n" {
		t.Errorf("git status: %q, %v", out, err)
	}
	cmd := exec.Command("git", "-C", tree, "commit", "-q", "--allow-empty", "-m", "x")
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("git commit: %s", out)
	}
	if out, _ := exec.Command("git", "-C", tree, "remote").Output(); len(out) != 0 {
		t.Errorf("it has a remote: %s", out)
	}
}

func TestCredentialsAreSentAndNeverStored(t *testing.T) {
	t.Parallel()
	path, sha := origin(t, map[string]string{"a": "a"})
	const token = "ghs_secretsecretsecret"
	server := serve(t, path, token)
	dir := filepath.Join(t.TempDir(), "base.git")
	g := Git{Dir: dir, Remote: server, Token: token}
	run(t, g, "init", "--quiet", "--bare", "--template=")
	run(t, g, "fetch", "--quiet", server+"/o/r.git", sha+":refs/heads/x")
	filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if raw, _ := os.ReadFile(p); strings.Contains(string(raw), "Basic") || strings.Contains(string(raw), token) {
			t.Errorf("%s holds the credentials", p)
		}
		return err
	})
	g.Token = "wrong"
	_, err := g.Run(t.Context(), "fetch", "--quiet", server+"/o/r.git", sha)
	if e, ok := errors.AsType[*Error](err); !ok || !strings.Contains(e.Message, "terminal prompts disabled") && !strings.Contains(e.Message, "Authentication failed") {
		t.Errorf("with a wrong token: %v", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	leaked := make(chan string, 8)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { leaked <- r.Header.Get("Authorization") }))
	t.Cleanup(other.Close)
	first := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	t.Cleanup(first.Close)
	g := Git{Dir: filepath.Join(t.TempDir(), "base.git"), Remote: first.URL, Token: "secret"}
	run(t, g, "init", "--quiet", "--bare")
	if _, err := g.Run(t.Context(), "fetch", first.URL+"/o/r.git", "main"); err == nil {
		t.Error("the redirect was followed")
	}
	if len(leaked) > 0 {
		t.Errorf("the other host was asked, with %q", <-leaked)
	}
}

func TestACancelledCommandSaysSo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Git{}).Run(ctx, "version"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// serve serves the repository as /o/r.git to those who bear the token.
func serve(t *testing.T, path, token string) string {
	t.Helper()
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"), Root: "/o/r.git",
		Env: []string{"GIT_PROJECT_ROOT=" + path, "GIT_HTTP_EXPORT_ALL=1"}, InheritEnv: []string{"PATH"},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); password != token {
			w.Header().Set("WWW-Authenticate", "Basic")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if protocol := r.Header.Get("Git-Protocol"); protocol != "" {
			b := *backend
			b.Env = append(b.Env[:len(b.Env):len(b.Env)], "GIT_PROTOCOL="+protocol)
			b.ServeHTTP(w, r)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}
