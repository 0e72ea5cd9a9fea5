package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// checkAgainstGitHub holds what the server said of a job against what localhub shows.
func (w *world) checkAgainstGitHub(job githubjobs.Job) {
	w.t.Helper()
	client, ctx := w.github(), context.Background()
	run, _, err := client.Actions.GetWorkflowRunByID(ctx, "demo", "reports", job.Evidence.RunID)
	if err != nil || run.GetHTMLURL() != job.RunURL || run.GetStatus() != "completed" || run.GetConclusion() != job.Evidence.RunConclusion {
		w.t.Errorf("the run of the evidence is %+v, %v", run, err)
	}
	if job.PullURL != "" {
		w.checkPull(ctx, client, job)
	}
	_, response, err := client.Repositories.GetBranch(ctx, "demo", "reports", job.Branch, 0)
	gone := response != nil && response.StatusCode == http.StatusNotFound
	switch {
	case job.Status == githubjobs.StatusMerged && !gone:
		w.t.Errorf("the branch of a merged job is still there")
	case job.Status != githubjobs.StatusMerged && err != nil:
		w.t.Errorf("the branch of a job that is not merged is lost: %v", err)
	}
	for _, r := range w.hub.Requests() {
		if r.Status >= 500 {
			w.t.Errorf("localhub answered %d to %s %s", r.Status, r.Method, r.Path)
		}
	}
}

// checkSameBase holds that jobs with pull requests began at the same commit.
func (w *world) checkSameBase(jobs []githubjobs.Job) {
	w.t.Helper()
	dir := w.clone()
	w.git(dir, "fetch", "-q", "origin", "refs/pull/*/head:refs/pull/*")
	bases := map[string]bool{}
	for _, job := range jobs { // result commit → creation commit → base
		bases[w.git(dir, "rev-parse", fmt.Sprintf("refs/pull/%d~2", job.Evidence.Pull))] = true
	}
	if len(bases) != 1 {
		w.t.Errorf("the jobs began at %d different commits", len(bases))
	}
}

func (w *world) checkPull(ctx context.Context, client *github.Client, job githubjobs.Job) {
	w.t.Helper()
	pull, _, err := client.PullRequests.Get(ctx, "demo", "reports", job.Evidence.Pull)
	files, _, listErr := client.PullRequests.ListFiles(ctx, "demo", "reports", job.Evidence.Pull, nil)
	if err := errors.Join(err, listErr); err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, f := range files {
		names = append(names, f.GetFilename())
		if f.GetPreviousFilename() != "" {
			names = append(names, f.GetPreviousFilename())
		}
	}
	slices.Sort(names)
	if pull.GetHTMLURL() != job.PullURL || !slices.Equal(names, job.ChangedFiles) {
		w.t.Errorf("pull request %s changes %q; the status says %s, %q", pull.GetHTMLURL(), names, job.PullURL, job.ChangedFiles)
	}
	if merged := job.Status == githubjobs.StatusMerged; pull.GetMerged() != merged {
		w.t.Errorf("the pull request says merged: %t; the status is %s", pull.GetMerged(), job.Status)
	} else if !merged {
		return
	}
	commit, _, err := client.Git.GetCommit(ctx, "demo", "reports", job.Evidence.MergeSHA)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, trailer := range []string{"\nJob-Id: " + job.ID, "\nJob-Run: " + job.RunURL} {
		if !strings.Contains(commit.GetMessage(), trailer) {
			w.t.Errorf("the squash commit lacks %q:\n%s", trailer, commit.GetMessage())
		}
	}
}
