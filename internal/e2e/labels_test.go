package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// TestLabelsThatTheRepositoryLacks: the workflow may make no labels. Those that there are are put on
// the pull request; the job is merged all the same, and says what is lacking and what to do.
func TestLabelsThatTheRepositoryLacks(t *testing.T) {
	t.Parallel()
	w := start(t, options{})
	if _, _, err := w.github().Issues.CreateLabel(t.Context(), "demo", "reports", &github.Label{Name: github.String("daily")}); err != nil {
		t.Fatal(err)
	}
	job := w.wait(w.create(strings.Replace(labelledReport, "DRAFT", "false", 1)))
	if job.Status != githubjobs.StatusMerged || !strings.Contains(job.Message, `It lacks the labels ["report"]`) || !strings.Contains(job.Message, `"issues: write"`) {
		t.Errorf("%s/%s: %s", job.Status, job.Reason, job.Message)
	}
	if labels := w.pulls(job.ID)[0].Labels; len(labels) != 1 || labels[0].GetName() != "daily" {
		t.Errorf("its labels are %v", labels)
	}
	w.checkAgainstGitHub(job)
}
