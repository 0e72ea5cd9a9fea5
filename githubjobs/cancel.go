package githubjobs

import (
	"fmt"
	"slices"
	"time"
)

// How long GitHub may take to do what it was asked to, before the server does more.
const (
	// ForceAfter: a run that is cancelled has five minutes for the steps that want to
	// run always (docs.github.com, "Workflow cancellation reference").
	ForceAfter = 6 * time.Minute
	// GiveUpAfter: a forced end needs no step's consent.
	GiveUpAfter = 3 * time.Minute
	// refusedAfter is how late the news may be that the run has ended, which is mostly
	// why GitHub refuses to cancel it.
	refusedAfter = time.Minute
)

// Step is what the server has to do about a job by itself.
type Step string

const (
	StepNone        Step = ""
	StepCancel      Step = "cancel"       // ask GitHub to cancel the run
	StepForceCancel Step = "force_cancel" // ask GitHub to end the run whatever its steps want
	StepGiveUp      Step = "give_up"      // delete the branch and count the job as cancelled
	StepRelease     Step = "release"      // the delay of the job, or of its next attempt, is over: it waits for its push
	StepExpire      Step = "expire"       // cancel the job, which has not begun in time
	StepOpenPull    Step = "open_pull"    // open the pull request, which the workflow was not allowed to
)

// Next is the next step about the job, and when it is due; StepNone when there is none,
// however much time passes. What waits for its push is in the dispatcher's hands.
func (f Facts) Next(now time.Time) (step Step, due time.Time) {
	v := viewOf(f)
	c := v.cancel()
	pushed := v.Branch != nil || v.Dispatch != nil && v.Dispatch.Refused == "" && !v.Dispatch.Dropped
	reason, _, next := v.judge(now)
	if !next.IsZero() {
		if v.stopped() || !now.Before(next) { // it waits for the dispatcher
			return StepNone, time.Time{}
		}
		return StepRelease, next
	}
	due, open := v.openBy(now)
	switch {
	case f.Spec == nil:
		return StepNone, time.Time{}
	case open && reason.opens() && (c == nil || v.hasEnded()): // also once the job has ended: its pull request may lack labels
		return StepOpenPull, due
	case c == nil && reason.Status().Terminal():
		return StepNone, time.Time{}
	case c == nil:
		return v.nextOfQueue(now, pushed)
	case c.Answer == CancelGivenUp && (c.Run != 0 || v.run == nil), v.hasEnded(), v.run == nil && !pushed:
		return StepNone, time.Time{}
	case v.run == nil: // a run that is seen later is cancelled then
		return StepGiveUp, later(c.At, v.pushedAt()).Add(SlowStart)
	}
	switch c.Answer {
	case CancelAccepted:
		return StepForceCancel, c.AnsweredAt.Add(ForceAfter)
	case CancelRefused:
		return StepForceCancel, c.AnsweredAt.Add(refusedAfter)
	case CancelForced:
		return StepGiveUp, c.AnsweredAt.Add(GiveUpAfter)
	}
	return StepCancel, c.At
}

// hasEnded says that there is no run which could be cancelled any more.
func (v view) hasEnded() bool {
	if v.run == nil {
		return v.result != nil
	}
	return v.run.Status == "completed" && !v.run.waitsForApproval() || v.lost != nil
}

// nextOfQueue is the next step about a job that nobody wants cancelled.
func (v view) nextOfQueue(now time.Time, pushed bool) (step Step, due time.Time) {
	if step, due, held := v.nextOfHold(now); held {
		return step, due
	}
	waits := v.Branch == nil && v.Dispatch == nil && v.run == nil && v.result == nil
	by := v.startBy()
	switch {
	case waits && v.number == 1 && v.Spec.Delayed(now):
		return StepRelease, v.Spec.DelayUntil
	case by.IsZero(), v.run == nil && !waits && !pushed, v.result != nil, v.lost != nil:
		return StepNone, time.Time{}
	case v.run != nil && !slices.Contains(waiting, v.run.Status) && !v.run.waitsForApproval():
		return StepNone, time.Time{}
	}
	return StepExpire, by
}

// startBy is by when the task must have begun; zero for no limit. A later attempt has
// as long as the first, from when it was wanted.
func (v view) startBy() time.Time {
	if v.number < 2 || v.Spec.QueueTTLSeconds == 0 {
		return v.Spec.StartBy()
	}
	return later(v.from, v.pushedAt()).Add(time.Duration(v.Spec.QueueTTLSeconds) * time.Second)
}

// canceled is the end of a job that was cancelled, or has not begun in time.
func (v view) canceled(how string) (Reason, string) {
	if v.expired() {
		return ReasonNeverStarted, fmt.Sprintf("The task had not begun at %s, when its queue_ttl_seconds were over. %s", v.startBy().UTC().Format(time.RFC3339), how)
	}
	return ReasonCanceled, how + v.asked()
}

// expired: the attempt was ended since it had not begun in time.
func (v view) expired() bool {
	c := v.cancel()
	return c != nil && c.Expired && v.Spec != nil
}

// CancelAsked says whether the server was asked to cancel the present attempt, and
// GitHub has not refused.
func (f Facts) CancelAsked() bool {
	c := viewOf(f).cancel()
	return c != nil && c.Answer != CancelRefused
}

// Run is the run of the present attempt; the zero value while none is known.
func (f Facts) Run() RunFact {
	if run := f.Present().run(); run != nil {
		return *run
	}
	return RunFact{}
}

// cancel is the request to cancel the present attempt; nil when there is none.
func (v view) cancel() *CancelFact {
	c := v.Cancel
	if c == nil || c.Run != 0 && (v.run == nil || c.Run != v.run.ID || c.Attempt != v.run.Attempt) {
		return nil
	}
	return c
}

// givenUp: nothing that the attempt does counts any more.
func (v view) givenUp() bool {
	c := v.cancel()
	return c != nil && c.Answer == CancelGivenUp
}

// asked is the sentence about who had a job cancelled; empty when nobody asked the server to.
func (v view) asked() string {
	c := v.cancel()
	if c == nil {
		return ""
	}
	return fmt.Sprintf(" %s asked for that at %s%s.", c.By, c.At.UTC().Format(time.RFC3339), c.why())
}

func (c CancelFact) why() string {
	if c.Why == "" {
		return ""
	}
	return " (" + c.Why + ")"
}

// canceling is the sentence about a request to cancel a job that has not ended.
func (v view) canceling() string {
	c := v.cancel()
	if c == nil {
		return ""
	}
	s := fmt.Sprintf(" %s asked at %s to cancel it%s", c.By, c.At.UTC().Format(time.RFC3339), c.why())
	if c.Expired {
		s = " It has not begun in time and is being cancelled"
	}
	switch c.Answer {
	case CancelAccepted:
		return s + "; GitHub has taken the request."
	case CancelForced:
		return s + "; GitHub was asked to end the run by force."
	case CancelRefused:
		return s + "; GitHub refused."
	}
	return s + "."
}
