package rest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func (h *hub) merge(c *github.Client, number int, message string, o *github.PullRequestOptions) (*github.PullRequestMergeResult, error) {
	h.t.Helper()
	m, _, err := c.PullRequests.Merge(hubtest.Within(h.t), "alice", "reports", number, message, o)
	return m, err
}

// tip is the tip of main as "parents|author|committer|message".
func (h *hub) tip() (sha, text string) {
	dir := h.clone()
	return h.git(dir, "rev-parse", "HEAD"), h.git(dir, "log", "-1", "--format=%P|%an|%cn|%B")
}

func TestMergeMethods(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{
		"merge":  "BASE HEAD|alice|GitHub|Merge pull request #1 from alice/job/1\n\nA report",
		"squash": "BASE|alice|GitHub|A report (#1)\n\n* write a\n\n* write b\n\n---------\n\nCo-authored-by: Alice <alice@example.com>",
		"rebase": "NEW|Alice|alice|write b",
	} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			h := setup(t)
			base, _ := h.tip()
			head := h.branch("job/1", "a", "1\n", "b", "2\n")
			h.open("job/1", "A report")
			m, err := h.merge(h.alice, 1, "", &github.PullRequestOptions{MergeMethod: method, SHA: head})
			if err != nil || !m.GetMerged() {
				t.Fatalf("%v, %v", m, err)
			}
			sha, text := h.tip()
			text = strings.NewReplacer(base, "BASE", head, "HEAD").Replace(text)
			if method == "rebase" {
				_, rest, _ := strings.Cut(text, "|")
				text = "NEW|" + rest
			}
			if sha != m.GetSHA() || text != want {
				t.Errorf("main is %q\nwant %q", text, want)
			}
			p := h.pull(1)
			if !p.GetMerged() || p.GetState() != "closed" || p.GetMergedBy().GetLogin() != "alice" || p.GetMergeCommitSHA() != sha ||
				p.MergedAt == nil || p.GetCommits() != 2 || p.GetChangedFiles() != 2 || p.GetHead().GetSHA() != head {
				t.Errorf("#%d merged %v by %s as %s, %d commits, %d files", p.GetNumber(), p.GetMerged(), p.GetMergedBy().GetLogin(),
					p.GetMergeCommitSHA(), p.GetCommits(), p.GetChangedFiles())
			}
			if merged, _, err := h.alice.PullRequests.IsMerged(hubtest.Within(t), "alice", "reports", 1); err != nil || !merged {
				t.Errorf("IsMerged %v, %v", merged, err)
			}
			seen := h.seen()
			if want := []string{"pull_request closed #1", "push refs/heads/main"}; !slices.Equal(seen[len(seen)-2:], want) {
				t.Errorf("events %q", seen)
			}
			_, err = h.merge(h.alice, 1, "", nil)
			hubtest.WantStatus(t, err, 405, "Pull Request is not mergeable")
			// The branch goes; the merged pull request stays as it is.
			h.git(h.clone(), "push", "-q", "origin", ":job/1")
			if p := h.pull(1); !p.GetMerged() || p.GetChangedFiles() != 2 {
				t.Errorf("after the branch: merged %v", p.GetMerged())
			}
		})
	}
}

func TestMergeMessages(t *testing.T) {
	t.Parallel()
	h := setup(t)
	message := func(o github.PullRequestOptions, body string) string {
		t.Helper()
		n := len(h.seen())
		name := fmt.Sprint("b", n)
		h.branch(name, name, "1")
		p := h.open(name, "Title")
		if _, err := h.merge(h.alice, p.GetNumber(), body, &o); err != nil {
			t.Fatal(err)
		}
		_, text := h.tip()
		parts := strings.SplitN(text, "|", 4)
		return strings.ReplaceAll(parts[3], name, "NAME")
	}
	for i, tt := range []struct {
		o    github.PullRequestOptions
		body string
		want string
	}{
		{github.PullRequestOptions{MergeMethod: "squash", CommitTitle: "T (#1)"}, "Job-Id: 1\nJob-Run: 2", "T (#1)\n\nJob-Id: 1\nJob-Run: 2"},
		{github.PullRequestOptions{MergeMethod: "squash", CommitTitle: "T", DontDefaultIfBlank: true}, "", "T"},
		{github.PullRequestOptions{MergeMethod: "squash"}, "", "write NAME (#3)\n\nCo-authored-by: Alice <alice@example.com>"},
		{github.PullRequestOptions{CommitTitle: "T"}, "", "T\n\nTitle"},
	} {
		if got := message(tt.o, tt.body); got != tt.want {
			t.Errorf("%d: %q, want %q", i, got, tt.want)
		}
	}
}

func TestMergeRefusals(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("a", "a", "1\n")
	h.branch("b", "a", "2\n")
	h.branch("ci", ".github/workflows/x.yml", "on: push\n")
	h.open("a", "A")
	h.open("b", "B")
	h.open("ci", "CI")
	draft, _, err := h.alice.PullRequests.Create(hubtest.Within(t), "alice", "reports", &github.NewPullRequest{
		Title: github.String("D"), Head: github.String("ci"), Base: github.String("b"), Draft: github.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.merge(h.alice, 99, "", nil)
	hubtest.WantStatus(t, err, 404, "Not Found")
	_, err = h.merge(h.alice, 1, "", &github.PullRequestOptions{SHA: strings.Repeat("1", 40)})
	hubtest.WantStatus(t, err, 409, "Head branch was modified. Review and try the merge again.")
	_, err = h.merge(h.alice, 1, "", &github.PullRequestOptions{MergeMethod: "fast"})
	hubtest.WantStatus(t, err, 422, "merge_method")
	_, err = h.merge(h.alice, draft.GetNumber(), "", nil)
	hubtest.WantStatus(t, err, 405, "draft")
	_, err = h.merge(h.client(h.user("bob")), 1, "", nil)
	hubtest.WantStatus(t, err, 403, "push access")
	_, err = h.merge(h.run("pull_requests"), 1, "", nil)
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
	_, err = h.merge(h.run("contents", "pull_requests"), 3, "", nil)
	hubtest.WantStatus(t, err, 403, "refusing to allow a GitHub App to create or update workflow `.github/workflows/x.yml` without `workflows` permission")
	h.configure(func(r *state.Repository) { r.AllowMergeCommit = false })
	_, err = h.merge(h.alice, 1, "", nil)
	hubtest.WantStatus(t, err, 405, "Merge commits are not allowed on this repository.")
	if _, err := h.merge(h.run("contents"), 1, "", &github.PullRequestOptions{MergeMethod: "squash"}); err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{"squash", "rebase"} {
		_, err = h.merge(h.alice, 2, "", &github.PullRequestOptions{MergeMethod: method})
		hubtest.WantStatus(t, err, 405, "Pull Request is not mergeable")
	}
	if p := h.pull(1); p.GetMergedBy().GetLogin() != "github-actions[bot]" {
		t.Errorf("merged by %s", p.GetMergedBy().GetLogin())
	}
}

// A rebase leaves out what a merge commit brings by itself; GitHub refuses it then.
func TestARebaseThatDiffersFromAMerge(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("job/1", "a", "1\n")
	h.branch("side", "b", "2\n")
	dir := h.clone()
	h.git(dir, "checkout", "-q", "job/1")
	h.git(dir, "merge", "-q", "--no-ff", "--no-commit", "origin/side")
	if err := os.WriteFile(filepath.Join(dir, "c"), []byte("3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h.git(dir, "add", "c")
	h.git(dir, "commit", "-q", "-m", "Merge side")
	h.git(dir, "push", "-q", "origin", "job/1")
	h.open("job/1", "A report")
	if p := h.pull(1); !p.GetMergeable() || p.GetRebaseable() {
		t.Errorf("mergeable %v, rebaseable %v", p.GetMergeable(), p.GetRebaseable())
	}
	_, err := h.merge(h.alice, 1, "", &github.PullRequestOptions{MergeMethod: "rebase"})
	hubtest.WantStatus(t, err, 405, "This branch can't be rebased")
	if _, err = h.merge(h.alice, 1, "", &github.PullRequestOptions{MergeMethod: "squash"}); err != nil {
		t.Error(err)
	}
}

// Many merges at once into one base, with pushes to it at the same time: each either succeeds or says why; nothing is lost.
func TestMergesAtOnce(t *testing.T) {
	t.Parallel()
	h := setup(t)
	const n = 6
	for i := range n {
		h.branch(fmt.Sprint("b", i), fmt.Sprint("f", i), "x\n")
		h.open(fmt.Sprint("b", i), "T")
	}
	dir := h.clone()
	var wg sync.WaitGroup
	var mu sync.Mutex
	merged := 0
	for i := range n {
		wg.Go(func() {
			for {
				_, err := h.merge(h.alice, i+1, "", &github.PullRequestOptions{MergeMethod: "squash"})
				if e, ok := err.(*github.ErrorResponse); ok && e.Response.StatusCode == 405 && strings.HasPrefix(e.Message, "Base branch was modified") {
					continue
				}
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				merged++
				mu.Unlock()
				return
			}
		})
	}
	wg.Go(func() {
		for i := range 5 {
			h.commit(dir, fmt.Sprint("pushed", i), "x", "push")
			for {
				if _, err := hubtest.TryGit(t.Context(), dir, "push", "-q", "origin", "main"); err == nil {
					break
				}
				h.git(dir, "pull", "-q", "--rebase", "origin", "main")
			}
		}
	})
	wg.Wait()
	last := h.clone()
	files := strings.Fields(h.git(last, "ls-files"))
	if merged != n || len(files) != 1+n+5 {
		t.Errorf("%d merged, files %v", merged, files)
	}
	if count := h.git(last, "rev-list", "--count", "HEAD"); count != fmt.Sprint(1+n+5) {
		t.Errorf("%s commits", count)
	}
	for i := range n {
		p := h.pull(i + 1)
		if !p.GetMerged() {
			t.Errorf("#%d is not merged", i+1)
		}
		h.git(last, "merge-base", "--is-ancestor", p.GetMergeCommitSHA(), "HEAD")
	}
}

// Of many requests to merge the same pull request, one wins.
func TestSameMergeManyTimes(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("a", "a", "1")
	h.open("a", "A")
	errs := make(chan error, 8)
	var wg sync.WaitGroup
	for range cap(errs) {
		wg.Go(func() {
			_, err := h.merge(h.alice, 1, "", nil)
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	won := 0
	for err := range errs {
		if err == nil {
			won++
			continue
		}
		hubtest.WantStatus(t, err, 405, "Pull Request is not mergeable")
	}
	if n := h.git(h.clone(), "rev-list", "--count", "HEAD"); won != 1 || n != "3" {
		t.Errorf("%d won, %s commits", won, n)
	}
}

func TestDeleteBranchOnMerge(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.configure(func(r *state.Repository) { r.DeleteBranchOnMerge = true })
	h.branch("a", "a", "1")
	h.open("a", "A")
	if _, err := h.merge(h.alice, 1, "", nil); err != nil {
		t.Fatal(err)
	}
	if out := h.git(h.clone(), "ls-remote", "origin", "refs/heads/a"); out != "" {
		t.Errorf("still there: %s", out)
	}
	if p := h.pull(1); !p.GetMerged() {
		t.Error("not merged")
	}
}

func TestUpdateBranch(t *testing.T) {
	t.Parallel()
	h := setup(t)
	head := h.branch("a", "a", "1")
	h.open("a", "A")
	update := func(expect string) error {
		_, _, err := h.alice.PullRequests.UpdateBranch(hubtest.Within(t), "alice", "reports", 1, &github.PullRequestBranchUpdateOptions{ExpectedHeadSHA: &expect})
		return err
	}
	hubtest.WantStatus(t, update(head), 422, "There are no new commits on the base branch.")
	dir := h.clone()
	h.commit(dir, "m", "1", "main moves")
	h.git(dir, "push", "-q", "origin", "main")
	hubtest.WantStatus(t, update(strings.Repeat("1", 40)), 422, "expected head sha")
	if err := update(head); err != nil {
		if _, accepted := err.(*github.AcceptedError); !accepted {
			t.Fatal(err)
		}
	}
	p := h.pull(1)
	if p.GetHead().GetSHA() == head || p.GetChangedFiles() != 1 || p.GetCommits() != 2 {
		t.Errorf("head %s, %d files, %d commits", p.GetHead().GetSHA(), p.GetChangedFiles(), p.GetCommits())
	}
	if !slices.Contains(h.seen(), "pull_request synchronize #1") {
		t.Errorf("events %q", h.seen())
	}
}
