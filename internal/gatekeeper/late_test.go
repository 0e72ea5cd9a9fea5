package gatekeeper

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/gate"
)

// behind is a store whose facts are not complete until now, as after an outage while GitHub is read.
type behind struct {
	Store
	complete time.Time
}

func (b *behind) Facts(ctx context.Context, project, id string) (githubjobs.Facts, error) {
	f, err := b.Store.Facts(ctx, project, id)
	f.Complete = b.complete
	return f, err
}

// A row can say that there is a pull request to judge before the facts do: it was written at the end
// of a read that was not noted yet. It is judged once they do, though nothing happens to it.
func TestTimeAloneMakesItOneToJudge(t *testing.T) {
	t.Parallel()
	w := setup(t, merging)
	w.open(1)
	b := &behind{w.store, now.Add(-2 * time.Hour)} // before its run has ended
	clock := now
	w.keeper.Store, w.keeper.Now, w.keeper.book = b, func() time.Time { return clock }, newBook()
	if read, _ := w.pass(); len(read) != 0 {
		t.Errorf("%q are judged before GitHub was read", read)
	}
	b.complete = now
	clock = clock.Add(watchEvery)
	if read, _ := w.pass(); !slices.Equal(read, []string{"1"}) {
		t.Errorf("%q are judged", read)
	}
}

// What waits is judged again though nothing is heard of what it waits for: a webhook may be lost. It
// is so later each time, and after all that has happened to others.
func TestWhatWaitsIsJudgedAgain(t *testing.T) {
	t.Parallel()
	b, list := waiting(2)
	one, at := list[0], now
	var pauses []time.Duration
	for range 8 {
		one.conclude(gate.Report{Waits: true}, at)
		b.isNext(t, one.anew.Add(-time.Second), nil)
		pauses = append(pauses, one.anew.Sub(at))
		at = one.anew
		b.isNext(t, at, one)
		if one.urgent {
			t.Error("it goes before what has happened to others")
		}
		one.due = 0
		b.isNext(t, at, nil)
	}
	if pauses[0] != remindMin || pauses[1] != 2*remindMin || pauses[7] != remindMax {
		t.Errorf("%s", pauses)
	}
	one.conclude(gate.Report{}, at)
	b.isNext(t, at.Add(7*remindMax), nil)
}
