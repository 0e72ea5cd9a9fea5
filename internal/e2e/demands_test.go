package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// TestServerMergesWhatWasAwaited: a check, an approval and a label that holds are waited
// for, which fails neither run nor job and calls nobody; each event makes the server judge
// again, and the last one merges.
func TestServerMergesWhatWasAwaited(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesReports + "  required_approvals: 1\n  required_checks:\n    - {name: ci/build, creator: demo}\n"}})
	job := w.blocked()
	if job.Evidence.RunConclusion != "success" || len(job.Diagnosis) != 1 || job.Diagnosis[0].Code != githubjobs.DiagnosisMergeWaits || !strings.Contains(job.Message, `"ci/build" of demo has not reported`) {
		t.Fatalf("%+v", job)
	}
	ctx, client, pull := context.Background(), w.github(), job.Evidence.Pull
	must := func(_ any, _ *github.Response, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	says := func(what string) {
		t.Helper()
		w.until("the status says "+what, func() bool { return strings.Contains(w.status(job.ID).Message, what) })
	}
	must(client.Issues.AddLabelsToIssue(ctx, "demo", "reports", pull, []string{"Hold"}))
	says("Not merged yet: held by the label Hold.")
	must(client.Repositories.CreateStatus(ctx, "demo", "reports", job.Evidence.PullHeadSHA, &github.RepoStatus{State: github.String("success"), Context: github.String("ci/build")}))
	must(client.PullRequests.CreateReview(ctx, "demo", "reports", pull, &github.PullRequestReviewRequest{Event: github.String("APPROVE")}))
	says("is judged again when somebody takes the label off.")
	if _, err := client.Issues.RemoveLabelForIssue(ctx, "demo", "reports", pull, "hold"); err != nil {
		t.Fatal(err)
	}
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	w.checkAgainstGitHub(*w.status(job.ID))
	if comments := w.comments(pull); len(comments) != 0 {
		t.Errorf("%d comments though nothing was to be mended", len(comments))
	}
}

// TestTheMergeQueueMerges: what is enqueued is not merged until GitHub says so.
func TestTheMergeQueueMerges(t *testing.T) {
	t.Parallel()
	w := start(t, options{noServer: true})
	err := w.hub.Configure("demo", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {MergeQueue: true}}
	})
	if err != nil {
		t.Fatal(err)
	}
	w.startServer()
	job := w.blocked()
	if !strings.HasPrefix(job.Message, "Not merged yet: it is in the merge queue of main.") {
		t.Fatalf("%+v", job)
	}
	if err := w.hub.MergeQueued(context.Background(), "demo", "reports", job.Evidence.Pull); err != nil {
		t.Fatal(err)
	}
	w.until("the job is merged", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
	if sha := w.status(job.ID).Evidence.MergeSHA; sha == "" || w.commit(sha).GetSHA() != sha {
		t.Errorf("merged as %q", sha)
	}
}
