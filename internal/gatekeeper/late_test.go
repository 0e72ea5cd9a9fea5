package gatekeeper

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
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
