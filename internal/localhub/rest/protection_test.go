package rest_test

import (
	"slices"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// protect gives main these rules.
func (h *hub) protect(p state.Protection) {
	h.configure(func(r *state.Repository) { r.Protections = map[string]state.Protection{"main": p} })
}

// person makes a user with a role in alice/reports.
func (h *hub) person(login, role string) *github.Client {
	h.t.Helper()
	c := h.client(h.user(login))
	h.db(func(tx *state.Tx) {
		u, _ := tx.Users.ByName(login)
		r, _ := tx.Repositories.ByName("alice/reports")
		others := map[int64]string{u.ID: role}
		for id, role := range r.Collaborators {
			others[id] = role
		}
		r.Collaborators = others
		tx.Repositories.Put(r)
	})
	return c
}

func (h *hub) review(c *github.Client, what string) *github.PullRequestReview {
	h.t.Helper()
	v, _, err := c.PullRequests.CreateReview(hubtest.Within(h.t), "alice", "reports", 1, &github.PullRequestReviewRequest{Event: &what, Body: github.String("Well")})
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func TestProtectionAsksForReviewsAndChecks(t *testing.T) {
	t.Parallel()
	h := setup(t)
	head := h.branch("job/1", "a", "1\n")
	h.open("job/1", "A report")
	h.protect(state.Protection{Approvals: 1, Checks: []string{"test", "ci/build"}})
	bob, eve := h.person("bob", "write"), h.person("eve", "read")
	refused := func(why string) {
		t.Helper()
		_, err := h.merge(h.alice, 1, "", nil)
		hubtest.WantStatus(t, err, 405, why)
		h.pull(1)
		if got := h.pull(1).GetMergeableState(); got != "blocked" {
			t.Errorf("it is %s", got)
		}
	}
	check := func(status, conclusion string) {
		t.Helper()
		opts := github.CreateCheckRunOptions{Name: "test", HeadSHA: head, Status: &status}
		if conclusion != "" {
			opts.Conclusion = &conclusion
		}
		if _, _, err := h.run("checks").Checks.CreateCheckRun(hubtest.Within(t), "alice", "reports", opts); err != nil {
			t.Fatal(err)
		}
	}
	status := func(s string) {
		t.Helper()
		if _, _, err := h.alice.Repositories.CreateStatus(hubtest.Within(t), "alice", "reports", head, &github.RepoStatus{State: &s, Context: github.String("ci/build")}); err != nil {
			t.Fatal(err)
		}
	}
	h.review(eve, "APPROVE")
	refused("At least 1 approving review is required by reviewers with write access.")
	dismissed := h.review(bob, "APPROVE")
	_, _, err := bob.PullRequests.DismissReview(hubtest.Within(t), "alice", "reports", 1, dismissed.GetID(), &github.PullRequestReviewDismissalRequest{Message: github.String("no")})
	if err != nil {
		t.Fatal(err)
	}
	refused("At least 1 approving review")
	h.review(bob, "REQUEST_CHANGES")
	refused("Changes have been requested.")
	h.review(bob, "APPROVE")
	h.review(bob, "COMMENT")
	refused(`Required status check "test" is expected.`)
	check("in_progress", "")
	refused(`Required status check "test" is in progress.`)
	check("completed", "failure")
	refused(`Required status check "test" is failing.`)
	check("completed", "success")
	refused(`Required status check "ci/build" is expected.`)
	status("pending")
	refused(`Required status check "ci/build" is pending.`)
	status("error")
	refused(`Required status check "ci/build" is failing.`)
	status("success")
	if got := h.pull(1).GetMergeableState(); got != "clean" {
		t.Errorf("it is %s", got)
	}
	if _, err := h.merge(h.alice, 1, "", nil); err != nil {
		t.Fatal(err)
	}
	seen := h.seen()
	for _, want := range []string{"pull_request_review submitted APPROVED", "pull_request_review dismissed DISMISSED", "pull_request_review submitted CHANGES_REQUESTED", "status ci/build pending", "status ci/build success"} {
		if !slices.Contains(seen, want) {
			t.Errorf("events %q lack %q", seen, want)
		}
	}
}

func TestProtectionAsksForAnUpToDateHead(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("job/1", "a", "1\n")
	h.open("job/1", "A report")
	h.protect(state.Protection{UpToDate: true})
	dir := h.clone()
	h.commit(dir, "late", "x", "late")
	h.git(dir, "push", "-q", "origin", "main")
	h.pull(1)
	if got := h.pull(1).GetMergeableState(); got != "behind" {
		t.Errorf("it is %s", got)
	}
	_, err := h.merge(h.alice, 1, "", nil)
	hubtest.WantStatus(t, err, 405, "not up to date")
	h.git(dir, "fetch", "-q", "origin", "job/1")
	h.git(dir, "checkout", "-q", "-B", "job/1", "FETCH_HEAD")
	h.git(dir, "merge", "-q", "--no-edit", "main")
	h.git(dir, "push", "-q", "origin", "job/1")
	if _, err := h.merge(h.alice, 1, "", nil); err != nil {
		t.Fatal(err)
	}
}

func TestDismissRefusals(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("job/1", "a", "1\n")
	h.open("job/1", "A report")
	bob := h.person("bob", "read")
	comment, approval := h.review(bob, "COMMENT"), h.review(bob, "APPROVE")
	dismiss := func(c *github.Client, id int64, message string) error {
		_, _, err := c.PullRequests.DismissReview(hubtest.Within(t), "alice", "reports", 1, id, &github.PullRequestReviewDismissalRequest{Message: &message})
		return err
	}
	hubtest.WantStatus(t, dismiss(bob, approval.GetID(), "no"), 403, "push access")
	hubtest.WantStatus(t, dismiss(h.alice, comment.GetID(), "no"), 422, "neither an approval")
	hubtest.WantStatus(t, dismiss(h.alice, approval.GetID(), ""), 422, "Message can't be blank")
	hubtest.WantStatus(t, dismiss(h.alice, 999, "no"), 404, "")
}

// A review that is not submitted yet is its author's alone.
func TestPendingReviewsAreHidden(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("job/1", "a", "1\n")
	h.open("job/1", "A report")
	bob := h.person("bob", "write")
	v, _, err := bob.PullRequests.CreateReview(hubtest.Within(t), "alice", "reports", 1, &github.PullRequestReviewRequest{Body: github.String("draft")})
	if err != nil || v.GetState() != "PENDING" {
		t.Fatalf("%v, %v", v, err)
	}
	for c, want := range map[*github.Client]int{bob: 1, h.alice: 0} {
		list, _, err := c.PullRequests.ListReviews(hubtest.Within(t), "alice", "reports", 1, nil)
		if err != nil || len(list) != want {
			t.Errorf("%v, %v, want %d", list, err, want)
		}
	}
	_, _, err = h.alice.PullRequests.GetReview(hubtest.Within(t), "alice", "reports", 1, v.GetID())
	hubtest.WantStatus(t, err, 404, "")
}

func TestPermissionLevels(t *testing.T) {
	t.Parallel()
	h := setup(t)
	bob, eve := h.person("bob", "write"), h.person("eve", "read")
	h.user("carol")
	for login, want := range map[string]string{"alice": "admin", "bob": "write", "eve": "read", "carol": "read", "Bob": "write", "github-actions[bot]": "read"} {
		for _, c := range []*github.Client{h.alice, bob, h.run("pull_requests")} {
			got, _, err := c.Repositories.GetPermissionLevel(hubtest.Within(t), "alice", "reports", login)
			if err != nil || got.GetPermission() != want {
				t.Errorf("%s: %v, %v", login, got, err)
			}
		}
	}
	h.configure(func(r *state.Repository) { r.Private = true })
	if got, _, err := h.alice.Repositories.GetPermissionLevel(hubtest.Within(t), "alice", "reports", "carol"); err != nil || got.GetPermission() != "none" {
		t.Errorf("%v, %v", got, err)
	}
	_, _, err := eve.Repositories.GetPermissionLevel(hubtest.Within(t), "alice", "reports", "bob")
	hubtest.WantStatus(t, err, 403, "Must have push access")
	_, _, err = h.alice.Repositories.GetPermissionLevel(hubtest.Within(t), "alice", "reports", "nobody")
	hubtest.WantStatus(t, err, 404, "nobody is not a user")
}
