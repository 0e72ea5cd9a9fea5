package reconcile_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// A job that was removed because it is old is not read again, until GitHub tells of it anew.
func TestRemovedJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.workflow("ubuntu-latest")
	w.change("a")
	w.submit("a")
	w.run("a")
	w.result("a", 0)
	pull := w.pull("a", "main")
	w.deleteBranch("a")
	must(t, w.WaitIdle(t.Context()))
	r := w.reconciler()
	quiet := func() {
		w.eventually("GitHub tells nothing new", func() error {
			w.ResetRequests()
			must(t, r.Once(t.Context()))
			for _, q := range w.Requests() {
				if q.Status != 304 {
					return errors.New(q.Method + " " + q.Path)
				}
			}
			return nil
		})
	}
	quiet()
	before := w.job("a", grace)
	if n, err := w.db.SweepJobs(t.Context(), "p", time.Now().Add(time.Hour), 10); n != 1 || err != nil {
		t.Fatalf("%d jobs were removed, %v", n, err)
	}
	for range 3 {
		// As if all of it were long ago: a read looks back two minutes.
		must(t, w.db.SetReconciled(t.Context(), "p", time.Now().Add(5*time.Minute)))
		w.ResetRequests()
		must(t, r.Once(t.Context()))
		if n := len(w.Requests()); n != 3 {
			t.Errorf("%d requests: %+v", n, w.Requests())
		}
	}
	_, err := w.db.Facts(t.Context(), "p", "a")
	if !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("the job is there again: %v", err)
	}
	_, _, err = w.api.PullRequests.Edit(t.Context(), "alice", "reports", pull.GetNumber(), &github.PullRequest{Body: github.String("A word on this.")})
	must(t, err)
	must(t, r.Once(t.Context()))
	if job := w.job("a", grace); job.Reason != githubjobs.ReasonMerged || job.Log != before.Log || job.Evidence.ResultSHA != before.Evidence.ResultSHA {
		t.Errorf("back is %+v, removed was %+v", job, before)
	}
}
