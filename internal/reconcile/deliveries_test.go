package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// seen is what was asked for, how often webhooks were looked for, and how often their
// deliveries were looked through.
func (g *github) seen() (asked []string, looks, sweeps int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.asked), g.looks, len(g.sweeps)
}

func TestRedeliveries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{cost: 1, hooks: []hub.Webhook{{ID: 1, URL: "https://x/webhooks/github"}}}
		for i := range 35 {
			g.failed = append(g.failed, hub.Delivery{GUID: fmt.Sprint("g", i), At: time.Now().Add(time.Duration(i) * time.Second)})
		}
		g.failed = append(g.failed, hub.Delivery{GUID: "came"}, hub.Delivery{GUID: "asked by hand", Asked: true})
		r, _ := setup(t, g, &memory{active: 1})
		synctest.Wait()
		if asked, _, _ := g.seen(); len(asked) != 30 || asked[0] != "g0" {
			t.Errorf("asked for %v, want the oldest 30", asked)
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if asked, _, _ := g.seen(); len(asked) != 35 || slices.Contains(asked, "came") || slices.Contains(asked, "asked by hand") {
			t.Errorf("asked for %v", asked)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		asked, looks, n := g.seen()
		if len(asked) != 35 || looks != 1 || r.State().Requested != 35 || r.State().Note != "" {
			t.Errorf("asked for %d, looked %d times: %+v", len(asked), looks, r.State())
		}
		// Nothing happens any more: one sweep follows, and then none.
		g.mu.Lock()
		g.cost = 0
		g.mu.Unlock()
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if _, _, after := g.seen(); after != n+1 {
			t.Errorf("%d sweeps of a quiet repository, want 1", after-n)
		}
	})
}

func TestRedeliveriesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		github *github
		note   string
	}{
		"forbidden":       {&github{refuse: &hub.Error{Kind: hub.ErrForbidden}}, "Webhooks: read and write"},
		"hidden":          {&github{refuse: &hub.Error{Kind: hub.ErrNotFound}}, "Webhooks: read and write"},
		"no such webhook": {&github{}, "ends in /webhooks/github"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := c.github
				g.cost = 1
				r, _ := setup(t, g, &memory{active: 1})
				time.Sleep(59 * time.Minute)
				synctest.Wait()
				asked, looks, _ := g.seen()
				if s := r.State(); looks != 1 || len(asked) != 0 || !strings.Contains(s.Note, c.note) || s.Problem != nil {
					t.Errorf("looked %d times, asked for %v: %+v", looks, asked, s)
				}
				g.mu.Lock()
				g.refuse, g.hooks = nil, []hub.Webhook{{ID: 1}}
				g.mu.Unlock()
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				_, looks, sweeps := g.seen()
				if s := r.State(); s.Note != "" || looks != 2 || sweeps == 0 {
					t.Errorf("after the right was given: looked %d times, %+v", looks, s)
				}
			})
		})
	}
}

// A failure of the webhooks' record does not make the read incomplete.
func TestRedeliveriesFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{refuse: &hub.Error{Kind: hub.ErrUnavailable}}
		r, _ := setup(t, g, &memory{active: 1})
		time.Sleep(61 * time.Second)
		synctest.Wait()
		if s := r.State(); s.Reads != 3 || s.Problem != nil || s.Failures != 0 {
			t.Errorf("%+v", s)
		}
	})
}
