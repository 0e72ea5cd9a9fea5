package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// attempts follows jobs that this store never took from a caller (it was rebuilt, say)
// from the failure of an attempt to the push of the next one.
func attempts(t *testing.T, clk *clock, s store.Store) {
	failed := func(id string) githubjobs.Facts {
		spec := Spec(id, Now)
		spec.Retry = &githubjobs.Retry{BackoffLimit: 1, BackoffSeconds: 60}
		spec.Normalize(Now)
		result := githubjobs.Result{Version: 1, ID: id, RunID: 7, Attempt: 1, Outcome: githubjobs.OutcomeFailure}
		return githubjobs.Facts{
			ID: id, Spec: &spec, Created: []string{"c"}, Branch: &githubjobs.BranchFact{Head: "r", Moved: true, At: Now},
			Runs:   []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: "c", At: Now}},
			Result: &githubjobs.ResultFact{SHA: "r", Result: result, At: Now},
		}
	}
	waits := func(want ...string) {
		t.Helper()
		list, err := s.Waiting(t.Context(), project, 10)
		ok(t, err)
		var got []string
		for _, f := range list {
			if o, waits := f.Waits(clk.at); waits {
				got = append(got, o.Name().String())
			}
		}
		if !slices.Equal(got, want) || counts(t, s).Waiting != len(want) {
			t.Errorf("%v wait, %d are counted, want %v", got, counts(t, s).Waiting, want)
		}
	}
	first := failed("a")
	next := Now.Add(first.Spec.Backoff(1))
	ok(t, s.MergeFacts(t.Context(), project, first, failed("asked"), failed("canceled")))
	waits()
	if j := reduced(t, s, "a"); j.Reason != githubjobs.ReasonRetrying || counts(t, s).Active != 3 {
		t.Errorf("%s, %d active", j.Reason, counts(t, s).Active)
	}
	ok(t, s.MergeFacts(t.Context(), project,
		githubjobs.Facts{ID: "asked", Attempt: 2, Asked: &githubjobs.AskedFact{By: "x", At: Now}},
		githubjobs.Facts{ID: "canceled", Cancel: &githubjobs.CancelFact{By: "x", At: Now}}))
	waits("asked.2", "canceled.2") // the latter for the dispatcher to drop it
	list, err := s.Due(t.Context(), project, next, 10)
	ok(t, err)
	if got := ids(list); !slices.Equal(got, []string{"a"}) {
		t.Errorf("due %v", got)
	}
	clk.at = next
	ok(t, s.RefreshJobs(t.Context(), project, "a"))
	waits("a.2", "asked.2", "canceled.2")
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Attempt: 2, Dispatch: &githubjobs.Dispatch{At: next}},
		githubjobs.Facts{ID: "asked", Attempt: 2, Created: []string{"d"}, Branch: &githubjobs.BranchFact{Head: "d", At: next}},
		githubjobs.Facts{ID: "canceled", Attempt: 2, Dispatch: &githubjobs.Dispatch{Dropped: true, At: next}}))
	waits()
	if j := reduced(t, s, "canceled"); j.Reason != githubjobs.ReasonCanceled {
		t.Errorf("the cancelled one is %s", j.Reason)
	}
	// What an attempt does that is not the newest changes no column.
	clk.at = next.Add(time.Minute)
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "asked", Pulls: []githubjobs.PullFact{{Number: 1, Merged: true, HeadSHA: "r", Base: "main", At: clk.at}}}))
	page, err := s.List(t.Context(), project, store.Query{Status: githubjobs.StatusPending})
	ok(t, err)
	for _, l := range page.Jobs {
		if l.Attempt != 2 || l.Reason != githubjobs.ReasonPushed {
			t.Errorf("listed %+v", l)
		}
	}
	if len(page.Jobs) != 2 {
		t.Errorf("%d are listed as pending, want 2", len(page.Jobs))
	}
}
