package dispatch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// TestJobsOfAnEarlierProcess: they may have been pushed, merged and deleted; only a
// read of GitHub tells.
func TestJobsOfAnEarlierProcess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, m := &github{}, &memory{facts: map[string]githubjobs.Facts{}}
		m.add("merged", "lost")
		time.Sleep(time.Minute)
		r := &reader{finds: func() {
			if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "merged", Dispatch: &githubjobs.Dispatch{At: time.Now()}}); err != nil {
				t.Error(err)
			}
		}}
		d := start(t, g, m, r)
		m.add("new") // is not held up by the read
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		var pushed []string
		for _, p := range g.pushes {
			pushed = append(pushed, p.ids...)
		}
		slices.Sort(pushed)
		if !slices.Equal(pushed, []string{"lost", "new"}) {
			t.Errorf("pushed %q, want lost and new", pushed)
		}
	})
}

// TestKeyAfterALoss: a server without memory is asked for the job of a key. Whether
// GitHub has it, merged and its branch deleted, only a complete read tells.
func TestKeyAfterALoss(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, m := &github{}, &memory{facts: map[string]githubjobs.Facts{}}
		r := &reader{finds: func() {
			if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "merged", Dispatch: &githubjobs.Dispatch{At: time.Now()}}); err != nil {
				t.Error(err)
			}
		}}
		d := start(t, g, m, r)
		m.addKeyed("merged", "never-seen")
		m.add("no-key") // is not held up by the read
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(g.pushes) != 2 || !slices.Equal(g.pushes[0].ids, []string{"no-key"}) || !slices.Equal(g.pushes[1].ids, []string{"never-seen"}) {
			t.Errorf("pushes %+v, want no-key, then never-seen", g.pushes)
		}
		reads := r.reads
		m.addKeyed("later") // everything that was lost is known by now
		d.Wake()
		synctest.Wait()
		if len(g.pushes) != 3 || r.reads != reads {
			t.Errorf("pushes %+v and %d more reads, want later without another read", g.pushes, r.reads-reads)
		}
	})
}

// TestPushWithoutAnswer: whether GitHub took the push, only a read that began after it tells.
func TestPushWithoutAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{answer: func(int, githubjobs.Spec) (error, error) { return nil, &hub.Error{Kind: hub.ErrUnavailable} }}
		m := &memory{facts: map[string]githubjobs.Facts{}}
		r := &reader{finds: func() {
			if err := m.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "a", Dispatch: &githubjobs.Dispatch{At: time.Now()}}); err != nil {
				t.Error(err)
			}
		}}
		d := start(t, g, m, r)
		m.add("a")
		d.Wake()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if len(g.pushes) != 1 || r.reads == 0 {
			t.Errorf("%d pushes and %d reads, want one push and then a read", len(g.pushes), r.reads)
		}
	})
}
