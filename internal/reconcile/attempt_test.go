package reconcile_test

import (
	"errors"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Reads keep the attempts of a job apart: each has its runs, its commits and its end; what
// is known of them is not read again; and a run that is gone is missed in its own attempt.
func TestAttemptsAreReadApart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workflow("ubuntu-latest")
	w.submit("a")
	first := w.run("a")
	got, err := w.repo.Submit(t.Context(), []githubjobs.Order{{Spec: spec("a"), Attempt: 2, At: time.Now()}})
	must(t, err)
	must(t, got[0].Err)
	second := w.run("a.2")
	w.eventually("the end of the second attempt is settled", func() error {
		w.read()
		f, err := w.db.Facts(t.Context(), "p", "a")
		if err == nil && (len(f.Of(2).Settled) == 0 || f.Of(1).Run().ID != first.GetID()) {
			err = errors.New("it is not")
		}
		return err
	})
	j := w.job("a", grace)
	if j.Attempt != 2 || j.Branch != "job/a.2" || j.Evidence.RunID != second.GetID() || len(j.Attempts) != 2 || j.Attempts[0].RunURL != first.GetHTMLURL() || j.Reason != githubjobs.ReasonAgentError {
		t.Errorf("%+v", j)
	}
	known, err := w.db.Known(t.Context(), "p", time.Now())
	must(t, err)
	if len(known) != 2 || known[githubjobs.Name{ID: "a", Attempt: 2}].Head != got[0].SHA || known[githubjobs.Name{ID: "a", Attempt: 1}].Head != first.GetHeadSHA() {
		t.Errorf("known %+v", known)
	}
	w.git("update-ref", "-d", "refs/heads/job/a.2")
	w.read()
	f, err := w.db.Facts(t.Context(), "p", "a")
	must(t, err)
	if !f.Of(2).Branch.Deleted || f.Of(1).Branch.Deleted {
		t.Errorf("after the branch of the second was deleted: %+v, %+v", f.Of(1).Branch, f.Of(2).Branch)
	}
}
