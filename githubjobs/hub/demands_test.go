package hub

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// client is go-github in somebody's name, who is made if need be.
func (f *fixture) client(login string) *github.Client {
	f.t.Helper()
	token := f.token
	if login != "alice" {
		_, err := f.CreateUser(login)
		f.must(err)
		token, err = f.CreateToken(login, "tests")
		f.must(err)
	}
	c, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(f.URL(), f.URL())
	f.must(err)
	return c
}

// opened opens a pull request from the branch job/abc, and returns its head.
func (f *fixture) opened() (head string) {
	f.t.Helper()
	f.git("update-ref", "refs/heads/job/abc", "main")
	f.addFileAsUser("job/abc")
	_, err := f.repo.OpenPull(f.t.Context(), NewPull{Title: "T", Head: "job/abc", Base: "main"})
	f.must(err)
	return f.git("rev-parse", "job/abc")
}

func TestChecksStatusesAndReviews(t *testing.T) {
	t.Parallel()
	f := setup(t)
	head := f.opened()
	app := f.appClient("ci", map[string]string{"checks": "write", "statuses": "write", "metadata": "read"})
	for _, name := range []string{"test", "lint", "test"} {
		_, _, err := app.Checks.CreateCheckRun(t.Context(), "alice", "reports", github.CreateCheckRunOptions{Name: name, HeadSHA: head})
		f.must(err)
	}
	runs, complete, err := f.repo.CheckRuns(t.Context(), head)
	if err != nil || !complete || len(runs) != 2 || runs[0].GetApp().GetSlug() != "ci" {
		t.Errorf("checks: %v, %t, %v", runs, complete, err)
	}
	for range 101 {
		_, _, err := app.Repositories.CreateStatus(t.Context(), "alice", "reports", head, &github.RepoStatus{State: github.String("pending"), Context: github.String("ci/build")})
		f.must(err)
	}
	statuses, complete, err := f.repo.Statuses(t.Context(), head)
	if err != nil || !complete || len(statuses) != 101 || statuses[0].GetCreator().GetLogin() != "ci[bot]" || statuses[0].GetID() < statuses[100].GetID() {
		t.Errorf("%d statuses, %t, %v", len(statuses), complete, err)
	}
	_, _, err = f.client("bob").PullRequests.CreateReview(t.Context(), "alice", "reports", 1, &github.PullRequestReviewRequest{Event: github.String("APPROVE")})
	f.must(err)
	reviews, complete, err := f.repo.Reviews(t.Context(), 1)
	if err != nil || !complete || len(reviews) != 1 || reviews[0].GetUser().GetLogin() != "bob" || reviews[0].GetCommitID() != head {
		t.Errorf("reviews: %v, %t, %v", reviews, complete, err)
	}
}

// appClient is go-github as an installed App.
func (f *fixture) appClient(slug string, permissions map[string]string) *github.Client {
	f.t.Helper()
	app, key, err := f.CreateApp(localhub.App{Owner: "alice", Slug: slug, Permissions: permissions})
	f.must(err)
	in, err := f.InstallApp(app.ID, "alice")
	f.must(err)
	repo, err := New(Config{ServerURL: f.URL(), Owner: "alice", Name: "reports", App: &App{ID: app.ID, InstallationID: in.ID, PrivateKey: key}})
	f.must(err)
	repo.client.UserAgent = slug // it is no request of ours
	return repo.client
}

// A list that has no end is cut, and says so.
func TestListsAreCut(t *testing.T) {
	t.Parallel()
	f := setup(t)
	asked := 0
	repo := f.behind(func(localhub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=%d>; rel="next"`, r.Host, r.URL.Path, asked+1))
			if strings.HasSuffix(r.URL.Path, "/check-runs") {
				io.WriteString(w, `{"total_count": 5000, "check_runs": [{"id": 1}]}`)
				return
			}
			io.WriteString(w, `[{"id": 1}]`)
		})
	})
	cut := map[string]func() (int, bool, error){
		"checks":   func() (int, bool, error) { l, c, err := repo.CheckRuns(t.Context(), "a"); return len(l), c, err },
		"statuses": func() (int, bool, error) { l, c, err := repo.Statuses(t.Context(), "a"); return len(l), c, err },
		"reviews":  func() (int, bool, error) { l, c, err := repo.Reviews(t.Context(), 1); return len(l), c, err },
	}
	for name, list := range cut {
		if asked = 0; true {
			if n, complete, err := list(); err != nil || complete || n != listPages || asked != listPages {
				t.Errorf("%s: %d of %d pages, complete %t, %v", name, n, asked, complete, err)
			}
		}
	}
}

func TestMayWrite(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.client("bob")
	carol, err := f.CreateUser("carol")
	f.must(err)
	f.must(f.Configure("alice", "reports", func(r *state.Repository) { r.Collaborators = map[int64]string{carol.ID: "write"} }))
	for login, want := range map[string]bool{"alice": true, "carol": true, "bob": false, "nobody": false} {
		if may, err := f.repo.MayWrite(t.Context(), login); err != nil || may != want {
			t.Errorf("%s: %t, %v", login, may, err)
		}
	}
}

func TestBehind(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.git("update-ref", "refs/heads/side", "main")
	head := f.git("rev-parse", "side")
	for want := range 3 {
		if n, err := f.repo.Behind(t.Context(), "main", head); err != nil || n != want {
			t.Errorf("%d commits behind, %v; want %d", n, err, want)
		}
		f.commit("main", "One more")
	}
}

func TestEnqueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	head := f.opened()
	soon := func(ctx context.Context, _ time.Duration) error { return Sleep(ctx, time.Millisecond) }
	enqueue := func(sha string) (Queued, error) {
		return f.repo.Enqueue(t.Context(), MergeRequest{Number: 1, SHA: sha, Method: "squash", Title: "T"}, soon)
	}
	f.must(f.Configure("alice", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {MergeQueue: true}}
	}))
	if got, err := enqueue(strings.Repeat("0", 40)); err != nil || got.Status != "failed" || !strings.Contains(got.Message, "Head branch was modified") {
		t.Errorf("another head: %+v, %v", got, err)
	}
	for range 2 {
		if got, err := enqueue(head); err != nil || got.Status != "enqueued" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	f.must(f.MergeQueued(t.Context(), "alice", "reports", 1))
	if got, err := enqueue(head); err != nil || got.Status != "merged" || got.SHA != f.git("rev-parse", "main") {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := f.behind(func(http.Handler) http.Handler { return http.NotFoundHandler() }).Enqueue(t.Context(), MergeRequest{Number: 1}, soon); err == nil {
		t.Error("a GitHub without asynchronous merges takes one")
	}
}
