package reconcile_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/reconcile"
)

// unreadable is a GitHub that fails whenever it is asked for one job.
type unreadable struct {
	*hub.Repository
	id    string
	asked int
}

func (u *unreadable) Facts(ctx context.Context, id string) (githubjobs.Facts, error) {
	if id == u.id {
		u.asked++
		return githubjobs.Facts{ID: id}, &hub.Error{Op: "read job " + id, Kind: hub.ErrUnavailable, Status: 502}
	}
	return u.Repository.Facts(ctx, id)
}

// A damaged job that GitHub fails to tell of keeps neither other damaged jobs damaged nor the
// read of the repository incomplete, and is asked for again a minute later.
func TestOneDamagedJobHoldsUpNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, id := range []string{"a", "b", "c"} {
		w.change(id)
		w.submit(id)
		w.result(id, 0)
		w.pull(id, "main")
		w.deleteBranch(id)
	}
	w.read()
	w.restart(func() { w.sql(`UPDATE jobs SET facts = '{}'`) })
	before, err := w.db.Project(t.Context(), "p")
	must(t, err)
	now := time.Now()
	github := &unreadable{Repository: w.repo, id: "b"}
	r := reconcile.New(reconcile.Options{Project: "p", Hub: github, Store: w.db, Interval: time.Hour, Base: func(string) {}, Done: func() {}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	for _, id := range []string{"a", "b", "c"} {
		r.Damaged(id)
	}
	must(t, r.Once(t.Context()))
	for _, id := range []string{"a", "c"} {
		if j := w.job(id, grace); j.Reason != githubjobs.ReasonMerged {
			t.Errorf("%s: %+v", id, j)
		}
	}
	after, err := w.db.Project(t.Context(), "p")
	must(t, err)
	if after.ReconciledAt.Before(before.ReconciledAt) || r.Complete().IsZero() {
		t.Errorf("read until %s, before %s", after.ReconciledAt, before.ReconciledAt)
	}
	must(t, r.Once(t.Context()))
	if github.asked != 1 {
		t.Errorf("asked %d times at once", github.asked)
	}
	now, github.id = now.Add(2*time.Minute), ""
	must(t, r.Once(t.Context()))
	if j := w.job("b", grace); j.Reason != githubjobs.ReasonMerged {
		t.Errorf("b: %+v", j)
	}
}

// Whoever may push may write whatever commits there are onto a job's branch. No date or text
// in one of them keeps the others from being read.
func TestOneOddCommitHoldsUpNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	far := time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -14*60*60))
	odd := spec("odd")
	odd.CreatedAt = far
	odd.Title = "a\x01b\xffc"
	w.byHand("odd", githubjobs.FormatSpec(odd), true)
	w.byHand("text", "job: x\x01\x7f\n\nJob-Spec: {\"v\":1,\"id\":\"text\",\"kind\":\"report\",\"created_at\":\"9999-12-31T23:59:59-14:00\",\"delay_until\":\"9999-12-31T23:59:59-14:00\"}", true)
	w.submit("result")
	w.change("result")
	w.push("result", githubjobs.FormatResult("x", githubjobs.Result{ID: "result", Attempt: 1, Outcome: githubjobs.OutcomeSuccess, StartedAt: far, FinishedAt: far, Log: "\x01\xff"}))
	w.submit("good")
	w.read()
	for _, id := range []string{"good", "result"} {
		if j := w.job(id, 0); j.Kind != githubjobs.KindReport {
			t.Errorf("%s: %+v", id, j)
		}
	}
	must(t, w.reconciler().Once(t.Context()))
}
