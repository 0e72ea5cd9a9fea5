package e2e

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// The tests in this file let a person act on GitHub while a job is under way, or after.

const writeReport = `{"job": "Write", "kind": "command", "config": {"script": "mkdir -p reports && echo 1 > reports/a.txt"}}`

// TestCancelOnGitHub cancels a run in the middle of its task.
func TestCancelOnGitHub(t *testing.T) {
	t.Parallel()
	w := start(t, options{})
	id := w.create(`{"job": "Sleep", "kind": "command", "config": {"script": "echo begun; sleep 600"}}`)
	w.until("the task runs", func() bool { return w.status(id).Reason == githubjobs.ReasonRunning })
	_, err := w.github().Actions.CancelWorkflowRunByID(context.Background(), "demo", "reports", w.status(id).Evidence.RunID)
	if _, accepted := errors.AsType[*github.AcceptedError](err); err != nil && !accepted {
		t.Fatal(err)
	}
	job := w.wait(id)
	if job.Status != githubjobs.StatusFailed || job.Reason != githubjobs.ReasonCanceled || job.PullURL != "" {
		t.Errorf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	w.checkAgainstGitHub(job)
}

// TestRerunOnGitHub re-runs a job that failed the first time and succeeds the second.
func TestRerunOnGitHub(t *testing.T) {
	t.Parallel()
	w := start(t, options{})
	id := w.create(`{"job": "Try", "kind": "command", "config": {"script": "[ \"$GITHUB_RUN_ATTEMPT\" = 2 ] || exit 7; mkdir -p reports && echo 2 > reports/a.txt"}}`)
	first := w.wait(id)
	if first.Reason != githubjobs.ReasonTaskFailed || *first.ExitCode != 7 {
		t.Fatalf("the first attempt is %s/%s: %s", first.Status, first.Reason, first.Message)
	}
	w.idle()
	if _, err := w.github().Actions.RerunWorkflowByID(context.Background(), "demo", "reports", first.Evidence.RunID); err != nil {
		t.Fatal(err)
	}
	w.until("the second attempt is known", func() bool { return w.status(id).Evidence.RunAttempt == 2 })
	second := w.wait(id)
	if second.Status != githubjobs.StatusMerged || *second.ExitCode != 0 || second.Evidence.RunAttempt != 2 {
		t.Errorf("the second attempt is %s/%s: %s", second.Status, second.Reason, second.Message)
	}
	w.checkAgainstGitHub(second)
}

// TestPushToTheJobsBranch: what a person pushes there starts a run that does
// nothing, and is no news of the job; the person may merge it.
func TestPushToTheJobsBranch(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{".githubjobs.yml": ""}})
	job := w.wait(w.create(writeReport))
	if job.Reason != githubjobs.ReasonMergeBlocked {
		t.Fatalf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	ctx, client := context.Background(), w.github()
	_, _, err := client.Repositories.CreateFile(ctx, "demo", "reports", "reports/b.txt", &github.RepositoryContentFileOptions{
		Message: github.String("Add a line of my own"), Content: []byte("b\n"), Branch: &job.Branch,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.idle()
	runs, _, err := client.Actions.ListRepositoryWorkflowRuns(ctx, "demo", "reports", &github.ListWorkflowRunsOptions{Branch: job.Branch})
	if err != nil || runs.GetTotalCount() != 2 {
		t.Fatalf("the push started no run of its own: %d runs, %v", runs.GetTotalCount(), err)
	}
	if now := w.status(job.ID); now.Status != githubjobs.StatusCompleted || !now.Terminal {
		t.Errorf("after the push the job is %s/%s: %s", now.Status, now.Reason, now.Message)
	}
	if _, _, err := client.PullRequests.Merge(ctx, "demo", "reports", job.Evidence.Pull, "", &github.PullRequestOptions{MergeMethod: "squash"}); err != nil {
		t.Fatal(err)
	}
	w.until("the merge is known", func() bool { return w.status(job.ID).Status == githubjobs.StatusMerged })
}

// TestRerunOfAMergedJob takes nothing back.
func TestRerunOfAMergedJob(t *testing.T) {
	t.Parallel()
	w := start(t, options{})
	job := w.wait(w.create(writeReport))
	if job.Status != githubjobs.StatusMerged {
		t.Fatalf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	w.idle()
	if _, err := w.github().Actions.RerunWorkflowByID(context.Background(), "demo", "reports", job.Evidence.RunID); err != nil {
		t.Fatal(err)
	}
	w.until("the second attempt is known", func() bool { return w.status(job.ID).Evidence.RunAttempt == 2 })
	w.idle()
	w.until("the second attempt has ended", func() bool { return w.status(job.ID).Evidence.RunStatus == "completed" })
	if now := w.status(job.ID); now.Status != githubjobs.StatusMerged || !now.Terminal {
		t.Errorf("after a re-run the job is %s/%s: %s", now.Status, now.Reason, now.Message)
	}
}
