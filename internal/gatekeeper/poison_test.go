package gatekeeper

import (
	"slices"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
)

// rounds lets the gatekeeper work like Run does, but for the time that it would sleep, and returns
// the pull requests that were read.
func (w *world) rounds(n int) (read []string) {
	w.t.Helper()
	w.ResetRequests()
	for range n {
		if pause, err := w.keeper.round(w.t.Context(), lease{}); err != nil && pause == 0 {
			w.t.Errorf("an error that holds up all: %v", err)
		}
	}
	return pullsRead(w)
}

// A pull request that GitHub fails to tell of is judged again later, and later each time. It keeps
// none of the others from being judged, neither those to which something has happened nor the rest.
func TestOnePullRequestHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := setup(t, merging)
	at := now
	w.keeper.Now = func() time.Time { return at }
	_, err := w.Faults().Add(faults.Fault{Kind: faults.ServerError, Status: 502, Path: "*/pulls/1"})
	must(t, err)
	w.open(1)
	w.keeper.book = newBook()
	w.rounds(1)
	stir := githubjobs.Facts{ID: "job-1", Stirred: &githubjobs.StirredFact{By: "check_run", At: now}}
	must(t, w.store.MergeFacts(t.Context(), project, stir)) // so that it goes first
	must(t, w.keeper.look(t.Context()))
	w.open(2, 3)
	w.keeper.book.opened = false // so that these are of those that concern all
	if read := w.rounds(5); len(read) != 3 || read[0] != "1" {
		t.Errorf("%q are judged", read)
	}
	if read := w.rounds(5); len(read) != 0 {
		t.Errorf("%q are judged at once again", read)
	}
	at = at.Add(retryMax)
	if read := w.rounds(2); !slices.Equal(read, []string{"1"}) {
		t.Errorf("later %q are judged, want the one that failed", read)
	}
	w.Faults().Clear()
	at = at.Add(retryMax)
	w.rounds(2)
	if e := w.keeper.book.entries["job-1"]; e.due != 0 || e.failed.failures != 0 || w.keeper.State().Due != 0 {
		t.Errorf("it is still due: %+v", e)
	}
}

// A base that GitHub fails to tell of keeps no pull request for another one from being judged, and
// is looked at again.
func TestOneBaseHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	w := setup(t, merging)
	at := now
	w.keeper.Now = func() time.Time { return at }
	_, err := w.Faults().Add(faults.Fault{Kind: faults.ServerError, Status: 502, Path: "*/old"})
	must(t, err)
	old := opened(1)
	old.Spec.Base, old.Pulls[0].Base, old.Pulls[0].ToDefault = "old", "old", false
	must(t, w.store.MergeFacts(t.Context(), project, old))
	w.open(2)
	w.keeper.book = newBook()
	if read := w.rounds(4); !slices.Contains(read, "2") {
		t.Errorf("%q are judged", read)
	}
	if len(w.keeper.book.unseen) != 1 || w.keeper.book.bases["main"] == nil {
		t.Errorf("bases %v, unseen %v", w.keeper.book.bases, w.keeper.book.unseen)
	}
	w.Faults().Clear()
	at = at.Add(2 * retryMin)
	w.rounds(2)
	if len(w.keeper.book.unseen) != 0 || w.keeper.book.bases["old"] == nil {
		t.Errorf("bases %v, unseen %v", w.keeper.book.bases, w.keeper.book.unseen)
	}
}
