package dispatch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// A job that is cancelled before its push is never pushed, also while GitHub cannot be
// reached; one whose push may have gone through waits for the answer of a read.
func TestDrop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{answer: func(n int, _ githubjobs.Spec) (error, error) {
			if n == 0 {
				return nil, &hub.Error{Kind: hub.ErrUnavailable}
			}
			return nil, nil
		}}
		m, r := &memory{facts: map[string]githubjobs.Facts{}}, &reader{}
		d := start(t, g, m, r)
		cancel := func(id string) {
			if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: id, Cancel: &githubjobs.CancelFact{By: "x", At: time.Now()}}); err != nil {
				t.Fatal(err)
			}
		}
		m.add("tried")
		d.Wake()
		synctest.Wait() // its push got no answer
		m.add("good", "cancelled")
		cancel("cancelled")
		r.finds = func() { // the push had gone through
			cancel("tried")
			if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "tried", Dispatch: &githubjobs.Dispatch{At: time.Now()}}); err != nil {
				t.Error(err)
			}
		}
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if last := g.pushes[len(g.pushes)-1]; len(g.pushes) != 2 || !slices.Equal(last.ids, []string{"good"}) {
			t.Errorf("pushes %+v", g.pushes)
		}
		if f := m.facts["cancelled"].Dispatch; f == nil || !f.Dropped {
			t.Errorf("cancelled: %+v", f)
		}
		if f := m.facts["tried"].Dispatch; f == nil || f.Dropped {
			t.Errorf("tried: %+v", f)
		}
	})
}
