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
		end := at(h.second + 1)
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

// byPerson are the causes for which a job may leave a terminal state.
var byPerson = []string{"re-run", "merged by a person", "pull request closed", "pull request reopened", "pull request opened", "branch deleted"}

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
			if last.Terminal && !j.Terminal && e.cause != "re-run" {
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
		var f Facts
		var last Job
		for _, e := range order[:rapid.IntRange(0, len(order)).Draw(t, "kept")] {
			f = Merge(f, e.facts)
			j := Reduce(f, end)
			sameRun := j.Evidence.RunID == last.Evidence.RunID && j.Evidence.RunAttempt == last.Evidence.RunAttempt
			if last.Terminal && last.Evidence.RunStatus == "completed" && sameRun && !j.Terminal {
				t.Fatalf("%s (%s) goes on after %q: %s", last.Status, last.Reason, e.cause, j.Reason)
			}
			last = j
		}
	})
}
