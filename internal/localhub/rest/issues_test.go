package rest_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestComments(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("a", "a", "1")
	h.open("a", "A")
	bob := h.client(h.user("bob"))
	create := func(c *github.Client, text string) (*github.IssueComment, error) {
		m, _, err := c.Issues.CreateComment(hubtest.Within(t), "alice", "reports", 1, &github.IssueComment{Body: &text})
		return m, err
	}
	m, err := create(bob, "hello")
	if err != nil || m.GetBody() != "hello" || m.GetUser().GetLogin() != "bob" || m.GetIssueURL() != h.url+"/api/v3/repos/alice/reports/issues/1" {
		t.Fatalf("%v, %v", m, err)
	}
	own, err := create(h.run("issues"), "from the run")
	if err != nil || own.GetUser().GetLogin() != "github-actions[bot]" {
		t.Fatalf("%v, %v", own, err)
	}
	_, err = create(h.run("contents"), "x")
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
	_, err = create(h.client(""), "x")
	hubtest.WantStatus(t, err, 401, "Requires authentication")
	_, err = create(bob, "")
	hubtest.WantStatus(t, err, 422, "body")
	list, _, err := bob.Issues.ListComments(hubtest.Within(t), "alice", "reports", 1, nil)
	if err != nil || len(list) != 2 || h.pull(1).GetComments() != 2 {
		t.Errorf("%v, %v", list, err)
	}
	m, _, err = bob.Issues.EditComment(hubtest.Within(t), "alice", "reports", m.GetID(), &github.IssueComment{Body: github.String("edited")})
	if err != nil || m.GetBody() != "edited" {
		t.Errorf("%v, %v", m, err)
	}
	_, err = bob.Issues.DeleteComment(hubtest.Within(t), "alice", "reports", own.GetID())
	hubtest.WantStatus(t, err, 403, "push access")
	if _, err := h.alice.Issues.DeleteComment(hubtest.Within(t), "alice", "reports", own.GetID()); err != nil {
		t.Error(err)
	}
	_, _, err = bob.Issues.GetComment(hubtest.Within(t), "alice", "reports", own.GetID())
	hubtest.WantStatus(t, err, 404, "Not Found")
	issue, _, err := bob.Issues.Get(hubtest.Within(t), "alice", "reports", 1)
	if err != nil || !issue.IsPullRequest() || issue.GetComments() != 1 || issue.GetTitle() != "A" {
		t.Errorf("%v, %v", issue, err)
	}
}

func TestLabels(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("a", "a", "1")
	h.open("a", "A")
	names := func(list []*github.Label) (names []string) {
		for _, l := range list {
			names = append(names, l.GetName())
		}
		return names
	}
	list, _, err := h.alice.Issues.AddLabelsToIssue(hubtest.Within(t), "alice", "reports", 1, []string{"hold", "job bot/x", "Hold"})
	if err != nil || !slices.Equal(names(list), []string{"hold", "job bot/x"}) || list[0].GetColor() != "ededed" {
		t.Fatalf("%v, %v", list, err)
	}
	if got := names(h.pull(1).Labels); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if _, err := h.alice.Issues.RemoveLabelForIssue(hubtest.Within(t), "alice", "reports", 1, "hold"); err != nil {
		t.Error(err)
	}
	_, err = h.alice.Issues.RemoveLabelForIssue(hubtest.Within(t), "alice", "reports", 1, "hold")
	hubtest.WantStatus(t, err, 404, "Label does not exist")
	list, _, err = h.alice.Issues.ListLabelsByIssue(hubtest.Within(t), "alice", "reports", 1, nil)
	if err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	all, _, err := h.alice.Issues.ListLabels(hubtest.Within(t), "alice", "reports", nil)
	if err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
	_, _, err = h.client(h.user("bob")).Issues.AddLabelsToIssue(hubtest.Within(t), "alice", "reports", 1, []string{"x"})
	hubtest.WantStatus(t, err, 403, "push access")
	if _, _, err := h.run("pull_requests").Issues.AddLabelsToIssue(hubtest.Within(t), "alice", "reports", 1, []string{"HOLD"}); err != nil {
		t.Error(err)
	}
	_, _, err = h.run("pull_requests").Issues.AddLabelsToIssue(hubtest.Within(t), "alice", "reports", 1, []string{"hold", "new"})
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
	if _, _, err := h.run("pull_requests", "issues").Issues.AddLabelsToIssue(hubtest.Within(t), "alice", "reports", 1, []string{"new"}); err != nil {
		t.Error(err)
	}
	made, _, err := h.alice.Issues.CreateLabel(hubtest.Within(t), "alice", "reports", &github.Label{Name: github.String("made"), Description: github.String("by hand")})
	if err != nil || made.GetName() != "made" || made.GetColor() == "" || made.GetDescription() != "by hand" {
		t.Errorf("%v, %v", made, err)
	}
	_, _, err = h.alice.Issues.CreateLabel(hubtest.Within(t), "alice", "reports", &github.Label{Name: github.String("MADE")})
	hubtest.WantStatus(t, err, 422, "Validation Failed")
	_, _, err = h.run("pull_requests").Issues.CreateLabel(hubtest.Within(t), "alice", "reports", &github.Label{Name: github.String("more")})
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
	var labeled []string
	for _, e := range h.seen() {
		if e == "pull_request labeled #1" || e == "pull_request unlabeled #1" {
			labeled = append(labeled, e)
		}
	}
	if fmt.Sprint(labeled) != "[pull_request labeled #1 pull_request labeled #1 pull_request unlabeled #1 pull_request labeled #1 pull_request labeled #1]" {
		t.Errorf("events %v", labeled)
	}
}

func TestReviews(t *testing.T) {
	t.Parallel()
	h := setup(t)
	head := h.branch("a", "a", "1")
	h.open("a", "A")
	bob := h.client(h.user("bob"))
	create := func(c *github.Client, event, body string) (*github.PullRequestReview, error) {
		o := &github.PullRequestReviewRequest{Body: &body}
		if event != "" {
			o.Event = &event
		}
		v, _, err := c.PullRequests.CreateReview(hubtest.Within(t), "alice", "reports", 1, o)
		return v, err
	}
	v, err := create(bob, "APPROVE", "fine")
	if err != nil || v.GetState() != "APPROVED" || v.GetCommitID() != head || v.SubmittedAt == nil || v.GetUser().GetLogin() != "bob" {
		t.Fatalf("%v, %v", v, err)
	}
	if v, err := create(bob, "", "later"); err != nil || v.GetState() != "PENDING" || v.SubmittedAt != nil {
		t.Errorf("%v, %v", v, err)
	}
	_, err = create(h.alice, "APPROVE", "")
	hubtest.WantStatus(t, err, 422, "Can not approve your own pull request")
	_, err = create(bob, "COMMENT", "")
	hubtest.WantStatus(t, err, 422, "Body can't be blank")
	_, err = create(bob, "SHRUG", "x")
	hubtest.WantStatus(t, err, 422, "event")
	_, err = create(h.run("pull_requests"), "APPROVE", "")
	hubtest.WantStatus(t, err, 403, "GitHub Actions is not permitted to create or approve pull requests.")
	h.configure(func(r *state.Repository) { r.Actions.CanApprovePullRequestReviews = true })
	if _, err := create(h.run("pull_requests"), "APPROVE", ""); err != nil {
		t.Error(err)
	}
	list, _, err := bob.PullRequests.ListReviews(hubtest.Within(t), "alice", "reports", 1, nil)
	if err != nil || len(list) != 3 {
		t.Errorf("%v, %v", list, err)
	}
	got, _, err := bob.PullRequests.GetReview(hubtest.Within(t), "alice", "reports", 1, v.GetID())
	if err != nil || got.GetBody() != "fine" {
		t.Errorf("%v, %v", got, err)
	}
}
