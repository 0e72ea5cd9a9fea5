package publish

import (
	"errors"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

func TestPublishLeavesTheJobToALaterAttempt(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	submitted, err := w.repo.Submit(t.Context(), []githubjobs.Order{{Spec: spec(), Attempt: 2, At: time.Now()}})
	must(t, err)
	must(t, submitted[0].Err)
	head := w.git("rev-parse", "job/"+jobID)
	w.task("new.md", "new\n")
	report, err := Publish(t.Context(), w.cfg, githubjobs.Result{Outcome: githubjobs.OutcomeSuccess})
	if !errors.Is(err, hub.ErrSuperseded) || report.SHA != "" || report.Pull != 0 || w.git("rev-parse", "job/"+jobID) != head {
		t.Errorf("%+v, %v", report, err)
	}
	// The later one publishes on its own branch.
	w.cfg.Job.Attempt, w.cfg.JobSHA = 2, submitted[0].SHA
	w.task("new.md", "new\n")
	report, err = Publish(t.Context(), w.cfg, githubjobs.Result{Outcome: githubjobs.OutcomeSuccess})
	must(t, err)
	if w.git("rev-parse", "job/"+jobID+".2") != report.SHA || report.Pull == 0 {
		t.Errorf("%+v", report)
	}
}
