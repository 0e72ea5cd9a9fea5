package gatekeeper

import (
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
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
	b.makeDue(b.entries["base-1"], true)
	b.entries["check-2"].failed = putOff{failures: 1, at: now}
	take(now, "base-1", true)
	take(now, "check-2", true)
	take(now, "base-2", false)
	if first, _, due, wait := b.next(now); first != nil || due != 0 || wait != time.Second {
		t.Errorf("%+v, %d, %s", first, due, wait)
	}
	take(now.Add(time.Second), "window", true)
	if first, _, _, wait := b.next(now.Add(time.Hour)); first != nil || wait != lookEvery {
		t.Errorf("%+v, %s", first, wait)
	}
}

// What could not be judged waits, later each time, unless something happens; others don't wait for it.
func TestWhatHasFailedWaits(t *testing.T) {
	t.Parallel()
	b := newBook()
	one := &entry{id: "one", seen: "x"}
	b.entries["one"] = one
	b.makeDue(one, true)
	pauses := []time.Duration{}
	for range 12 {
		one.failed = one.failed.after(now, errLater)
		pauses = append(pauses, one.failed.at.Sub(now))
	}
	if pauses[0] != retryMin || pauses[1] != 2*retryMin || pauses[11] != retryMax {
		t.Errorf("pauses %v", pauses)
	}
	if first, _, due, _ := b.next(now.Add(retryMax - 1)); first != nil || due != 1 {
		t.Errorf("%+v, %d are due", first, due)
	}
	if first, _, _, _ := b.next(now.Add(retryMax)); first != one {
		t.Error("it is forgotten")
	}
	b.makeDue(one, true)
	if first, _, _, _ := b.next(now); first != one {
		t.Error("what has happened to it is no reason to try again")
	}
	limited := &hub.Error{Kind: hub.ErrRateLimited, RetryAfter: time.Hour}
	if p := (putOff{}).after(now, limited); p.at.Sub(now) != time.Hour {
		t.Errorf("put off until %s, and GitHub asks for an hour", p.at)
	}
}
