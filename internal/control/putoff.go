package control

import (
	"cmp"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// mostFailures in a row end a round: then it is not one job that fails.
const mostFailures = 5

// putOff is a job whose step has failed, and when that is tried again. Other jobs do not
// wait for it.
type putOff struct {
	failures int // in a row
	at       time.Time
}

// after is the state after one more failure: later each time, and never earlier than GitHub
// asked for.
func (p putOff) after(now time.Time, err error) putOff {
	pause := max(min(shortest<<min(p.failures, 6), retryMax), hub.RetryAfter(err))
	return putOff{failures: p.failures + 1, at: now.Add(pause)}
}

// arrange lets those go first of which fewer steps have failed, so that no number of jobs
// whose steps fail keeps a round from the others. Unless there are more than listed, it
// forgets what was put off of jobs that are due no more: something else has happened to them.
func (c *Controller) arrange(due []githubjobs.Facts, more bool) {
	slices.SortStableFunc(due, func(a, b githubjobs.Facts) int {
		return cmp.Compare(c.putOffs[a.ID].failures, c.putOffs[b.ID].failures)
	})
	if more {
		return
	}
	kept := make(map[string]putOff, len(c.putOffs))
	for _, f := range due {
		if p, known := c.putOffs[f.ID]; known {
			kept[f.ID] = p
		}
	}
	c.putOffs = kept
}
