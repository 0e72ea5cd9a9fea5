package githubjobs

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawHistory(t *rapid.T) *history {
	return newHistory(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") })
}

func merged(news []event) (f Facts) {
	for _, e := range news {
		f = Merge(f, e.facts)
	}
	return f
}

// Whatever order the news of a job's life come in, however often, and whichever of
// them are lost: once GitHub has been read, the job is the same. It is also the same
// when nothing but that read is known.
func TestOrderRepetitionAndLoss(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		end := at(h.second).Add(2 * SlowDelivery) // some states wait for news
		want := Reduce(merged(h.news), end)
		same := func(what string, f Facts) {
			if got := Reduce(f, end); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s:\ngot  %s\nwant %s\nnews %s\nread %s", what, encoded(got), encoded(want), encoded(merged(h.news)), encoded(f))
			}
		}
		shuffled := rapid.Permutation(slices.Concat(h.news, h.news)).Draw(t, "order")
		same("in another order, twice", merged(shuffled))
		if h.forgotten {
			return
		}
		rest := shuffled[:rapid.IntRange(0, len(shuffled)).Draw(t, "kept")]
		same("news lost, then GitHub was read", Merge(merged(rest), h.snapshot()))
		same("GitHub was read, then old news came", Merge(h.snapshot(), merged(rest)))
		same("nothing but a read", h.snapshot())
	})
}

// What an attempt still does once there is a later one changes nothing but the list of
// attempts, whatever it is and in whatever order it comes.
func TestOldAttemptsChangeNothing(t *testing.T) {
	t.Parallel()
	seen := false
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		all := merged(h.news)
		newest := all.present()
		if newest == 1 {
			return
		}
		seen = true
		var without Facts // as of the moment when the newest attempt began
		begun := slices.IndexFunc(h.news, func(e event) bool { return e.facts.Attempt == newest })
		for i, e := range h.news {
			if i < begun || e.facts.Attempt == newest {
				without = Merge(without, e.facts)
			}
			if e.cause == "read" {
				one := e.facts.Of(newest)
				one.ID = "a"
				without = Merge(without, one)
			}
		}
		end := at(h.second).Add(2 * SlowDelivery)
		got, want := Reduce(all, end), Reduce(without, end)
		if got.Attempts, want.Attempts = nil, nil; !reflect.DeepEqual(got, want) {
			t.Fatalf("with what earlier attempts did later:\n%s\nwithout:\n%s", encoded(got), encoded(want))
		}
	})
	if !seen {
		t.Error("no history had a second attempt")
	}
}

// byPerson are the causes for which a job may leave a terminal state.
var byPerson = []string{"re-run", "asked", "merged by a person", "pull request closed", "pull request reopened", "pull request opened", "branch deleted"}

func TestTerminalStatesNeverGoBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		var f Facts
		var last Job
		for _, e := range h.news {
			f = Merge(f, e.facts)
			j := Reduce(f, e.at)
			if last.Terminal && j.Status != last.Status && !slices.Contains(byPerson, e.cause) {
				t.Fatalf("%s (%s) after %q became %s (%s)", last.Status, last.Reason, e.cause, j.Status, j.Reason)
			}
			if last.Terminal && !j.Terminal && e.cause != "re-run" && e.cause != "asked" {
				t.Fatalf("%s (%s) goes on after %q: %s", last.Status, last.Reason, e.cause, j.Reason)
			}
			if last.Status == StatusMerged && j.Status != StatusMerged {
				t.Fatalf("merged, and after %q %s (%s)", e.cause, j.Status, j.Reason)
			}
			last = j
		}
		// Time alone ends jobs, and never wakes one that has ended.
		for wait := time.Minute; wait < 100*time.Hour; wait *= 2 {
			j := Reduce(f, at(h.second).Add(wait))
			if last.Terminal && (j.Status != last.Status || j.Reason != last.Reason) {
				t.Fatalf("%s (%s) became %s (%s) after %s", last.Status, last.Reason, j.Status, j.Reason, wait)
			}
			last = j
		}
	})
}

// Also out of order and with losses, a job whose run is known to have ended goes on
// only with another run or attempt.
func TestEndedRunsStayEnded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		order := rapid.Permutation(h.news).Draw(t, "order")
		end := at(h.second + 1)
		f := Facts{Spec: h.spec()} // without it nobody is told of a job
		var last Job
		for _, e := range order[:rapid.IntRange(0, len(order)).Draw(t, "kept")] {
			f = Merge(f, e.facts)
			j := Reduce(f, end)
			sameRun := j.Attempt == last.Attempt && e.cause != "re-run" && j.Evidence.RunID == last.Evidence.RunID && j.Evidence.RunAttempt == last.Evidence.RunAttempt
			if last.Terminal && last.Evidence.RunStatus == "completed" && sameRun && !j.Terminal {
				t.Fatalf("%s (%s) goes on after %q: %s", last.Status, last.Reason, e.cause, j.Reason)
			}
			last = j
		}
	})
}

// lateness is how late news may be for a state that was told as an end to stay one;
// docs/state-machine.md states it.
const lateness = SlowDelivery

// shown is what somebody sees who asks for a job again and again, while news of it
// arrive, each as late as it may, and reads of GitHub in between.
type shown struct {
	arrivals []event // at is when they arrive
	now      time.Time
}

// late draws when each piece of news arrives. What the server does itself it knows at
// once; news of an attempt arrive before the next has ended.
func late(t *rapid.T, h *history) (s shown) {
	for i, e := range h.news {
		delay := time.Duration(rapid.IntRange(0, int(lateness/time.Second)).Draw(t, "late")) * time.Second
		if e.facts.Dispatch != nil || e.cause == "accepted" || e.cause == "asked" || e.cause == "read" {
			delay = 0
		}
		e.at = e.at.Add(delay)
		for _, next := range h.news[i+1:] {
			if next.cause == "re-run" && next.at.Before(e.at) {
				e.at = next.at
			}
		}
		s.arrivals = append(s.arrivals, e)
		if rapid.IntRange(0, 9).Draw(t, "twice?") == 0 {
			again := e
			again.at = e.at.Add(lateness)
			s.arrivals = append(s.arrivals, again)
		}
	}
	slices.SortStableFunc(s.arrivals, func(a, b event) int { return a.at.Compare(b.at) })
	return s
}

// However late news may be, up to the lateness, in whatever order, with reads of GitHub
// in between: what was told as an end stays, but for another attempt, or for what a
// person did after the run.
func TestEndsAreFinalWhileNewsAreLate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		s := late(t, h)
		var f Facts
		var last Job
		see := func(now time.Time, cause string, byHand bool) {
			j := Reduce(f, now)
			attempt := j.Attempt != last.Attempt || j.Evidence.RunID != last.Evidence.RunID || j.Evidence.RunAttempt != last.Evidence.RunAttempt
			same := j.Status == last.Status && j.Reason == last.Reason
			if last.Terminal && !same && !byHand && !attempt {
				t.Fatalf("%s (%s) became %s (%s) after %q:\n%s", last.Status, last.Reason, j.Status, j.Reason, cause, encoded(f))
			}
			last = j
		}
		for i, e := range s.arrivals {
			f = Merge(f, e.facts)
			see(e.at, e.cause, e.byHand)
			until := at(h.second).Add(3 * lateness)
			if i+1 < len(s.arrivals) {
				until = s.arrivals[i+1].at
			}
			for now := e.at; now.Before(until); now = now.Add(time.Minute) { // time alone
				see(now, "time", false)
			}
		}
	})
}
