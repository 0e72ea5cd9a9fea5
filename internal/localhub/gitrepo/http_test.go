package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// hub is an HTTP server over one repository, with real clients.
type hub struct {
	*Repo
	url string

	mu      sync.Mutex
	changes []RefChange
}

// serve starts a server whose pushes are received under o.
func serve(t *testing.T, o ServeOptions) *hub {
	t.Helper()
	h := &hub{Repo: newTestRepo(t)}
	o.OnPush = func(_ context.Context, changes []RefChange) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.changes = append(h.changes, changes...)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		g, ok := ParseRequest(req)
		if !ok {
			http.NotFound(w, req)
			return
		}
		h.ServeGit(w, req, g, o)
	}))
	t.Cleanup(srv.Close)
	h.url = srv.URL + "/o/r.git"
	return h
}

func (h *hub) pushed() []RefChange {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.changes)
}

// gitClient runs the git client in dir and returns all that it says.
func gitClient(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = append(environment([2]string{"user.name", "Mona"}, [2]string{"user.email", "mona@example.com"}),
		"GIT_LITERAL_PATHSPECS=0")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := gitClient(t, dir, args...)
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

// clone makes a checkout with one commit on main, pushed.
func (h *hub) clone(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	mustGit(t, dir, "clone", "-q", h.url, ".")
	commitFile(t, dir, "README.md", "hello\n")
	mustGit(t, dir, "push", "-q", "origin", "HEAD:refs/heads/main")
	return dir
}

func commitFile(t *testing.T, dir, path, text string) string {
	t.Helper()
	full := filepath.Join(dir, path)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	mustGit(t, dir, "add", "-A")
	mustGit(t, dir, "commit", "-qm", "write "+path)
	return mustGit(t, dir, "rev-parse", "HEAD")
}

func TestPushReportsChangedRefs(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	dir := h.clone(t)
	first := mustGit(t, dir, "rev-parse", "HEAD")
	second := commitFile(t, dir, "a", "1")
	mustGit(t, dir, "push", "-q", "origin", "HEAD:main", "HEAD:refs/heads/job/1")
	mustGit(t, dir, "push", "-q", "origin", ":job/1")
	mustGit(t, dir, "push", "-q", "origin", "HEAD:main")
	want := []RefChange{
		{"refs/heads/main", Zero, first},
		{"refs/heads/main", first, second},
		{"refs/heads/job/1", Zero, second},
		{"refs/heads/job/1", second, Zero},
	}
	if got := h.pushed(); !slices.Equal(got, want) {
		t.Fatalf("pushed %v, want %v", got, want)
	}
	if head, err := h.Resolve(t.Context(), "main"); err != nil || head != second {
		t.Fatalf("main is %s, %v", head, err)
	}
}

func TestPushOfThousandRefsIsOneReport(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	dir := h.clone(t)
	var specs []string
	for i := range 1000 {
		specs = append(specs, fmt.Sprintf("HEAD:refs/heads/job/%04d", i))
	}
	mustGit(t, dir, append([]string{"push", "-q", "origin"}, specs...)...)
	if got := len(h.pushed()); got != 1001 {
		t.Fatalf("%d changes, want 1001", got)
	}
	refs, err := h.Refs(t.Context(), "refs/heads/job/")
	if err != nil || len(refs) != 1000 {
		t.Fatalf("%d refs, %v", len(refs), err)
	}
}

func TestRefusedRefSaysWhyAndOthersPass(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{Refuse: func(_ context.Context, c RefChange) string {
		if strings.HasPrefix(c.Ref, "refs/heads/locked/") {
			return "locked/** is kept for others"
		}
		return ""
	}})
	dir := h.clone(t)
	out, err := gitClient(t, dir, "push", "origin", "HEAD:refs/heads/locked/x", "HEAD:refs/heads/open")
	if err == nil || !strings.Contains(out, "[remote rejected] HEAD -> locked/x (locked/** is kept for others)") {
		t.Fatalf("%v: %s", err, out)
	}
	last := h.pushed()
	if last = last[1:]; len(last) != 1 || last[0].Ref != "refs/heads/open" {
		t.Fatalf("changed %v", last)
	}
}

func TestWorkflowFilesNeedPermission(t *testing.T) {
	t.Parallel()
	const ci = ".github/workflows/ci.yml"
	const refusal = "refusing to allow a GitHub App to create or update workflow `" + ci + "` without `workflows` permission"
	h := serve(t, ServeOptions{RefuseWorkflows: true})
	dir := h.clone(t)
	seed := commitFile(t, dir, ci, "on: push\n")
	out, err := gitClient(t, dir, "push", "origin", "HEAD:main")
	if err == nil || !strings.Contains(out, refusal) {
		t.Fatalf("a new workflow passed: %v: %s", err, out)
	}
	// With the file on main by other means, a branch that carries it may come.
	mustGit(t, dir, "push", "-q", h.Dir(), "HEAD:main")
	commitFile(t, dir, "report.md", "1")
	mustGit(t, dir, "push", "-q", "origin", "HEAD:refs/heads/fine")

	evil := commitFile(t, dir, ci, "on: push # evil\n")
	mustGit(t, dir, "rm", "-q", ci)
	mustGit(t, dir, "commit", "-qm", "hide")
	commitFile(t, dir, ci, "on: push\n")
	if out, err := gitClient(t, dir, "push", "origin", "HEAD:refs/heads/hidden-below"); err == nil {
		t.Fatalf("an evil commit below an innocent tip passed: %s", out)
	}
	mustGit(t, dir, "checkout", "-q", seed)
	mustGit(t, dir, "merge", "-q", "-s", "ours", "-m", "ours", evil)
	if out, err := gitClient(t, dir, "push", "origin", "HEAD:refs/heads/hidden-beside"); err == nil {
		t.Fatalf("an evil commit beside an innocent merge passed: %s", out)
	}
	mustGit(t, dir, "checkout", "-q", "-b", "removed", seed)
	mustGit(t, dir, "rm", "-q", ci)
	mustGit(t, dir, "commit", "-qm", "remove")
	if out, err := gitClient(t, dir, "push", "origin", "HEAD:refs/heads/removed"); err == nil {
		t.Fatalf("the removal of a workflow passed: %s", out)
	}
	mustGit(t, dir, "push", "-q", "origin", ":refs/heads/fine")
}

func TestPullRefsAreHiddenFromPushes(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	dir := h.clone(t)
	out, err := gitClient(t, dir, "push", "origin", "HEAD:refs/pull/1/head")
	if err == nil || !strings.Contains(out, "deny updating a hidden ref") {
		t.Fatalf("%v: %s", err, out)
	}
	sha := mustGit(t, dir, "rev-parse", "HEAD")
	if err := h.CreateRef(t.Context(), "refs/pull/1/head", sha); err != nil {
		t.Fatal(err)
	}
	mustGit(t, dir, "fetch", "-q", "origin", "refs/pull/1/head")
}

func TestLargePushAndShallowClone(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	dir := h.clone(t)
	noise := make([]byte, 3<<20) // above http.postBuffer: chunked
	x := uint32(1)
	for i := range noise {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		noise[i] = byte(x)
	}
	sha := commitFile(t, dir, "noise.bin", string(noise))
	mustGit(t, dir, "push", "-q", "origin", "HEAD:main")
	shallow := t.TempDir()
	mustGit(t, shallow, "clone", "-q", "--depth=1", h.url, ".")
	if got, err := os.ReadFile(filepath.Join(shallow, "noise.bin")); err != nil || !bytes.Equal(got, noise) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if n := mustGit(t, shallow, "rev-list", "--count", "HEAD"); n != "1" {
		t.Fatalf("%s commits in a shallow clone", n)
	}
	partial := t.TempDir()
	mustGit(t, partial, "clone", "-q", "--filter=blob:none", "--no-checkout", h.url, ".")
	bySHA := t.TempDir()
	mustGit(t, bySHA, "init", "-q", ".")
	mustGit(t, bySHA, "fetch", "-q", "--depth=1", h.url, sha)
}

func TestHTTPRefusals(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	base := strings.TrimSuffix(h.url, "/o/r.git")
	for path, want := range map[string]int{
		"/o/r.git/info/refs":                               http.StatusForbidden,
		"/o/r/info/refs?service=git-upload-pack":           http.StatusOK,
		"/o/r.git/info/refs?service=git-evil":              http.StatusForbidden,
		"/o/r.git/HEAD":                                    http.StatusNotFound,
		"/o/r.git/objects/info/packs":                      http.StatusNotFound,
		"/o/..%2f..%2fetc/info/refs?service=x":             http.StatusNotFound,
		"/../o/r.git/info/refs?service=git-upload-pack":    http.StatusNotFound,
		"/o/%2e%2e/info/refs?service=git-upload-pack":      http.StatusNotFound,
		"/o/-oProxy%3Dx/info/refs?service=git-upload-pack": http.StatusNotFound,
	} {
		res, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, res.StatusCode, want)
		}
	}
}

func TestPushesAtOnce(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	origin := h.clone(t)
	sha := mustGit(t, origin, "rev-parse", "HEAD")
	var wg sync.WaitGroup
	won := make(chan int, 8)
	for i := range 8 {
		wg.Go(func() {
			dir := filepath.Join(origin, "..", fmt.Sprintf("c%d", i))
			mustGit(t, origin, "clone", "-q", h.url, dir)
			commitFile(t, dir, "who", fmt.Sprint(i))
			if _, err := gitClient(t, dir, "push", "-q", "origin", "HEAD:refs/heads/job/same"); err == nil {
				won <- i
			}
		})
	}
	wg.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatalf("%d pushes created the same ref", len(won))
	}
	if got := h.pushed(); len(got) != 2 || got[1].Old != Zero || got[0].New != sha {
		t.Fatalf("reported %v", got)
	}
}
