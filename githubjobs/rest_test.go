package githubjobs

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawStored are facts of a job as they may stand in a store, and a time after they were learnt:
// of one that was accepted, of one whose pull request the server is to open, or some of the news of
// any history; and what callers and the server may have added.
func drawStored(t *rapid.T) (f Facts, now time.Time) {
	h := drawHistory(t)
	now = at(h.second).Add(time.Duration(rapid.IntRange(0, 3600).Draw(t, "later")) * time.Second)
	switch rapid.IntRange(0, 2).Draw(t, "facts") {
	case 0:
		f = Facts{ID: "a", Spec: h.spec()}
	case 1:
		f = forbiddenFacts(rapid.SampledFrom([]string{"success", "failure", "cancelled"}).Draw(t, "conclusion"))
		if rapid.Bool().Draw(t, "opened") {
			f.Pulls = []PullFact{{Number: 1, Open: true, Base: "main", HeadSHA: "r", At: at(15)}}
		}
	default:
		order := rapid.Permutation(h.news).Draw(t, "order")
		f = merged(order[:rapid.IntRange(0, len(order)).Draw(t, "kept")])
	}
	chance := func(what string) bool { return rapid.IntRange(0, 3).Draw(t, what) == 0 }
	seconds := func(what string) time.Time { return at(rapid.IntRange(0, h.second+600).Draw(t, what)) }
	spec := h.spec()
	if chance("ttl") {
		spec.QueueTTLSeconds = rapid.IntRange(1, 7200).Draw(t, "queue_ttl")
	}
	if chance("delayed") {
		spec.DelayUntil = seconds("delay_until")
	}
	if chance("labels") {
		spec.PullRequest = &PullRequest{Labels: []string{"hold"}}
	}
	if f.Spec != nil {
		f.Spec = spec
	}
	if chance("cancel") {
		c := CancelFact{By: "x", At: seconds("cancelled"), Expired: chance("expired")}
		if run := f.Run(); run.ID != 0 && chance("answered") {
			answers := []CancelAnswer{CancelAccepted, CancelRefused, CancelForced, CancelGivenUp}
			c.Of, c.Run, c.Attempt, c.Answer, c.AnsweredAt = f.Name().Attempt, run.ID, run.Attempt, rapid.SampledFrom(answers).Draw(t, "answer"), c.At.Add(time.Second)
		}
		f = Merge(f, Facts{ID: "a", Cancel: &c})
	}
	if run := f.Run(); run.ID != 0 && run.Status != "completed" && chance("lost") {
		f = Merge(f, f.Name().Facts(Facts{Lost: []LostRun{{ID: run.ID, At: now}}}))
	}
	return f, now
}

// A store computes what is to be done about a job when it learns of it, and again when the step is
// due that Next tells, or when a read of GitHub has found a job that has not ended at another
// reason. So time alone must bring about nothing without one of these.
func TestTimeIsTold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, then := drawStored(t)
		if f.Spec == nil {
			return
		}
		if rapid.Bool().Draw(t, "while GitHub is read") { // after which all of it is known
			f.Complete = then.Add(-time.Duration(rapid.IntRange(0, 3600).Draw(t, "behind")) * time.Second)
		}
		before := Reduce(f, then)
		_, due := f.Next(then)
		order, waits := f.Waits(then)
		held, unseen := f.Holding(then), f.Unseen(then)
		f.Complete = time.Time{}
		for wait := time.Second; wait < 100*time.Hour; wait *= 2 {
			now := then.Add(wait)
			if !due.IsZero() && !due.After(now) || !before.Terminal && Reduce(f, now).Reason != before.Reason {
				return // it is computed anew
			}
			step, at := f.Next(now)
			if !at.Equal(due) {
				t.Fatalf("%s: the next step is due at %s, and after %s %q at %s:\n%s", before.Reason, due, wait, step, at, encoded(f))
			}
			if later, is := f.Waits(now); is != waits || later.Name() != order.Name() {
				t.Fatalf("%s: it waits for its push: %t, and after %s %t:\n%s", before.Reason, waits, wait, is, encoded(f))
			}
			if f.Unseen(now) != unseen || f.Holding(now) != held {
				t.Fatalf("%s: it is held by %q, and after %s by %q:\n%s", before.Reason, held, wait, f.Holding(now), encoded(f))
			}
		}
	})
}

// A pull request that waits for the gate is judged, or there is a step after which it is. A store
// finds the first by the job's reason, and the second by its time.
func TestOpenPullRequestsAreSeenTo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f, now := drawStored(t)
		j := Reduce(f, now)
		_, judged := f.ToJudge(now)
		if judged && !slices.Contains(Judged(), j.Reason) {
			t.Fatalf("%s is judged:\n%s", j.Reason, encoded(f))
		}
		v := viewOf(f)
		if f.Spec == nil || v.run == nil || v.pull == nil || !slices.Contains(Judged(), j.Reason) {
			return
		}
		if step, due := f.Next(now); judged == (step == StepOpenPull) {
			t.Fatalf("%s: judged %t, and the next step is %q at %s:\n%s", j.Reason, judged, step, due, encoded(f))
		}
	})
}
