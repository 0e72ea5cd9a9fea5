package gatekeeper

import (
	"fmt"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// waiting are so many pull requests for main, of jobs that are named after their numbers.
func waiting(n int) (book, []*entry) {
	b := newBook()
	list := make([]*entry, n)
	for i := range list {
		list[i] = &entry{id: fmt.Sprint("job-", i), pull: i + 1, base: "main", seen: "x"}
		b.entries[list[i].id] = list[i]
	}
	return b, list
}

// park is what a judgement leaves of a pull request that is behind.
func (b *book) park(t *testing.T, e *entry, now time.Time, first int) {
	t.Helper()
	e.parked, e.due = false, 0
	if got := b.take(e, true, now); got != first {
		t.Fatalf("%s: %d goes first, want %d", e.id, got, first)
	}
	if e.parked {
		b.makeDue(e, false)
	}
}

func (b *book) isNext(t *testing.T, now time.Time, want *entry) {
	t.Helper()
	if got, _, _, _ := b.next(now); got != want {
		t.Fatalf("next is %+v, want %+v", got, want)
	}
}

// One goes after the other, and who went first and took too long goes last.
func TestOneAfterTheOther(t *testing.T) {
	t.Parallel()
	b, list := waiting(4)
	other := &entry{id: "other", pull: 9, base: "release", seen: "x"}
	b.entries["other"] = other
	b.park(t, list[0], now, 0)
	b.park(t, other, now, 0) // another base has its own
	b.park(t, list[1], now, 1)
	b.park(t, list[2], now, 1)
	b.park(t, list[3], now, 1)
	b.isNext(t, now, nil)
	b.move("main", false) // a push: nobody but whose turn it is has to be judged
	if list[0].due == 0 || !list[0].urgent {
		t.Error("whose turn it is is not judged after a push to the base")
	}
	b.isNext(t, now, list[0])
	b.park(t, list[0], now.Add(time.Minute), 0) // it is brought onto the base once more
	list[0].urgent = false

	// It is merged.
	b.leave(list[0])
	delete(b.entries, list[0].id)
	b.isNext(t, now, list[1])
	b.park(t, list[1], now, 0)
	b.isNext(t, now, nil)

	// Its checks do not end.
	late := now.Add(turnFor)
	b.isNext(t, late, list[2])
	b.park(t, list[2], late, 0)
	b.park(t, list[1], late, 3)
	b.isNext(t, late, nil)
	b.leave(list[2])
	b.isNext(t, late, list[3])
}

// Whose time is over gives way by itself, too, and goes on where nobody waits.
func TestATurnThatIsOver(t *testing.T) {
	t.Parallel()
	b, list := waiting(2)
	late := now.Add(turnFor)
	b.park(t, list[0], now, 0)
	b.park(t, list[0], late, 0)
	b.park(t, list[1], late, 1)
	b.park(t, list[0], late.Add(turnFor), 2)
	b.isNext(t, late.Add(turnFor), list[1])
}

// Who is not ready to be merged after a judgement gives its turn to the next one at once.
func TestATurnIsGivenUp(t *testing.T) {
	t.Parallel()
	b, list := waiting(3)
	b.park(t, list[0], now, 0)
	b.park(t, list[1], now, 1)
	b.judged(list[0], true)
	b.isNext(t, now, nil)
	if got := b.holders(now)["main"]; got != 1 {
		t.Errorf("it is the turn of %d", got)
	}
	b.judged(list[2], false) // whose turn it is not
	b.isNext(t, now, nil)
	b.judged(list[0], false)
	b.isNext(t, now, list[1])
	if got := b.holders(now); len(got) != 0 {
		t.Errorf("turns: %v", got)
	}
}

// Something that has happened to a pull request is judged out of its turn; so are other rules.
func TestOutOfTurn(t *testing.T) {
	t.Parallel()
	b, list := waiting(3)
	b.park(t, list[0], now, 0)
	b.park(t, list[1], now, 1)
	b.park(t, list[2], now, 1)
	b.makeDue(list[2], true)
	b.isNext(t, now, list[2])
	list[2].due, list[2].urgent = 0, false
	b.isNext(t, now, nil)
	b.move("main", true)
	if got, _, due, _ := b.next(now); got == nil || due != 3 {
		t.Errorf("%d are judged after a change of the rules", due)
	}
}

// After a push that brings no other rules only those are judged for which it may change something.
func TestAPushChangesNothingForWhatStays(t *testing.T) {
	t.Parallel()
	w := setup(t, merging)
	w.open(1, 2, 3)
	w.keeper.book = newBook()
	w.pass()
	w.keeper.book.entries["job-2"].stays = true
	must(t, putFile(w.URL(), w.token, "other.md", "x\n"))
	w.keeper.Wake("main")
	w.pass()
	if e := w.keeper.book.entries["job-2"]; e.due != 0 || !e.stays {
		t.Errorf("what stays was judged again: %+v", e)
	}
	w.rules(merging + "  max_files: 1\n")
	w.keeper.Wake("main")
	w.pass()
	if e := w.keeper.book.entries["job-2"]; e.due == 0 && e.stays {
		t.Errorf("other rules, and it was not judged again: %+v", e)
	}
}

// Who begins to lead goes on with what was brought onto the base before.
func TestWhoseTurnItWasGoesFirst(t *testing.T) {
	t.Parallel()
	w := setup(t, merging)
	w.open(1, 2, 3, 4, 5, 6, 7, 8)
	f := opened(8)
	f.Updates = []githubjobs.UpdateFact{{SHA: f.Pulls[0].HeadSHA, Result: f.Result.SHA}}
	must(t, w.store.MergeFacts(t.Context(), project, f))
	w.keeper.book = newBook()
	if read, _ := w.pass(); len(read) == 0 || read[0] != "8" {
		t.Errorf("%q are judged, in this order", read)
	}
}
