package publish

import (
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

func asDraft(labels ...string) func(*githubjobs.Spec) {
	return func(s *githubjobs.Spec) { s.PullRequest = &githubjobs.PullRequest{Draft: true, Labels: labels} }
}

func labelsOf(pull *github.PullRequest) string {
	var names []string
	for _, l := range pull.Labels {
		names = append(names, l.GetName())
	}
	return strings.Join(names, ",")
}

func TestPublishOpensADraftWithLabels(t *testing.T) {
	t.Parallel()
	w := setup(t, base(), asDraft("report", "hold"))
	w.task("new", "1")
	report, result, err := w.publish(githubjobs.OutcomeSuccess)
	must(t, err)
	pull, err := w.repo.Pull(t.Context(), report.Pull)
	must(t, err)
	if !pull.GetDraft() || labelsOf(pull) != "hold,report" || len(report.Warnings) != 0 || result.Problem != nil {
		t.Errorf("draft %v, labels %s, %+v", pull.GetDraft(), labelsOf(pull), report)
	}
}

// A token that may make no labels puts those on the pull request that there are; the result says which it lacks, and the job
// does not fail by it.
func TestPublishWithoutLabels(t *testing.T) {
	t.Parallel()
	w := setup(t, base(), asDraft("Known", "unknown"))
	token, err := w.CreateToken("alice", "labels")
	must(t, err)
	api, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(w.URL(), w.URL())
	must(t, err)
	_, _, err = api.Issues.CreateLabel(t.Context(), "alice", "reports", &github.Label{Name: github.String("known")})
	must(t, err)
	app, key, err := w.CreateApp(localhub.App{Owner: "alice", Slug: "limited", Permissions: map[string]string{"contents": "write", "metadata": "read", "pull_requests": "write"}})
	must(t, err)
	installation, err := w.InstallApp(app.ID, "alice")
	must(t, err)
	w.cfg.Repo, err = hub.New(hub.Config{ServerURL: w.URL(), Owner: "alice", Name: "reports",
		App: &hub.App{ID: app.ID, InstallationID: installation.ID, PrivateKey: key}})
	must(t, err)
	w.task("new", "1")
	report, result, err := w.publish(githubjobs.OutcomeSuccess)
	if err != nil || report.Pull == 0 || result.Problem != nil {
		t.Fatalf("%+v, %+v, %v", report, result, err)
	}
	if len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], `lacks the labels ["unknown"]`) || !strings.Contains(report.Warnings[0], "issues: write") {
		t.Errorf("%q", report.Warnings)
	}
	pull, err := w.repo.Pull(t.Context(), report.Pull)
	must(t, err)
	if labelsOf(pull) != "known" || !strings.Contains(report.Warnings[0], result.Lacks) || !strings.HasPrefix(result.Lacks, "It lacks the labels [\"unknown\"]") {
		t.Errorf("labels %s; the result says %q", labelsOf(pull), result.Lacks)
	}
}

func TestShownChanges(t *testing.T) {
	t.Parallel()
	w := setup(t, map[string]string{"a": "one content", "b": "one content", "c": "another", "empty": ""})
	for _, gone := range []string{"a", "b", "c", "empty"} {
		w.remove(gone)
	}
	w.task("x/a", "one content")
	w.task("x/b", "one content")
	w.task("x/c", "one content")
	w.task("x/empty", "")
	report, result, err := w.publish(githubjobs.OutcomeSuccess)
	must(t, err)
	pull, err := w.repo.Pull(t.Context(), report.Pull)
	must(t, err)
	for _, row := range []string{
		"| renamed | `x/a` from `a` | 11 B |", "| renamed | `x/b` from `b` | 11 B |", "| added | `x/c` | 11 B |", "| removed | `c` |  |",
		"| added | `x/empty` | 0 B |", "| removed | `empty` |  |",
	} {
		if !strings.Contains(pull.GetBody(), row) {
			t.Errorf("the body lacks %q:\n%s", row, pull.GetBody())
		}
	}
	if result.FilesTotal != 8 || strings.Contains(pull.GetBody(), "more") || result.Changes != nil {
		t.Errorf("%+v", result)
	}
}
