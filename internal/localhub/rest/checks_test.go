package rest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

func TestCheckRuns(t *testing.T) {
	t.Parallel()
	h := setup(t)
	sha := h.branch("job/1", "a", "1")
	h.open("job/1", "A")
	h.pull(1)
	run := h.run("checks")
	made, _, err := run.Checks.CreateCheckRun(hubtest.Within(t), "alice", "reports", github.CreateCheckRunOptions{
		Name: "githubjobs/merge", HeadSHA: sha, Status: github.String("in_progress"), ExternalID: github.String("x"),
		Output: &github.CheckRunOutput{Title: github.String("Checking"), Summary: github.String("…")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.GetStatus() != "in_progress" || made.Conclusion != nil || made.GetApp().GetSlug() != "github-actions" || made.GetHeadSHA() != sha ||
		made.GetOutput().GetTitle() != "Checking" || made.StartedAt == nil || len(made.PullRequests) != 1 {
		t.Errorf("%v", made)
	}
	if p := h.pull(1); p.GetMergeableState() != "unstable" {
		t.Errorf("mergeable_state %s with a check under way", p.GetMergeableState())
	}
	done, _, err := run.Checks.UpdateCheckRun(hubtest.Within(t), "alice", "reports", made.GetID(), github.UpdateCheckRunOptions{
		Name: "githubjobs/merge", Conclusion: github.String("success"), Output: &github.CheckRunOutput{
			Title: github.String("May merge"), Summary: github.String("all is well"),
			Annotations: []*github.CheckRunAnnotation{{Path: github.String("a"), StartLine: github.Int(1), EndLine: github.Int(1),
				AnnotationLevel: github.String("notice"), Message: github.String("here")}},
		}})
	if err != nil || done.GetStatus() != "completed" || done.GetConclusion() != "success" || done.CompletedAt == nil ||
		done.GetOutput().GetAnnotationsCount() != 1 {
		t.Fatalf("%v, %v", done, err)
	}
	if p := h.pull(1); p.GetMergeableState() != "clean" {
		t.Errorf("mergeable_state %s", p.GetMergeableState())
	}
	notes, _, err := h.alice.Checks.ListCheckRunAnnotations(hubtest.Within(t), "alice", "reports", made.GetID(), nil)
	if err != nil || len(notes) != 1 || notes[0].GetMessage() != "here" {
		t.Errorf("%v, %v", notes, err)
	}
	var events []string
	for _, e := range h.seen() {
		if strings.HasPrefix(e, "check_run") {
			events = append(events, e)
		}
	}
	if want := "[check_run created githubjobs/merge check_run completed githubjobs/merge]"; fmt.Sprint(events) != want {
		t.Errorf("events %v", events)
	}
	suite, _, err := h.alice.Checks.GetCheckSuite(hubtest.Within(t), "alice", "reports", made.GetCheckSuite().GetID())
	if err != nil || suite.GetConclusion() != "success" || suite.GetHeadBranch() != "job/1" {
		t.Errorf("%v, %v", suite, err)
	}
}

func TestListCheckRuns(t *testing.T) {
	t.Parallel()
	h := setup(t)
	sha := h.branch("job/1", "a", "1")
	run := h.run("checks")
	for _, name := range []string{"one", "two", "one"} {
		_, _, err := run.Checks.CreateCheckRun(hubtest.Within(t), "alice", "reports", github.CreateCheckRunOptions{Name: name, HeadSHA: sha})
		if err != nil {
			t.Fatal(err)
		}
	}
	for i, tt := range []struct {
		ref  string
		o    github.ListCheckRunsOptions
		want int
	}{
		{sha, github.ListCheckRunsOptions{}, 2},
		{"job/1", github.ListCheckRunsOptions{}, 2},
		{"heads/job/1", github.ListCheckRunsOptions{Filter: github.String("all")}, 3},
		{sha, github.ListCheckRunsOptions{CheckName: github.String("two")}, 1},
		{sha, github.ListCheckRunsOptions{Status: github.String("completed")}, 0},
		{sha, github.ListCheckRunsOptions{AppID: github.Int64(15368)}, 2},
		{sha, github.ListCheckRunsOptions{AppID: github.Int64(1)}, 0},
		{"main", github.ListCheckRunsOptions{}, 0},
	} {
		list, _, err := h.alice.Checks.ListCheckRunsForRef(hubtest.Within(t), "alice", "reports", tt.ref, &tt.o)
		if err != nil || list.GetTotal() != tt.want || len(list.CheckRuns) != tt.want {
			t.Errorf("%d: %d, %v; want %d", i, list.GetTotal(), err, tt.want)
		}
	}
	suites, _, err := h.alice.Checks.ListCheckSuitesForRef(hubtest.Within(t), "alice", "reports", "job/1", nil)
	if err != nil || suites.GetTotal() != 1 {
		t.Errorf("%v, %v", suites, err)
	}
}

func TestCheckRunRefusals(t *testing.T) {
	t.Parallel()
	h := setup(t)
	sha := h.branch("a", "a", "1")
	create := func(c *github.Client, o github.CreateCheckRunOptions) error {
		_, _, err := c.Checks.CreateCheckRun(hubtest.Within(t), "alice", "reports", o)
		return err
	}
	hubtest.WantStatus(t, create(h.alice, github.CreateCheckRunOptions{Name: "x", HeadSHA: sha}), 403, "You must authenticate via a GitHub App.")
	hubtest.WantStatus(t, create(h.run("contents"), github.CreateCheckRunOptions{Name: "x", HeadSHA: sha}), 403, "Resource not accessible by integration")
	run := h.run("checks")
	hubtest.WantStatus(t, create(run, github.CreateCheckRunOptions{HeadSHA: sha}), 422, "name")
	hubtest.WantStatus(t, create(run, github.CreateCheckRunOptions{Name: "x"}), 422, "head_sha")
	hubtest.WantStatus(t, create(run, github.CreateCheckRunOptions{Name: "x", HeadSHA: strings.Repeat("1", 40)}), 422, "No commit found for SHA")
	hubtest.WantStatus(t, create(run, github.CreateCheckRunOptions{Name: "x", HeadSHA: sha, Status: github.String("done")}), 422, "status")
	hubtest.WantStatus(t, create(run, github.CreateCheckRunOptions{Name: "x", HeadSHA: sha, Status: github.String("completed")}), 422, "conclusion")
	hubtest.WantStatus(t, create(run, github.CreateCheckRunOptions{Name: "x", HeadSHA: sha, Conclusion: github.String("good")}), 422, "conclusion")
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	h := setup(t)
	sha := h.branch("job/1", "a", "1")
	set := func(state, name string) {
		t.Helper()
		_, _, err := h.alice.Repositories.CreateStatus(hubtest.Within(t), "alice", "reports", sha, &github.RepoStatus{State: &state, Context: &name})
		if err != nil {
			t.Fatal(err)
		}
	}
	combined := func() string {
		t.Helper()
		c, _, err := h.alice.Repositories.GetCombinedStatus(hubtest.Within(t), "alice", "reports", "job/1", nil)
		if err != nil || c.GetSHA() != sha {
			t.Fatalf("%v, %v", c, err)
		}
		return fmt.Sprintf("%s %d", c.GetState(), c.GetTotalCount())
	}
	for i, step := range []struct{ state, name, want string }{
		{"", "", "pending 0"}, {"success", "a", "success 1"}, {"pending", "b", "pending 2"}, {"error", "b", "failure 2"}, {"success", "b", "success 2"},
	} {
		if step.state != "" {
			set(step.state, step.name)
		}
		if got := combined(); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	all, _, err := h.alice.Repositories.ListStatuses(hubtest.Within(t), "alice", "reports", sha, nil)
	if err != nil || len(all) != 4 || all[0].GetContext() != "b" || all[0].GetState() != "success" || all[0].GetCreator().GetLogin() != "alice" {
		t.Errorf("%v, %v", all, err)
	}
	_, _, err = h.alice.Repositories.CreateStatus(hubtest.Within(t), "alice", "reports", sha, &github.RepoStatus{State: github.String("good")})
	hubtest.WantStatus(t, err, 422, "state")
	_, _, err = h.run("checks").Repositories.CreateStatus(hubtest.Within(t), "alice", "reports", sha, &github.RepoStatus{State: github.String("success")})
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
}
