package gatekeeper

import (
	"testing"
	"time"
)

// What has happened to one goes before what concerns all, and of each the oldest first; what
// time makes due, such as a merge window that opens, is due then.
func TestOrderOfTheBook(t *testing.T) {
	t.Parallel()
	b := newBook()
	for _, id := range []string{"base-1", "base-2", "check-1", "check-2", "window"} {
		b.entries[id] = &entry{id: id, seen: id}
	}
	b.makeDue(b.entries["base-1"], false)
	b.makeDue(b.entries["base-2"], false)
	b.makeDue(b.entries["check-1"], true)
	b.makeDue(b.entries["check-2"], true)
	b.makeDue(b.entries["check-1"], true) // once more changes nothing
	b.entries["window"].again = now.Add(time.Second)
	take := func(at time.Time, want string, urgent bool) {
		t.Helper()
		first, isUrgent, _, _ := b.next(at)
		if first == nil || first.id != want || isUrgent != urgent {
			t.Fatalf("%+v, urgent %t, want %s", first, isUrgent, want)
		}
		first.due, first.urgent = 0, false
	}
	if _, _, due, _ := b.next(now); due != 4 {
		t.Errorf("%d are due", due)
	}
	take(now, "check-1", true)
	b.putBack(b.entries["check-2"])
	b.makeDue(b.entries["base-1"], true)
	take(now, "check-2", true)
	take(now, "base-1", true)
	take(now, "base-2", false)
	if first, _, due, wait := b.next(now); first != nil || due != 0 || wait != time.Second {
		t.Errorf("%+v, %d, %s", first, due, wait)
	}
	take(now.Add(time.Second), "window", true)
	if first, _, _, wait := b.next(now.Add(time.Hour)); first != nil || wait != lookEvery {
		t.Errorf("%+v, %s", first, wait)
	}
}
