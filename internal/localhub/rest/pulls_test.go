package rest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestPullRequestIsShownAsGitHubDoes(t *testing.T) {
	t.Parallel()
	h := setup(t)
	head := h.branch("job/1", "reports/a.md", "one\ntwo\n")
	p := h.open("job/1", "A report")
	if p.GetNumber() != 1 || p.GetState() != "open" || p.GetHead().GetSHA() != head || p.GetHead().GetRef() != "job/1" ||
		p.GetHead().GetLabel() != "alice:job/1" || p.GetHead().GetRepo().GetFullName() != "alice/reports" || p.GetBase().GetRef() != "main" ||
		p.GetUser().GetLogin() != "alice" || p.GetBody() != "why" || p.GetHTMLURL() != h.url+"/alice/reports/pull/1" {
		t.Errorf("created %v", p)
	}
	if p.GetCommits() != 1 || p.GetChangedFiles() != 1 || p.GetAdditions() != 2 || p.GetDeletions() != 0 {
		t.Errorf("numbers: #%d %s merged %v", p.GetNumber(), p.GetState(), p.GetMerged())
	}
	// Creating shows the pull request, and so is its first reading.
	if p.Mergeable != nil || p.GetMergeableState() != "unknown" {
		t.Errorf("mergeable at first: %v %s", p.Mergeable, p.GetMergeableState())
	}
	p = h.pull(1)
	if !p.GetMergeable() || !p.GetRebaseable() || p.GetMergeableState() != "clean" || p.GetMergeCommitSHA() == "" {
		t.Errorf("mergeable then: %v %s", p.Mergeable, p.GetMergeableState())
	}
	dir := h.clone()
	h.git(dir, "fetch", "-q", "origin", "refs/pull/1/head", "refs/pull/1/merge:merge")
	if got := h.git(dir, "rev-parse", "FETCH_HEAD", "merge", "merge^2"); got != head+"\n"+p.GetMergeCommitSHA()+"\n"+head {
		t.Errorf("refs/pull: %s", got)
	}
	list, _, err := h.alice.PullRequests.List(hubtest.Within(t), "alice", "reports", &github.PullRequestListOptions{Head: "alice:job/1", State: "all"})
	if err != nil || len(list) != 1 || list[0].GetNumber() != 1 {
		t.Errorf("list: %v %v", list, err)
	}
	if want := "pull_request opened #1"; !slices.Contains(h.seen(), want) {
		t.Errorf("events %q lack %q", h.seen(), want)
	}
}

func TestPullRequestRefusals(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("job/1", "a", "1")
	dir := h.clone()
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/same")
	h.git(dir, "checkout", "-q", "--orphan", "lone")
	h.commit(dir, "z", "z", "lone")
	h.git(dir, "push", "-q", "origin", "lone")
	h.open("job/1", "first")
	create := func(c *github.Client, head, base, title string) error {
		_, _, err := c.PullRequests.Create(hubtest.Within(t), "alice", "reports", &github.NewPullRequest{Title: &title, Head: &head, Base: &base})
		return err
	}
	hubtest.WantStatus(t, create(h.alice, "job/1", "main", "again"), 422, "A pull request already exists for alice:job/1.")
	hubtest.WantStatus(t, create(h.alice, "same", "main", "same"), 422, "No commits between main and same")
	hubtest.WantStatus(t, create(h.alice, "main", "main", "self"), 422, "No commits between main and main")
	hubtest.WantStatus(t, create(h.alice, "lone", "main", "lone"), 422, "no history in common")
	hubtest.WantStatus(t, create(h.alice, "none", "main", "none"), 422, "head")
	hubtest.WantStatus(t, create(h.alice, "bob:job/1", "main", "bob"), 422, "head")
	hubtest.WantStatus(t, create(h.alice, "job/1", "none", "none"), 422, "base")
	hubtest.WantStatus(t, create(h.alice, "job/1", "main", ""), 422, "title")
	hubtest.WantStatus(t, create(h.alice, "--help", "main", "option"), 422, "head")
	hubtest.WantStatus(t, create(h.client(""), "job/1", "main", "x"), 401, "Requires authentication")
	run := h.run("contents", "pull_requests")
	hubtest.WantStatus(t, create(run, "job/1", "same", "x"), 403, "GitHub Actions is not permitted to create or approve pull requests.")
	h.configure(func(r *state.Repository) { r.Actions.CanApprovePullRequestReviews = true })
	hubtest.WantStatus(t, create(h.run("contents"), "job/1", "same", "x"), 403, "Resource not accessible by integration")
	if err := create(run, "job/1", "same", "by the run"); err != nil {
		t.Fatal(err)
	}
	if p := h.pull(2); p.GetUser().GetLogin() != "github-actions[bot]" {
		t.Errorf("opened by %s", p.GetUser().GetLogin())
	}
}

func TestPullRequestFilesAndCommits(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := h.clone()
	for i := range 35 {
		h.commit(dir, fmt.Sprintf("old/%02d", i), strings.Repeat(fmt.Sprintf("line %d\n", i), 20), "base")
	}
	h.git(dir, "push", "-q", "origin", "main")
	h.git(dir, "checkout", "-q", "-b", "work")
	h.git(dir, "mv", "old", "new")
	h.git(dir, "commit", "-qm", "move")
	h.commit(dir, "extra.md", "x\n", "extra")
	h.git(dir, "push", "-q", "origin", "work")
	h.open("work", "many")
	// What comes to main meanwhile is not the pull request's.
	h.git(dir, "checkout", "-q", "main")
	h.commit(dir, "elsewhere", "x", "elsewhere")
	h.git(dir, "push", "-q", "origin", "main")

	var files []*github.CommitFile
	opts := &github.ListOptions{PerPage: 20}
	for {
		page, res, err := h.alice.PullRequests.ListFiles(hubtest.Within(t), "alice", "reports", 1, opts)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, page...)
		if res.NextPage == 0 {
			break
		}
		opts.Page = res.NextPage
	}
	if len(files) != 36 || files[0].GetFilename() != "extra.md" || files[0].GetStatus() != "added" || files[0].GetPatch() != "@@ -0,0 +1 @@\n+x" {
		t.Fatalf("%d files, first %v", len(files), files[0])
	}
	if f := files[1]; f.GetFilename() != "new/00" || f.GetStatus() != "renamed" || f.GetPreviousFilename() != "old/00" || f.GetPatch() != "" {
		t.Errorf("%v", f)
	}
	commits, _, err := h.alice.PullRequests.ListCommits(hubtest.Within(t), "alice", "reports", 1, nil)
	if err != nil || len(commits) != 2 || commits[0].GetCommit().GetMessage() != "move" {
		t.Errorf("%v, %v", commits, err)
	}
	if p := h.pull(1); p.GetChangedFiles() != 36 || p.GetCommits() != 2 {
		t.Errorf("%d files, %d commits", p.GetChangedFiles(), p.GetCommits())
	}
}

func TestPullRequestFollowsItsBranches(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("a", "a", "1\n")
	h.branch("b", "a", "2\n")
	h.branch("c", "c", "3\n")
	h.open("a", "A")
	h.open("b", "B")
	h.open("c", "C")
	h.pull(2)
	dir := h.clone()
	h.git(dir, "checkout", "-q", "a")
	moved := h.commit(dir, "more", "1", "more")
	h.git(dir, "push", "-q", "origin", "a")
	if p := h.pull(1); p.GetHead().GetSHA() != moved || p.GetChangedFiles() != 2 {
		t.Errorf("not synchronised: #%d %s merged %v", p.GetNumber(), p.GetState(), p.GetMerged())
	}
	// A push that brings the head into the base merges the pull request.
	h.git(dir, "push", "-q", "origin", "a:main")
	if p := h.pull(1); !p.GetMerged() || p.GetState() != "closed" || p.GetMergedBy().GetLogin() != "alice" || p.GetChangedFiles() != 2 {
		t.Errorf("not merged by the push: #%d %s merged %v", p.GetNumber(), p.GetState(), p.GetMerged())
	}
	// And it makes another one conflict.
	h.pull(2)
	if p := h.pull(2); p.Mergeable == nil || p.GetMergeable() || p.GetMergeableState() != "dirty" {
		t.Errorf("no conflict: %v %s", p.Mergeable, p.GetMergeableState())
	}
	h.git(dir, "push", "-q", "origin", ":c")
	if p := h.pull(3); p.GetState() != "closed" || p.GetMerged() {
		t.Errorf("not closed with its branch: #%d %s merged %v", p.GetNumber(), p.GetState(), p.GetMerged())
	}
	_, _, err := h.alice.PullRequests.Edit(hubtest.Within(t), "alice", "reports", 3, &github.PullRequest{State: github.String("open")})
	hubtest.WantStatus(t, err, 422, "The c branch has been deleted.")
	for _, want := range []string{"pull_request synchronize #1", "pull_request closed #1", "pull_request closed #3"} {
		if !slices.Contains(h.seen(), want) {
			t.Errorf("events %q lack %q", h.seen(), want)
		}
	}
	h.git(dir, "fetch", "-q", "origin", "refs/pull/3/head")
}

func TestEditPullRequest(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("a", "a", "1")
	h.branch("other", "o", "1")
	h.open("a", "A")
	edit := func(p *github.PullRequest) (*github.PullRequest, error) {
		got, _, err := h.alice.PullRequests.Edit(hubtest.Within(t), "alice", "reports", 1, p)
		return got, err
	}
	p, err := edit(&github.PullRequest{Title: github.String("B"), Body: github.String("new"), Base: &github.PullRequestBranch{Ref: github.String("other")}})
	if err != nil || p.GetTitle() != "B" || p.GetBody() != "new" || p.GetBase().GetRef() != "other" {
		t.Fatalf("%v, %v", p, err)
	}
	if p, err = edit(&github.PullRequest{State: github.String("closed")}); err != nil || p.GetState() != "closed" || p.ClosedAt == nil {
		t.Fatalf("%v, %v", p, err)
	}
	if p, err = edit(&github.PullRequest{State: github.String("open")}); err != nil || p.GetState() != "open" || p.ClosedAt != nil {
		t.Fatalf("%v, %v", p, err)
	}
	_, err = edit(&github.PullRequest{Base: &github.PullRequestBranch{Ref: github.String("none")}})
	hubtest.WantStatus(t, err, 422, "Proposed base branch 'none' was not found")
	_, err = edit(&github.PullRequest{State: github.String("merged")})
	hubtest.WantStatus(t, err, 422, "state")
	want := []string{"pull_request edited #1", "pull_request closed #1", "pull_request reopened #1"}
	if seen := h.seen(); !slices.Equal(seen[len(seen)-3:], want) {
		t.Errorf("events %q", h.seen())
	}
}

func TestPullRequestFromAnotherRepository(t *testing.T) {
	t.Parallel()
	h := setup(t)
	token := h.user("bob")
	h.repository("bob", false)
	dir := h.clone()
	h.git(dir, "checkout", "-q", "-b", "job/1")
	sha := h.commit(dir, "evil", "x", "from a fork")
	h.git(dir, "push", "-q", h.remote("bob", token), "job/1")
	h.branch("job/1", "good", "x")
	h.open("job/1", "ours")
	p, _, err := h.client(token).PullRequests.Create(hubtest.Within(t), "alice", "reports",
		&github.NewPullRequest{Title: github.String("theirs"), Head: github.String("bob:job/1"), Base: github.String("main")})
	if err != nil || p.GetHead().GetRepo().GetFullName() != "bob/reports" || p.GetHead().GetSHA() != sha || p.GetAuthorAssociation() != "NONE" {
		t.Fatalf("%v, %v", p, err)
	}
	list, _, err := h.alice.PullRequests.List(hubtest.Within(t), "alice", "reports", &github.PullRequestListOptions{Head: "alice:job/1"})
	if err != nil || len(list) != 1 || list[0].GetTitle() != "ours" {
		t.Errorf("%v, %v", list, err)
	}
	_, _, err = h.client(token).PullRequests.Merge(hubtest.Within(t), "alice", "reports", p.GetNumber(), "", nil)
	hubtest.WantStatus(t, err, http.StatusForbidden, "push access")
	if _, _, err := h.alice.PullRequests.Merge(hubtest.Within(t), "alice", "reports", p.GetNumber(), "", nil); err != nil {
		t.Fatal(err)
	}
}

func TestListPullRequests(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for i := range 5 {
		name := fmt.Sprintf("b%d", i)
		h.branch(name, name, "x")
		h.open(name, name)
	}
	if _, _, err := h.alice.PullRequests.Edit(hubtest.Within(t), "alice", "reports", 2, &github.PullRequest{State: github.String("closed")}); err != nil {
		t.Fatal(err)
	}
	numbers := func(o github.PullRequestListOptions) (list []int) {
		t.Helper()
		got, _, err := h.alice.PullRequests.List(hubtest.Within(t), "alice", "reports", &o)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got {
			list = append(list, p.GetNumber())
		}
		return list
	}
	for name, tt := range map[string]struct {
		o    github.PullRequestListOptions
		want []int
	}{
		"default":   {github.PullRequestListOptions{}, []int{5, 4, 3, 1}},
		"closed":    {github.PullRequestListOptions{State: "closed"}, []int{2}},
		"all asc":   {github.PullRequestListOptions{State: "all", Direction: "asc"}, []int{1, 2, 3, 4, 5}},
		"page":      {github.PullRequestListOptions{State: "all", ListOptions: github.ListOptions{Page: 2, PerPage: 2}}, []int{3, 2}},
		"no base":   {github.PullRequestListOptions{Base: "other"}, nil},
		"head":      {github.PullRequestListOptions{Head: "alice:b3"}, []int{4}},
		"past":      {github.PullRequestListOptions{ListOptions: github.ListOptions{Page: 9}}, nil},
		"other own": {github.PullRequestListOptions{Head: "bob:b3"}, nil},
	} {
		if got := numbers(tt.o); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// A head that is pushed while its pull request is being created is never missed.
func TestCreateRacesWithPush(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := h.clone()
	bare, err := h.Git.Open("alice", "reports")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		name := fmt.Sprintf("r%d", i)
		h.git(dir, "checkout", "-q", "-B", name, "origin/main")
		h.commit(dir, name, "1", "one")
		h.git(dir, "push", "-q", "origin", name)
		last := h.commit(dir, name, "2", "two")
		var wg sync.WaitGroup
		wg.Go(func() { h.git(dir, "push", "-q", "origin", name) })
		p := h.open(name, name)
		wg.Wait()
		if got := h.pull(p.GetNumber()).GetHead().GetSHA(); got != last {
			t.Errorf("head is %s, pushed %s", got, last)
		}
		if ref, err := bare.Ref(t.Context(), fmt.Sprintf("refs/pull/%d/head", p.GetNumber())); err != nil || ref.SHA != last {
			t.Errorf("%v, %v", ref, err)
		}
	}
}
