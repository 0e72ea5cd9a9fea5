package githubjobs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// What holds a job back, what it is told, and what is to be done about it next.
func TestHolding(t *testing.T) {
	t.Parallel()
	soon := at(60)
	for name, c := range map[string]struct {
		spec    Spec
		facts   Facts
		held    Holding
		reason  Reason
		message string // a part of it
		step    Step
		due     time.Time
	}{
		"nothing":              {Spec{}, Facts{}, HeldByNothing, ReasonAccepted, "", StepNone, time.Time{}},
		"a dependency, unseen": {Spec{DependsOn: []string{"b", "c"}}, Facts{}, HeldByDependency, ReasonBlockedByDependency, "it waits for b, c.", StepNone, time.Time{}},
		"many, unseen":         {Spec{DependsOn: []string{"b", "c", "d", "e", "f"}}, Facts{}, HeldByDependency, ReasonBlockedByDependency, "it waits for b, c, d and 2 more", StepNone, time.Time{}},
		"a dependency":         {Spec{DependsOn: []string{"b", "c"}}, Facts{Hold: &HoldFact{After: []string{"c"}, At: at(5)}}, HeldByDependency, ReasonBlockedByDependency, "when all that it depends on is done; it waits for c.", StepNone, time.Time{}},
		"it is done":           {Spec{DependsOn: []string{"b"}}, Facts{Hold: &HoldFact{Met: true, At: at(5)}}, HeldByNothing, ReasonAccepted, "", StepNone, time.Time{}},
		"it has failed":        {Spec{DependsOn: []string{"b"}}, Facts{Hold: &HoldFact{Unmet: "b has failed.", At: at(5)}}, HeldForGood, ReasonBlockedByDependency, "b has failed. This one is about to be ended.", StepNone, time.Time{}},
		"both and a delay":     {Spec{DependsOn: []string{"b"}, DelayUntil: soon, ConcurrencyKey: "k"}, Facts{}, HeldByDependency, ReasonBlockedByDependency, "", StepNone, time.Time{}},
		"then the delay":       {Spec{DependsOn: []string{"b"}, DelayUntil: soon, ConcurrencyKey: "k"}, Facts{Hold: &HoldFact{Met: true, At: at(5)}}, HeldByDelay, ReasonDelayed, "", StepRelease, soon},
		"its turn, unseen":     {Spec{ConcurrencyKey: "k"}, Facts{}, HeldByTurn, ReasonAccepted, "", StepNone, time.Time{}},
		"then its turn":        {Spec{DependsOn: []string{"b"}, ConcurrencyKey: "k"}, Facts{Hold: &HoldFact{Met: true, At: at(5)}}, HeldByTurn, ReasonAccepted, "", StepNone, time.Time{}},
		"its turn":             {Spec{ConcurrencyKey: "k"}, Facts{Hold: &HoldFact{Queued: true, After: []string{"b"}, At: at(5)}}, HeldByTurn, ReasonBlockedByConcurrency, `concurrency_key "k" one at a time is on GitHub. When it came, b was before it.`, StepNone, time.Time{}},
		"it is its turn":       {Spec{ConcurrencyKey: "k"}, Facts{Hold: &HoldFact{Open: true, At: at(5)}}, HeldByNothing, ReasonAccepted, "", StepNone, time.Time{}},
		"pushed elsewhere":     {Spec{DependsOn: []string{"b"}, ConcurrencyKey: "k"}, Facts{Branch: &BranchFact{Head: "c", At: at(1)}}, HeldByNothing, ReasonPushed, "", StepNone, time.Time{}},
		"too late":             {Spec{DependsOn: []string{"b"}, QueueTTLSeconds: 60}, Facts{Hold: &HoldFact{After: []string{"b"}, At: at(5)}}, HeldByDependency, ReasonBlockedByDependency, "", StepExpire, at(60)},
		"open, then too late":  {Spec{ConcurrencyKey: "k", QueueTTLSeconds: 60}, Facts{Hold: &HoldFact{Open: true, At: at(5)}}, HeldByNothing, ReasonAccepted, "", StepExpire, at(60)},
		"cancelled":            {Spec{DependsOn: []string{"b"}}, Facts{Cancel: &CancelFact{By: "Alice", At: at(2)}}, HeldByDependency, ReasonBlockedByDependency, "Alice asked at", StepNone, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := c.facts
			f.ID, f.Spec = "a", &c.spec
			f.Spec.ID, f.Spec.CreatedAt = "a", at(0)
			step, due := f.Next(at(10))
			j := Reduce(f, at(10))
			if held := f.Holding(at(10)); held != c.held || j.Reason != c.reason || !strings.Contains(j.Message, c.message) || step != c.step || !due.Equal(c.due) {
				t.Errorf("held by %q; %s %q; %q at %s", held, j.Reason, j.Message, step, due)
			}
			if unseen := strings.HasSuffix(name, "unseen") || name == "then its turn" || name == "both and a delay"; f.Unseen(at(10)) != unseen {
				t.Errorf("unseen is %t", !unseen)
			}
			if !slices.Equal(j.DependsOn, c.spec.DependsOn) || j.ConcurrencyKey != c.spec.ConcurrencyKey || j.Terminal {
				t.Errorf("%+v", j)
			}
		})
	}
}

// An attempt that somebody asks for waits for its turn, whatever held the job back
// before; one that follows by itself does not.
func TestHoldingOfLaterAttempts(t *testing.T) {
	t.Parallel()
	spec := &Spec{ID: "a", CreatedAt: at(0), DependsOn: []string{"b"}, ConcurrencyKey: "k", DelayUntil: at(1000), Retry: &Retry{BackoffLimit: 3, BackoffSeconds: 1, On: []string{"agent_error"}}}
	failed := Facts{ID: "a", Spec: spec, Hold: &HoldFact{Met: true, Queued: true, Open: true, At: at(1)}, Created: []string{"c"}, Branch: &BranchFact{Head: "c", At: at(1)},
		Runs: []RunFact{run(1, "completed", "failure", 60)}, Settled: []Settled{{7, 1}}}
	if o, ok := failed.Waits(at(90)); !ok || o.Attempt != 2 || failed.Holding(at(90)) != HeldByNothing {
		t.Errorf("by itself: %+v, held by %q", o, failed.Holding(at(90)))
	}
	asked := Merge(failed, Name{"a", 2}.Facts(Facts{Asked: &AskedFact{By: "Alice", At: at(91)}}))
	expect := func(what string, f Facts, held Holding, unseen bool, reason Reason, waits bool) {
		t.Helper()
		o, ok := f.Waits(at(95))
		j := Reduce(f, at(95))
		if f.Holding(at(95)) != held || f.Unseen(at(95)) != unseen || j.Reason != reason || ok != waits || o.Attempt != 2 || !o.Asked {
			t.Errorf("%s: held by %q, unseen %t, %s (%s), waits %t: %+v", what, f.Holding(at(95)), f.Unseen(at(95)), j.Reason, j.Message, ok, o)
		}
	}
	expect("asked", asked, HeldByTurn, true, ReasonRetrying, false)
	queued := Merge(asked, Facts{ID: "a", Hold: &HoldFact{Met: true, Queued: true, After: []string{"z"}, Attempt: 2, At: at(92)}})
	expect("queued", queued, HeldByTurn, false, ReasonBlockedByConcurrency, false)
	expect("cancelled", Merge(queued, Facts{ID: "a", Cancel: &CancelFact{By: "x", At: at(93)}}), HeldByTurn, false, ReasonBlockedByConcurrency, true)
	expect("open", Merge(queued, Facts{ID: "a", Hold: &HoldFact{Met: true, Queued: true, Open: true, Attempt: 2, At: at(93)}}), HeldByNothing, false, ReasonRetrying, true)
	free := *spec
	free.ConcurrencyKey = ""
	asked.Spec = &free
	expect("without a key", asked, HeldByNothing, false, ReasonRetrying, true)
}

// The server that pushes ends the job, so that it never both ends and is pushed; the
// first end stays.
func TestDropOfADependent(t *testing.T) {
	t.Parallel()
	f := Facts{ID: "a", Spec: &Spec{ID: "a", DependsOn: []string{"b"}}, Hold: &HoldFact{After: []string{"b"}, At: at(1)}}
	if f.Drop(at(2)) != nil {
		t.Error("a job that waits is dropped")
	}
	f = Merge(f, Facts{ID: "a", Hold: &HoldFact{Unmet: "The job b, which it depends on, is failed (timed_out).", At: at(3)}})
	drop := f.Drop(at(4))
	if drop == nil || !drop.Dropped {
		t.Fatalf("drop %+v", drop)
	}
	ended := Merge(f, Facts{ID: "a", Dispatch: drop})
	ended = Merge(ended, Facts{ID: "a", Cancel: &CancelFact{By: "Alice", At: at(5)}})
	j := Reduce(ended, at(6))
	if j.Reason != ReasonDependencyFailed || !j.Terminal || !j.FinishedAt.Equal(at(4)) || j.Message != "The job b, which it depends on, is failed (timed_out). So this one was never started." {
		t.Errorf("%+v", j)
	}
	skip := *ended.Spec
	skip.OnDependencyFailure = DependencySkip
	ended.Spec = &skip
	if j := Reduce(ended, at(6)); j.Reason != ReasonSkipped || j.Status != StatusCompleted || !j.Terminal || !strings.Contains(j.Message, "skipped, as its on_dependency_failure says") {
		t.Errorf("%+v", j)
	}
	f.Cancel = &CancelFact{By: "Alice", At: at(5)}
	canceled := Merge(f, Facts{ID: "a", Dispatch: f.Drop(at(6))})
	if j := Reduce(canceled, at(7)); j.Reason != ReasonCanceled {
		t.Errorf("%+v", j)
	}
}

func TestLookAtDependencies(t *testing.T) {
	t.Parallel()
	job := func(id string, change func(*Facts)) Facts {
		f := Facts{ID: id, Spec: &Spec{ID: id, CreatedAt: at(0)}}
		change(&f)
		return f
	}
	ended := func(conclusion string, files int) func(*Facts) {
		return func(f *Facts) {
			f.Runs, f.Settled = []RunFact{run(1, "completed", conclusion, 60)}, []Settled{{7, 1}}
			f.Result = resultFact(OutcomeSuccess, files)
			f.Branch = &BranchFact{Head: "r", At: at(0)}
		}
	}
	pull := func(p PullFact) func(*Facts) {
		return func(f *Facts) {
			ended("success", 1)(f)
			p.Number, p.HeadSHA = 1, "r"
			f.Pulls = []PullFact{p}
		}
	}
	for name, c := range map[string]struct {
		change func(*Facts)
		met    bool
		unmet  string
	}{
		"accepted":       {func(*Facts) {}, false, ""},
		"running":        {func(f *Facts) { f.Runs = []RunFact{run(1, "in_progress", "", 60)} }, false, ""},
		"merged":         {pull(PullFact{Merged: true, MergedAt: at(55)}), true, ""},
		"open":           {pull(PullFact{Open: true}), true, ""},
		"closed":         {pull(PullFact{}), true, ""},
		"no changes":     {ended("success", 0), true, ""},
		"failed":         {ended("failure", 0), false, "The job b, which it depends on, is failed (agent_error)."},
		"refused":        {func(f *Facts) { f.Dispatch = &Dispatch{Refused: "no"} }, false, "is failed (push_refused)."},
		"cancelled":      {func(f *Facts) { f.Dispatch = &Dispatch{Dropped: true} }, false, "is failed (canceled)."},
		"its own failed": {func(f *Facts) { f.Dispatch = &Dispatch{Dropped: true, Unmet: "x."} }, false, "is failed (dependency_failed)."},
		"skipped": {func(f *Facts) {
			f.Dispatch, f.Spec.OnDependencyFailure = &Dispatch{Dropped: true, Unmet: "x."}, DependencySkip
		}, false, "is completed (skipped)."},
		"about to be ended": {func(f *Facts) { f.Hold = &HoldFact{Unmet: "x."} }, false, "is failed (dependency_failed)."},
		"unknown":           {func(f *Facts) { f.Spec = nil }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			look := LookAt([]Dependency{job("b", c.change).Dependency(at(100)), job("c", ended("success", 0)).Dependency(at(100))}, at(100))
			if look.Met != c.met || !strings.Contains(look.Unmet, c.unmet) || (look.Unmet == "") != (c.unmet == "") || (len(look.After) > 0) == (look.Met || look.Unmet != "") {
				t.Errorf("%+v", look)
			}
		})
	}
}

func TestGoneDependency(t *testing.T) {
	t.Parallel()
	look := LookAt([]Dependency{{ID: "a"}, GoneDependency("b")}, at(1))
	if look.Met || look.Unmet != "The job b, which it depends on, is not known any more, neither here nor on GitHub." {
		t.Errorf("%+v", look)
	}
}

// What was done at a look is not looked at again.
func TestAwaits(t *testing.T) {
	t.Parallel()
	f := Facts{Spec: &Spec{}}
	for i := range 6 {
		f.Spec.DependsOn = append(f.Spec.DependsOn, fmt.Sprint("j", i))
	}
	if got := f.Awaits(); len(got) != 6 {
		t.Errorf("awaits %q", got)
	}
	f.Hold = &HoldFact{After: []string{"j4", "j5"}}
	if got := f.Awaits(); !slices.Equal(got, []string{"j4", "j5"}) {
		t.Errorf("awaits %q", got)
	}
}
