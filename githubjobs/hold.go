package githubjobs

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// HoldFact is the server's own: what held an accepted job back when it was last looked
// at. Only the server that leads looks.
type HoldFact struct {
	// Met: all that it depends on is done.
	Met bool `json:"met,omitempty"`
	// Unmet says which of the jobs that it depends on has failed. The job is never pushed.
	Unmet string `json:"unmet,omitempty"`
	// Queued: it has come into the queue of its concurrency key, and its policy was applied.
	Queued bool `json:"queued,omitempty"`
	// Open: it was its turn in that queue. This is never taken back.
	Open bool `json:"open,omitempty"`
	// After are the first of the jobs that were to end before.
	After []string `json:"after,omitempty"`
	// Attempt is the one that was held back; 0 is the first, as is 1.
	Attempt int       `json:"attempt,omitempty"`
	At      time.Time `json:"at"`
}

func (h HoldFact) rank() rank {
	return rank{int64(max(h.Attempt, 1)), bit(h.Open), bit(h.Unmet != ""), bit(h.Queued), bit(h.Met)}.at(h.At)
}

// Holding is what holds an accepted job back from its push.
type Holding string

const (
	HeldByNothing    Holding = ""           // it is to be pushed, or was
	HeldByDependency Holding = "dependency" // jobs that it depends on are not done
	HeldByDelay      Holding = "delay"      // it is not time yet
	HeldByTurn       Holding = "turn"       // it is not its turn among the jobs of its concurrency key
	HeldForGood      Holding = "for_good"   // a job that it depends on has failed; it is to be dropped
)

// Holding says what holds the job back. One thing after the other does: a job comes
// into the queue of its key when all that it depends on is done and its delay is over.
// An attempt that somebody has asked for waits for its turn alone. One that follows by
// the job's own policy waits for nothing: the job holds its key until the last one.
func (f Facts) Holding(now time.Time) Holding {
	one, h := f.Present(), f.held()
	switch {
	case f.Spec == nil || !one.unpushed():
		return HeldByNothing
	case one.Attempt > 1 && (f.Spec.ConcurrencyKey == "" || h.Open):
		return HeldByNothing
	case one.Attempt > 1:
		return HeldByTurn
	case h.Unmet != "":
		return HeldForGood
	case len(f.Spec.DependsOn) > 0 && !h.Met:
		return HeldByDependency
	case f.Spec.Delayed(now):
		return HeldByDelay
	case f.Spec.ConcurrencyKey != "" && !h.Open:
		return HeldByTurn
	}
	return HeldByNothing
}

// held is what was found at the last look at the present attempt; zero before.
func (f Facts) held() HoldFact {
	if f.Hold == nil || max(f.Hold.Attempt, 1) != f.present() {
		return HoldFact{}
	}
	return *f.Hold
}

// Queued says whether the present attempt has come into the queue of its key.
func (f Facts) Queued() bool { return f.held().Queued }

// unpushed: nothing says that the job was pushed, or ever will be.
func (f Facts) unpushed() bool {
	return f.Dispatch == nil && f.Branch == nil && len(f.Runs)+len(f.Pulls) == 0 && f.Result == nil
}

// Drop is the fact that ends a job which is not to be pushed any more, since it was
// cancelled or depends on a job that has failed; nil for any other job.
func (f Facts) Drop(now time.Time) *Dispatch {
	switch {
	case f.Cancel != nil:
		return &Dispatch{Dropped: true, At: now}
	case f.Holding(now) == HeldForGood:
		return &Dispatch{Dropped: true, Unmet: f.Hold.Unmet, At: now}
	}
	return nil
}

// dropped decides a job that was ended before its push.
func (v view) dropped() (Reason, string) {
	unmet := v.Dispatch.Unmet
	switch {
	case unmet == "":
		return v.canceled("The job was cancelled before it was pushed.")
	case v.Spec != nil && v.Spec.OnDependencyFailure == DependencySkip:
		return ReasonSkipped, unmet + " So this one was skipped, as its on_dependency_failure says."
	}
	return ReasonDependencyFailed, unmet + " So this one was never started."
}

// blocked decides a job that others hold back; the reason is empty when none do.
func (v view) blocked(now time.Time) (Reason, string) {
	switch held := v.Holding(now); {
	case held == HeldForGood:
		return ReasonBlockedByDependency, v.Hold.Unmet + " This one is about to be ended."
	case held == HeldByDependency:
		after := v.Spec.DependsOn
		if v.Hold != nil && len(v.Hold.After) > 0 {
			after = v.Hold.After
		}
		return ReasonBlockedByDependency, fmt.Sprintf("The job is stored and will be pushed when all that it depends on is done; it waits for %s.", few(after))
	case held == HeldByTurn && v.Queued():
		return ReasonBlockedByConcurrency, fmt.Sprintf("The job is stored and waits for its turn: of the jobs with concurrency_key %q one at a time is on GitHub. When it came, %s was before it.", v.Spec.ConcurrencyKey, few(v.Hold.After))
	}
	return "", ""
}

// mostNamed is how many jobs that others wait for are named; the rest are counted.
const mostNamed = 3

func few(ids []string) string {
	if more := len(ids) - mostNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(ids[:mostNamed], ", "), more)
	}
	return strings.Join(ids, ", ")
}

// Unseen says whether nobody has looked yet at what holds the job back.
func (f Facts) Unseen(now time.Time) bool {
	held := f.Holding(now)
	return f.Present().Cancel == nil && (held == HeldByDependency && f.Hold == nil || held == HeldByTurn && !f.Queued())
}

// nextOfHold is the next step about a job that others hold back, apart from looking at
// them; ok is false when none do.
func (v view) nextOfHold(now time.Time) (step Step, due time.Time, ok bool) {
	switch held := v.Holding(now); {
	case held == HeldByNothing || held == HeldByDelay:
		return StepNone, time.Time{}, false
	case held == HeldForGood || v.startBy().IsZero():
		return StepNone, time.Time{}, true
	}
	return StepExpire, v.startBy(), true
}

// Dependency is a job as those see it that depend on it.
type Dependency struct {
	ID    string
	Done  bool   // they may go on
	Unmet string // says, when they never may, why
}

// Awaits are the jobs that it depends on and that have to be looked at: those before the
// first that was not done at the last look are done.
func (f Facts) Awaits() []string {
	if f.Hold == nil || len(f.Hold.After) == 0 {
		return f.Spec.DependsOn
	}
	return f.Spec.DependsOn[max(0, slices.Index(f.Spec.DependsOn, f.Hold.After[0])):]
}

// LookAt decides about a job that depends on others, by those that it awaits.
func LookAt(awaited []Dependency, now time.Time) HoldFact {
	look := HoldFact{At: now}
	for _, d := range awaited {
		switch {
		case d.Unmet != "":
			return HoldFact{Unmet: d.Unmet, At: now}
		case !d.Done && len(look.After) < mostNamed:
			look.After = append(look.After, d.ID)
		}
	}
	look.Met = len(look.After) == 0
	return look
}

// Dependency is how those see the job that depend on it. It is done when it was merged,
// or is completed and was not skipped.
func (f Facts) Dependency(now time.Time) Dependency {
	if f.Holding(now) == HeldForGood { // as good as dropped
		f.Dispatch = &Dispatch{Dropped: true, Unmet: f.Hold.Unmet}
	}
	d := Dependency{ID: f.ID}
	switch j := Reduce(f, now); {
	case !j.Terminal:
	case j.Status == StatusFailed || j.Reason == ReasonSkipped:
		d.Unmet = fmt.Sprintf("The job %s, which it depends on, is %s (%s).", f.ID, j.Status, j.Reason)
	default:
		d.Done = true
	}
	return d
}

// GoneDependency is a job of which nothing is known, and nothing will be.
func GoneDependency(id string) Dependency {
	return Dependency{ID: id, Unmet: fmt.Sprintf("The job %s, which it depends on, is not known any more, neither here nor on GitHub.", id)}
}
