package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub"
)

func appOf(slug string) localhub.App {
	return localhub.App{Owner: "alice", Slug: slug, Permissions: map[string]string{
		"contents": "write", "pull_requests": "write", "checks": "write", "actions": "write", "metadata": "read"}}
}

func TestAnAppSubmitsAsAUserDoes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.repo = f.app()
	f.submit(spec("first"))
	f.requests()
	if s := f.submit(spec("abc"))[0]; s.Err != nil || len(f.requests()) != 2 {
		t.Errorf("%+v", s)
	}
}

func TestAnAppThatIsNotInstalledIsUnauthorised(t *testing.T) {
	t.Parallel()
	f := setup(t)
	app, key, err := f.CreateApp(appOf("lonely"))
	f.must(err)
	repo, err := New(Config{ServerURL: f.URL(), Owner: "alice", Name: "reports", Base: "main", App: &App{ID: app.ID, InstallationID: 999, PrivateKey: key}})
	f.must(err)
	for name, do := range map[string]func() error{
		"rest": func() error { _, err := repo.Check(t.Context()); return err },
		"git":  func() error { _, err := repo.Submit(t.Context(), orders("x", 1)); return err },
	} {
		if err := do(); !errors.Is(err, ErrUnauthorized) || Temporary(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheckFindsTheDefaultBranchOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range 2 {
		if base, err := f.repo.Base(t.Context()); err != nil || base != "main" {
			t.Errorf("%q, %v", base, err)
		}
	}
	if n := len(f.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	f := setup(t)
	raw, err := f.repo.ReadFile(t.Context(), "README.md", "main")
	if err != nil || !strings.Contains(string(raw), "reports") {
		t.Errorf("%q, %v", raw, err)
	}
	for path, ref := range map[string]string{"absent.yml": "main", "README.md": "nowhere"} {
		if _, err := f.repo.ReadFile(t.Context(), path, ref); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s at %s: %v", path, ref, err)
		}
	}
}

func TestAFileInTheRootIsARegularOneOfTheBranch(t *testing.T) {
	t.Parallel()
	f := setup(t)
	blob := f.git("rev-parse", "main:README.md")
	link := f.git("rev-parse", "main:README.md") // its target does not matter
	lines := fmt.Sprintf("100644 blob %s\tplain\n100755 blob %s\tprogram\n120000 blob %s\tlink\n040000 tree %s\tfolder\n160000 commit %s\tmodule\n",
		blob, blob, link, f.git("rev-parse", "main^{tree}"), f.git("rev-parse", "main"))
	f.git("update-ref", "refs/heads/a/b", f.git("commit-tree", "-m", "x", f.gitIn(lines, "mktree")))
	// git itself would take the tag for the name.
	f.git("update-ref", "refs/tags/a/b", "main")
	root, err := f.repo.Root(t.Context(), "a/b")
	f.must(err)
	for _, name := range []string{"plain", "program"} {
		if raw, err := f.repo.File(t.Context(), root, name); err != nil || !strings.Contains(string(raw), "reports") {
			t.Errorf("%s: %q, %v", name, raw, err)
		}
	}
	for _, name := range []string{"link", "folder", "module"} {
		if _, err := f.repo.File(t.Context(), root, name); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), name+" is not a regular file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.repo.File(t.Context(), root, "README.md"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such file: %v", err)
	}
	if _, err := f.repo.Root(t.Context(), "nowhere"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such branch: %v", err)
	}
}

// A file that is read again and again costs nothing while its branch stands still.
func TestWatchedFile(t *testing.T) {
	f := setup(t)
	read := func(want string, statuses ...int) {
		t.Helper()
		f.ResetRequests()
		raw, err := f.repo.WatchedFile(t.Context(), "README.md", "main")
		if err != nil || !strings.HasPrefix(string(raw), want) {
			t.Errorf("%q, %v", raw, err)
		}
		var got []int
		for _, r := range f.Requests() {
			got = append(got, r.Status)
		}
		if !slices.Equal(got, statuses) {
			t.Errorf("answered by %v, want %v", got, statuses)
		}
	}
	read("#", 200, 200, 200)
	read("#", 304, 304, 304)
	f.addFile("main", "README.md", f.blob("other"))
	read("other", 200, 200, 200)
	if _, err := f.repo.WatchedFile(t.Context(), "none", "main"); !errors.Is(err, ErrNoFile) || !errors.Is(err, ErrNotFound) {
		t.Errorf("no file: %v", err)
	}
	if _, err := f.repo.WatchedFile(t.Context(), "README.md", "nowhere"); errors.Is(err, ErrNoFile) || !errors.Is(err, ErrNotFound) {
		t.Errorf("no branch: %v", err)
	}
}

func TestPullRequestsAreOpenedOnceAndListedInFull(t *testing.T) {
	f := setup(t)
	f.submit(spec("abc"))
	blob := f.blob("x")
	for i := range 3 {
		f.addFile("job/abc", fmt.Sprintf("reports/%d", i), blob)
	}
	pull, err := f.repo.OpenPull(t.Context(), NewPull{Title: "T", Head: "job/abc", Base: "main"})
	f.must(err)
	if _, err := f.repo.OpenPull(t.Context(), NewPull{Title: "T", Head: "job/abc", Base: "main"}); !errors.Is(err, ErrPullExists) {
		t.Errorf("again: %v", err)
	}
	if _, err := f.repo.OpenPull(t.Context(), NewPull{Title: "T", Head: "job/abc", Base: "gone"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("no base: %v", err)
	}
	found, err := f.repo.FindPull(t.Context(), first("abc"), "main")
	if err != nil || found.GetNumber() != pull.GetNumber() {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := f.repo.FindPull(t.Context(), first("other"), "main"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no pull request: %v", err)
	}
	if _, err := f.repo.FindPull(t.Context(), first("abc"), "release"); !errors.Is(err, ErrNotFound) {
		t.Errorf("into another branch: %v", err)
	}
	f.must(f.repo.EditPull(t.Context(), pull.GetNumber(), "U", "body"))
	read, err := f.repo.Mergeable(t.Context(), pull.GetNumber(), Sleep)
	if err != nil || !read.GetMergeable() || read.GetTitle() != "U" || read.GetChangedFiles() != 3 {
		t.Errorf("%+v, %v", read, err)
	}
	files, err := f.repo.pullFiles(t.Context(), pull.GetNumber())
	if err != nil || len(files) != 3 {
		t.Errorf("%v, %v", files, err)
	}
	for range 2 {
		f.must(f.repo.Comment(t.Context(), pull.GetNumber(), "<!-- here -->", "text"))
	}
	comments, _, err := f.repo.client.Issues.ListComments(t.Context(), "alice", "reports", pull.GetNumber(), nil)
	if err != nil || len(comments) != 1 || comments[0].GetBody() != "<!-- here -->\ntext" {
		t.Errorf("%v, %v", comments, err)
	}
	if _, err := f.repo.MergePull(t.Context(), MergeRequest{Number: pull.GetNumber(), SHA: f.git("rev-parse", "main"), Method: "squash", Title: "x"}); !errors.Is(err, ErrHeadMoved) {
		t.Errorf("another head: %v", err)
	}
}

func TestMergeableAsksWithGrowingPausesAndGivesUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	repo := f.behind(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, `{"number": 1, "state": "open", "mergeable": null}`)
		})
	})
	var pauses []time.Duration
	pull, err := repo.Mergeable(t.Context(), 1, func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	})
	if err != nil || pull.Mergeable != nil {
		t.Errorf("%+v, %v", pull, err)
	}
	var sum time.Duration
	for i, p := range pauses {
		if sum += p; i > 0 && p < pauses[i-1] {
			t.Errorf("pauses %v", pauses)
		}
	}
	if sum < MergeableWithin || sum > MergeableWithin+lastPause {
		t.Errorf("asked for %v", sum)
	}
}

func TestRunsAreCancelled(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", "sleep 60")
	f.submit(spec("abc"))
	var run int64
	for deadline := time.Now().Add(30 * time.Second); run == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, r := range f.facts("abc").Runs {
			run = r.ID
		}
	}
	f.must(f.repo.CancelRun(t.Context(), run))
	f.idle()
	if got := f.facts("abc").Runs[0]; got.Conclusion != "cancelled" {
		t.Errorf("%+v", got)
	}
	if err := f.repo.CancelRun(t.Context(), run); !errors.Is(err, ErrRunEnded) {
		t.Errorf("again: %v", err)
	}
	if err := f.repo.ForceCancelRun(t.Context(), 99999); !errors.Is(err, ErrNotFound) {
		t.Errorf("no run: %v", err)
	}
}

// addFileAsUser commits a file through the API.
func (f *fixture) addFileAsUser(branch string) {
	f.t.Helper()
	body := strings.NewReader(`{"message":"Add","content":"eA==","branch":"` + branch + `"}`)
	req, err := http.NewRequest(http.MethodPut, f.URL()+"/api/v3/repos/alice/reports/contents/x", body)
	f.must(err)
	req.Header.Set("Authorization", "Bearer "+f.token)
	res, err := http.DefaultClient.Do(req)
	f.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated {
		f.t.Fatal(res.Status)
	}
}

func TestTheTokenGoesToTheAPIOnly(t *testing.T) {
	t.Parallel()
	var leaked atomic.Value
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(r.Header.Get("Authorization"))
		io.WriteString(w, `{}`)
	}))
	defer elsewhere.Close()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A host of its own, as blob storage is.
		target, _ := url.Parse(elsewhere.URL)
		target.Host = "localhost:" + target.Port()
		http.Redirect(w, r, target.String(), http.StatusFound)
	}))
	defer api.Close()
	repo, err := New(Config{ServerURL: api.URL, Owner: "o", Name: "r", Token: "the-token"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := leaked.Load(); got != "" {
		t.Errorf("another host was sent %q", got)
	}
}
