package reconcile

import (
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

func TestPause(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	full := hub.Budget{Limit: 5000, Remaining: 5000, Reset: now.Add(time.Hour)}
	left := func(n int) hub.Budget { b := full; b.Remaining = n; return b }
	const i = 30 * time.Second
	for name, c := range map[string]struct {
		s    situation
		want time.Duration
	}{
		"active, no webhook ever":        {situation{active: true, webhook: -1}, i},
		"active, webhooks silent":        {situation{active: true, webhook: time.Minute}, i},
		"active, webhooks arrive":        {situation{active: true, webhook: 59 * time.Second}, 4 * i},
		"idle":                           {situation{webhook: time.Second}, 10 * i},
		"asked for":                      {situation{active: true, asked: true}, 0},
		"a job's end is not certain":     {situation{active: true, soon: true, webhook: time.Second}, 6 * time.Second},
		"asked for while idle":           {situation{asked: true}, 0},
		"failed once":                    {situation{failures: 1, active: true}, time.Second},
		"failed often":                   {situation{failures: 40, active: true}, i},
		"limited, for long":              {situation{failures: 1, after: 40 * time.Minute}, 40 * time.Minute},
		"limited again and again":        {situation{failures: 30, after: time.Minute}, 15 * time.Minute},
		"plenty is left":                 {situation{active: true, webhook: -1, cost: 10, budget: full}, i},
		"little is left":                 {situation{active: true, webhook: -1, cost: 10, budget: left(1100)}, 6 * time.Minute},
		"only the reserve is left":       {situation{active: true, webhook: -1, cost: 10, budget: left(1005)}, time.Hour + time.Second},
		"nothing is left, asked for":     {situation{asked: true, cost: 1, budget: left(0)}, time.Hour + time.Second},
		"little is left, reads are free": {situation{active: true, webhook: -1, budget: left(3)}, i},
		"the limit was reset":            {situation{active: true, webhook: -1, cost: 10, budget: hub.Budget{Limit: 5000, Reset: now}}, i},
	} {
		c.s.interval = i
		if got := c.s.pause(now); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
