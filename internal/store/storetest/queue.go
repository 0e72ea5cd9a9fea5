package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

func lead(t *testing.T, _ *clock, s store.Store) {
	for range 2 {
		one, err := s.Lead(t.Context(), project, func() {})
		ok(t, err)
		other, err := s.Lead(t.Context(), "other", func() {})
		ok(t, err)
		if !one.Since().Equal(Now) {
			t.Errorf("the lead was taken at %s", one.Since())
		}
		ok(t, one.Hold(t.Context()))
		one.Release()
		one.Release()
		ok(t, other.Hold(t.Context()))
		select {
		case <-one.Lost():
			t.Error("a lead that was given up counts as lost")
		default:
		}
		other.Release()
	}
}

func active(t *testing.T, _ *clock, s store.Store) {
	for _, id := range []string{"c", "a", "b", "ended"} {
		ok(t, s.Accept(t.Context(), project, githubjobs.Spec{ID: id, CreatedAt: Now}))
	}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "ended", Dispatch: &githubjobs.Dispatch{Refused: "no", At: Now}}))
	var pages []string
	for after := ""; ; {
		list, err := s.Active(t.Context(), project, after, 2)
		ok(t, err)
		if len(list) == 0 {
			break
		}
		ids := ""
		for _, f := range list {
			if f.Spec == nil {
				t.Errorf("%+v", f)
			}
			ids, after = ids+f.ID, f.ID
		}
		pages = append(pages, ids)
	}
	if got := fmt.Sprint(pages); got != "[ab c]" {
		t.Errorf("pages %s", got)
	}
	if list, err := s.Active(t.Context(), "other", "", 9); err != nil || len(list) != 0 {
		t.Errorf("of another project: %v, %v", list, err)
	}
}

func acceptedWaits(t *testing.T, _ *clock, s store.Store) {
	spec := Spec("a", Now)
	ok(t, s.Accept(t.Context(), project, spec))
	specs, err := s.Waiting(t.Context(), project, 10)
	ok(t, err)
	if len(specs) != 1 || specs[0].ID != "a" || specs[0].Spec.Prompt != spec.Prompt || !specs[0].Spec.CreatedAt.Equal(spec.CreatedAt) {
		t.Fatalf("waiting: %+v, want the job as it was accepted", specs)
	}
	if c := counts(t, s); c.Waiting != 1 || c.Active != 1 || !c.WaitingSince.Equal(Now) {
		t.Fatalf("counts %+v", c)
	}
	if j := reduced(t, s, "a"); j.Reason != githubjobs.ReasonAccepted {
		t.Fatalf("reason %s, want accepted", j.Reason)
	}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Dispatch: &githubjobs.Dispatch{At: Now}}))
	if c := counts(t, s); c.Waiting != 0 || c.Active != 1 || !c.WaitingSince.IsZero() {
		t.Fatalf("counts after the push %+v", c)
	}
}

func waitingOrder(t *testing.T, _ *clock, s store.Store) {
	for i, id := range []string{"c", "a", "b"} {
		ok(t, s.Accept(t.Context(), project, Spec(id, Now.Add(time.Duration(i)*time.Second))))
	}
	specs, err := s.Waiting(t.Context(), project, 2)
	ok(t, err)
	if len(specs) != 2 || specs[0].ID != "c" || specs[1].ID != "a" {
		t.Fatalf("waiting %+v, want c, a", specs)
	}
}

func ids(list []githubjobs.Facts) (ids []string) {
	for _, f := range list {
		ids = append(ids, f.ID)
	}
	return ids
}

func waitingPriority(t *testing.T, _ *clock, s store.Store) {
	for i, priority := range []int{0, 10, -5, 10} {
		spec := Spec(string(rune('a'+i)), Now.Add(time.Duration(i)*time.Second))
		spec.Priority = priority
		ok(t, s.Accept(t.Context(), project, spec))
	}
	list, err := s.Waiting(t.Context(), project, 10)
	ok(t, err)
	if got := ids(list); !slices.Equal(got, []string{"b", "d", "a", "c"}) {
		t.Errorf("waiting %v", got)
	}
	if c := counts(t, s); !c.WaitingSince.Equal(Now) {
		t.Errorf("waiting since %s", c.WaitingSince)
	}
}

func delayed(t *testing.T, clk *clock, s store.Store) {
	until := Now.Add(time.Hour)
	for _, id := range []string{"a", "canceled"} {
		spec := Spec(id, Now)
		spec.DelayUntil = until
		ok(t, s.Accept(t.Context(), project, spec))
	}
	expect := func(want ...string) {
		t.Helper()
		list, err := s.Waiting(t.Context(), project, 10)
		ok(t, err)
		if got := ids(list); !slices.Equal(got, want) {
			t.Errorf("waiting %v, want %v", got, want)
		}
		if c := counts(t, s); c.Waiting != len(want) {
			t.Errorf("%d are counted as waiting, want %d", c.Waiting, len(want))
		}
	}
	expect()
	if j := reduced(t, s, "a"); j.Reason != githubjobs.ReasonDelayed {
		t.Errorf("it is %s", j.Reason)
	}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "canceled", Cancel: &githubjobs.CancelFact{By: "x", At: Now}}))
	expect("canceled") // for the dispatcher to drop it
	clk.at = until
	list, err := s.Due(t.Context(), project, until, 10)
	ok(t, err)
	if got := ids(list); !slices.Equal(got, []string{"a"}) {
		t.Errorf("due %v", got)
	}
	ok(t, s.RefreshJobs(t.Context(), project, "a", "unknown"))
	expect("a", "canceled")
	if list, err = s.Due(t.Context(), project, until.Add(time.Hour), 10); err != nil || len(list) != 0 {
		t.Errorf("due %v, %v", ids(list), err)
	}
}

func due(t *testing.T, _ *clock, s store.Store) {
	cancel := &githubjobs.CancelFact{By: "x", At: Now}
	run := func(status string) []githubjobs.RunFact {
		return []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: status, At: Now}}
	}
	for _, id := range []string{"calm", "later", "now", "waiting"} {
		ok(t, s.Accept(t.Context(), project, Spec(id, Now)))
	}
	later := *cancel
	later.Answer, later.AnsweredAt, later.Run, later.Attempt = githubjobs.CancelAccepted, Now, 1, 1
	ok(t, s.MergeFacts(t.Context(), project,
		githubjobs.Facts{ID: "calm", Runs: run("in_progress")},
		githubjobs.Facts{ID: "later", Runs: run("in_progress"), Cancel: &later},
		githubjobs.Facts{ID: "now", Runs: run("in_progress"), Cancel: cancel},
		githubjobs.Facts{ID: "waiting", Cancel: cancel}))
	expect := func(until time.Time, limit int, want ...string) {
		t.Helper()
		list, err := s.Due(t.Context(), project, until, limit)
		ok(t, err)
		var got []string
		for _, f := range list {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("due until %s, at most %d: %v, want %v", until, limit, got, want)
		}
	}
	expect(Now.Add(-time.Second), 10)
	expect(Now, 10, "now")
	expect(Now.Add(githubjobs.ForceAfter), 10, "now", "later")
	expect(Now.Add(time.Hour), 1, "now")
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "now", Runs: run("completed")}))
	expect(Now.Add(time.Hour), 10, "later")
	ok(t, s.MergeFacts(t.Context(), project, unlabelled("labels")))
	if j := reduced(t, s, "labels"); !j.Terminal || j.Reason != githubjobs.ReasonPROpen {
		t.Errorf("it is %s: %s", j.Reason, j.Message)
	}
	expect(Now.Add(time.Hour), 10, "labels", "later") // though it has ended
	if other, err := s.Due(t.Context(), "other", Now.Add(time.Hour), 10); err != nil || len(other) != 0 {
		t.Errorf("another project: %+v, %v", other, err)
	}
	list, err := s.Waiting(t.Context(), project, 10)
	ok(t, err)
	if len(list) != 1 || list[0].ID != "waiting" || list[0].Cancel == nil {
		t.Errorf("waiting %+v, want the request to cancel with the job", list)
	}
}

// CheckDueAgain checks that a job is looked at again of which an older version told no step. old
// makes the database as that had left it, and migrates it.
func CheckDueAgain(t *testing.T, s store.Store, old func()) {
	ok(t, s.MergeFacts(t.Context(), project, unlabelled("labels")))
	opened := unlabelled("opened")
	opened.Result.Result.Problem = nil
	ok(t, s.MergeFacts(t.Context(), project, opened))
	old()
	due, err := s.Due(t.Context(), project, Now.Add(-time.Hour), 10)
	if ok(t, err); len(due) != 1 || due[0].ID != "labels" {
		t.Errorf("due after the migration: %q", ids(due))
	}
	ok(t, s.RefreshJobs(t.Context(), project, "labels"))
	due, err = s.Due(t.Context(), project, Now.Add(-time.Hour), 10)
	if ok(t, err); len(due) != 0 {
		t.Errorf("due before its time: %q", ids(due))
	}
	due, err = s.Due(t.Context(), project, Now, 10)
	if ok(t, err); len(due) != 1 {
		t.Errorf("due after the look: %q", ids(due))
	}
}

// unlabelled are facts of a job whose pull request the server has opened, and not labelled: it may
// have died in between.
func unlabelled(id string) githubjobs.Facts {
	spec := Spec(id, Now)
	spec.PullRequest = &githubjobs.PullRequest{Labels: []string{"report"}}
	return githubjobs.Facts{
		ID: id, Spec: &spec, Created: []string{"c"}, Branch: &githubjobs.BranchFact{Head: "r", Moved: true, At: Now},
		Runs:  []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: "c", At: Now}},
		Pulls: []githubjobs.PullFact{{Number: 1, Open: true, Base: "main", HeadSHA: "r", At: Now}},
		Result: &githubjobs.ResultFact{SHA: "r", At: Now, Result: githubjobs.Result{Version: 1, ID: id, Attempt: 1, RunID: 1, Outcome: githubjobs.OutcomeSuccess, FilesTotal: 1,
			Problem: &githubjobs.Problem{Reason: githubjobs.ReasonPRForbidden, Message: "Turn it on."}}},
	}
}

func acceptOnce(t *testing.T, _ *clock, s store.Store) {
	ok(t, s.Accept(t.Context(), project, Spec("a", Now)))
	want(t, s.Accept(t.Context(), project, Spec("a", Now.Add(time.Hour))), store.ErrExists)
	if j := reduced(t, s, "a"); !j.CreatedAt.Equal(Now) {
		t.Fatalf("created at %s: the second spec replaced the first", j.CreatedAt)
	}
}
