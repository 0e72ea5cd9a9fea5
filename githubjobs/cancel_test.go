package githubjobs

import (
	"testing"
	"time"
)

func TestNextStepOfACancel(t *testing.T) {
	t.Parallel()
	spec := &Spec{ID: "a", Kind: KindReport, Title: "x", CreatedAt: at(0)}
	asked := func(answer CancelAnswer, second int) *CancelFact {
		return &CancelFact{By: "x", At: at(5), Run: 7, Attempt: 1, Answer: answer, AnsweredAt: at(second)}
	}
	request := &CancelFact{By: "x", At: at(5)}
	for name, c := range map[string]struct {
		facts Facts
		step  Step
		due   time.Time
	}{
		"nobody asked":              {Facts{Runs: []RunFact{run(1, "in_progress", "", 1)}}, StepNone, time.Time{}},
		"the run was deleted":       {Facts{Runs: []RunFact{run(1, "in_progress", "", 1)}, Cancel: request, Lost: []LostRun{{ID: 7, At: at(9)}}}, StepNone, time.Time{}},
		"not pushed":                {Facts{Cancel: request}, StepNone, time.Time{}},
		"dropped":                   {Facts{Cancel: request, Dispatch: &Dispatch{Dropped: true, At: at(6)}}, StepNone, time.Time{}},
		"refused before":            {Facts{Cancel: request, Dispatch: &Dispatch{Refused: "no", At: at(6)}}, StepNone, time.Time{}},
		"pushed, no run":            {Facts{Cancel: request, Dispatch: &Dispatch{At: at(6)}}, StepGiveUp, at(6).Add(SlowStart)},
		"asked long after the push": {Facts{Cancel: request, Dispatch: &Dispatch{At: at(1)}}, StepGiveUp, at(5).Add(SlowStart)},
		"queued":                    {Facts{Cancel: request, Runs: []RunFact{run(1, "queued", "", 1)}}, StepCancel, at(5)},
		"running":                   {Facts{Cancel: request, Runs: []RunFact{run(1, "in_progress", "", 1)}}, StepCancel, at(5)},
		"waiting for approval":      {Facts{Cancel: request, Runs: []RunFact{run(1, "completed", "action_required", 1)}}, StepCancel, at(5)},
		"ended":                     {Facts{Cancel: request, Runs: []RunFact{run(1, "completed", "success", 1)}}, StepNone, time.Time{}},
		"accepted":                  {Facts{Cancel: asked(CancelAccepted, 10), Runs: []RunFact{run(1, "in_progress", "", 1)}}, StepForceCancel, at(10).Add(ForceAfter)},
		"refused, and goes on":      {Facts{Cancel: asked(CancelRefused, 10), Runs: []RunFact{run(1, "in_progress", "", 1)}}, StepForceCancel, at(10).Add(refusedAfter)},
		"forced":                    {Facts{Cancel: asked(CancelForced, 10), Runs: []RunFact{run(1, "in_progress", "", 1)}}, StepGiveUp, at(10).Add(GiveUpAfter)},
		"given up":                  {Facts{Cancel: asked(CancelGivenUp, 10), Runs: []RunFact{run(1, "in_progress", "", 1)}}, StepNone, time.Time{}},
		"given up without a run":    {Facts{Cancel: &CancelFact{By: "x", At: at(5), Answer: CancelGivenUp}}, StepNone, time.Time{}},
		"a run after all":           {Facts{Cancel: &CancelFact{By: "x", At: at(5), Answer: CancelGivenUp}, Runs: []RunFact{run(1, "queued", "", 1)}}, StepCancel, at(5)},
		"run again by a person":     {Facts{Cancel: asked(CancelAccepted, 10), Runs: []RunFact{run(1, "completed", "cancelled", 20), run(2, "in_progress", "", 30)}}, StepNone, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.facts.Spec = spec
			if step, due := c.facts.Next(at(0)); step != c.step || !due.Equal(c.due) {
				t.Errorf("%q at %s, want %q at %s", step, due, c.step, c.due)
			}
		})
	}
}

// A job that has ended is not ended again when the time is over within which it was to begin.
func TestNoNextStepAfterTheEnd(t *testing.T) {
	t.Parallel()
	pushed := Dispatch{At: at(1)}
	for name, f := range map[string]Facts{
		"refused":           {Dispatch: &Dispatch{Refused: "no", At: at(1)}},
		"dropped":           {Dispatch: &Dispatch{Dropped: true, At: at(1)}},
		"run deleted":       {Dispatch: &pushed, Runs: []RunFact{run(1, "queued", "", 1)}, Lost: []LostRun{{ID: 7, At: at(9)}}},
		"branch deleted":    {Dispatch: &pushed, Branch: &BranchFact{Head: "c", Deleted: true, At: at(9)}},
		"cancelled by hand": {Dispatch: &pushed, Runs: []RunFact{run(1, "completed", "cancelled", 9)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.ID, f.Spec, f.Created = "a", &Spec{ID: "a", Kind: KindReport, Title: "x", CreatedAt: at(0), QueueTTLSeconds: 3600}, []string{"c"}
			f.Complete = at(1800)
			if j := Reduce(f, at(1800)); !j.Terminal {
				t.Errorf("it is %s: %s", j.Reason, j.Message)
			}
			if step, due := f.Next(at(1800)); step != StepNone {
				t.Errorf("%q at %s", step, due)
			}
		})
	}
}

// What the server gave up stays cancelled, whatever the run does afterwards; a person's
// re-run is a new attempt.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	f := Facts{ID: "a", Spec: &Spec{ID: "a"}, Cancel: &CancelFact{By: "Alice", Why: "wrong month", At: at(5), Run: 7, Attempt: 1, Answer: CancelGivenUp, AnsweredAt: at(6)}}
	for _, r := range []RunFact{run(1, "in_progress", "", 7), run(1, "completed", "success", 8), run(1, "completed", "failure", 9)} {
		f = Merge(f, Facts{ID: "a", Runs: []RunFact{r}})
		if j := Reduce(f, at(100)); j.Reason != ReasonCanceled || !j.Terminal {
			t.Errorf("%s %s: %s %s", r.Status, r.Conclusion, j.Reason, j.Message)
		}
	}
	f = Merge(f, Facts{ID: "a", Runs: []RunFact{run(2, "in_progress", "", 10)}})
	if j := Reduce(f, at(100)); j.Reason != ReasonRunning {
		t.Errorf("run again: %s %s", j.Reason, j.Message)
	}
}

func TestDropped(t *testing.T) {
	t.Parallel()
	f := Facts{ID: "a", Spec: &Spec{ID: "a"}, Cancel: &CancelFact{By: "Alice", Why: "wrong month", At: at(5)}}
	if j := Reduce(f, at(6)); j.Reason != ReasonAccepted || j.Message != "The job is stored and will be pushed. Alice asked at 2026-01-01T00:00:05Z to cancel it (wrong month)." {
		t.Errorf("%s %q", j.Reason, j.Message)
	}
	f = Merge(f, Facts{ID: "a", Dispatch: &Dispatch{Dropped: true, At: at(7)}})
	j := Reduce(f, at(8))
	if j.Reason != ReasonCanceled || !j.Terminal || !j.FinishedAt.Equal(at(7)) || j.Message != "The job was cancelled before it was pushed. Alice asked for that at 2026-01-01T00:00:05Z (wrong month)." {
		t.Errorf("%s %q %s", j.Reason, j.Message, j.FinishedAt)
	}
}
