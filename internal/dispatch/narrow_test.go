package dispatch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// TestOneBadJobFailsAlone: a hook that refuses whole pushes for one of their refs
// costs the other jobs nothing but time.
func TestOneBadJobFailsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bad = "job-70"
		var refused bool
		g := &github{seen: func(orders []githubjobs.Order) {
			refused = slices.ContainsFunc(orders, func(o githubjobs.Order) bool { return o.Spec.ID == bad })
		}}
		g.answer = func(int, githubjobs.Spec) (error, error) {
			if refused {
				return &hub.Error{Kind: hub.ErrRefused, Message: "pre-receive hook declined"}, nil
			}
			return nil, nil
		}
		m, d := setup(t, g)
		m.add(ids(100, "job-")...)
		d.Wake()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		for _, id := range ids(100, "job-") {
			f := m.facts[id].Dispatch
			if f == nil || (f.Refused != "") != (id == bad) {
				t.Errorf("%s: %+v", id, f)
			}
		}
		if len(g.pushes) > 40 {
			t.Errorf("it took %d pushes", len(g.pushes))
		}
	})
}
