package webhook

import (
	"encoding/json"

	"github.com/githubjobs/githubjobs/internal/store"
)

// actionsApp is the slug of GitHub Actions, on every GitHub.
const actionsApp = "github-actions"

// checkSuite tells no fact. GitHub makes one for each run and each App,
// but the event names neither run nor workflow nor the repository that the branch is
// of: a suite of a job's branch may be that of any workflow, or of a fork's pull
// request. What ended is told by workflow_run, the gate's verdict by check_run. Of a run
// of Actions both have told all that a verdict may depend on: it would only be judged twice.
func (r *Receiver) checkSuite(d store.Delivery) (reading, error) {
	var e struct {
		Suite struct {
			Status     string `json:"status"`
			HeadBranch string `json:"head_branch"`
			App        struct {
				Slug string `json:"slug"`
			} `json:"app"`
		} `json:"check_suite"`
	}
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	got := nothing("not for us: a check suite is %s; runs and check runs tell more", e.Suite.Status)
	if e.Suite.Status == "completed" && e.Suite.App.Slug != actionsApp {
		got.stir = stirOf("check_suite", e.Suite.HeadBranch)
	}
	return got, nil
}
