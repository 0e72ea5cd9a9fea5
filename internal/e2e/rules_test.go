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

// ruledByGitHub is a world where main's protection asks for the status ci on a head that has all
// commits of main, and the policy asks for neither. Right after the first pull request was opened
// its head gets the status, and main moves.
func ruledByGitHub(t *testing.T, environment ...string) *world {
	t.Helper()
	var moves afterPull
	w := start(t, options{files: map[string]string{policy.Path: mergesReports}, wrap: moves.wrap, noServer: true, environment: environment})
	err := w.hub.Configure("demo", "reports", func(r *state.Repository) {
		r.Protections = map[string]state.Protection{"main": {UpToDate: true, Checks: []string{"ci"}}}
	})
	if err != nil {
		t.Fatal(err)
	}
	moves.do = func() {
		pull, _, err := w.github().PullRequests.Get(context.Background(), "demo", "reports", 1)
		if err != nil {
			t.Error(err)
			return
		}
		w.setStatus(githubjobs.Job{Evidence: githubjobs.Evidence{PullHeadSHA: pull.GetHead().GetSHA()}}, "success")
		w.setFile("README.md", "# Meanwhile\n")
	}
	w.startServer()
	return w
}

// TestServerCatchesUpForARuleOfGitHub: GitHub refuses the run's merge, since the head lacks a commit
// of the base. The run leaves it to the server, which brings the result onto the base, waits for the
// check there, does so once more when the base moves again, and merges it onto the newest base.
func TestServerCatchesUpForARuleOfGitHub(t *testing.T) {
	t.Parallel()
	w := ruledByGitHub(t)
	id := w.create(writeReport)
	// onto waits until the result was brought onto the newest base, and returns that head.
	onto := func(than string) (job githubjobs.Job) {
		t.Helper()
		w.until("the result is brought onto the newest base", func() bool {
			job = *w.status(id)
			return job.Evidence.ResultSHA != "" && job.Evidence.PullHeadSHA != "" && job.Evidence.PullHeadSHA != job.Evidence.ResultSHA && job.Evidence.PullHeadSHA != than &&
				strings.Contains(job.Message, "checks that GitHub's rules for main ask for have not ended")
		})
		if parents := w.commit(job.Evidence.PullHeadSHA).Parents; len(parents) != 2 || parents[1].GetSHA() != w.mainHead() {
			t.Errorf("the head has the parents %v", parents)
		}
		return job
	}
	first := onto("")
	checks, _, err := w.github().Checks.ListCheckRunsForRef(context.Background(), "demo", "reports", first.Evidence.ResultSHA, &github.ListCheckRunsOptions{CheckName: github.String("githubjobs/merge")})
	if err != nil || len(checks.CheckRuns) != 1 {
		t.Fatalf("%v, %v", checks, err)
	}
	if c := checks.CheckRuns[0]; c.GetConclusion() != "neutral" || c.GetOutput().GetTitle() != "Not merged yet: GitHub's rules ask for a head that has all commits of main." || !strings.Contains(c.GetOutput().GetSummary(), "A server with `MERGE=on` brings the result onto the newest `main`") {
		t.Errorf("the run has told %s: %s\n%s", c.GetConclusion(), c.GetOutput().GetTitle(), c.GetOutput().GetSummary())
	}
	w.setFile("README.md", "# Later\n")
	w.setStatus(first, "success")
	second := onto(first.Evidence.PullHeadSHA)
	newest := w.mainHead()
	w.setStatus(second, "success")
	w.until("the job is merged", func() bool { return w.status(id).Status == githubjobs.StatusMerged })
	job := *w.status(id)
	if merge := w.commit(job.Evidence.MergeSHA); merge.Parents[0].GetSHA() != newest || job.Evidence.PullHeadSHA != second.Evidence.PullHeadSHA || job.Evidence.ResultSHA != first.Evidence.ResultSHA {
		t.Errorf("merged onto %v, and not %s: %+v", merge.Parents, newest, job.Evidence)
	}
	if report, readme := w.contentOfMain("reports/a.txt"), w.contentOfMain("README.md"); report != "1\n" || readme != "# Later\n" {
		t.Errorf("main says %q and %q", report, readme)
	}
	w.idle()
	w.checkAgainstGitHub(*w.status(id))
	w.rebuilds(id)
}
