package schedule

import (
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	// OnTime is how late a tick may be decided and still not be one to catch up with:
	// as long as it may take to restart a server, or for another one to take the lead.
	OnTime = time.Minute
	// MaxCatchUp bounds how many late ticks CatchUpAll makes up for: the newest.
	MaxCatchUp = 100
	// lookBack bounds how old a tick can be; none is made up for that is older.
	lookBack = 92 * 24 * time.Hour
)

// Due are the ticks that are to be decided now.
type Due struct {
	Start  []time.Time // a job is to be started for each, the oldest first
	Passed int         // how many others there were, all of them late
	Until  time.Time   // the newest of all; zero when there is none
}

// Due says what became due after a time until now.
func (t Times) Due(after, now time.Time, policy store.CatchUp) (d Due) {
	if oldest := now.Add(-lookBack); after.Before(oldest) {
		after = oldest
	}
	keep, all := keeps(policy), 0
	for tick := t.Next(after); !tick.IsZero() && !tick.After(now); tick = t.Next(tick) {
		d.Until = tick
		all++
		for len(d.Start) > 0 && len(d.Start) >= keep && late(d.Start[0], now) {
			d.Start = d.Start[1:]
		}
		if keep > 0 || !late(tick, now) {
			d.Start = append(d.Start, tick)
		}
	}
	d.Passed = all - len(d.Start)
	return d
}

// keeps is how many ticks are started at most, where some of them are late.
func keeps(policy store.CatchUp) int {
	switch policy {
	case store.CatchUpAll:
		return MaxCatchUp
	case store.CatchUpLast:
		return 1
	}
	return 0
}

func late(tick, now time.Time) bool { return now.Sub(tick) > OnTime }

// Action is what is done about a job that is due.
type Action string

const (
	Start   Action = "start"
	Skip    Action = "skip"
	Replace Action = "replace" // cancel the previous job, then start
)

// Decide says what is done about a job that is due. active says whether the previous
// job of the schedule is not at an end.
func Decide(policy store.Concurrency, active bool) Action {
	switch {
	case !active || policy == store.Allow:
		return Start
	case policy == store.Replace:
		return Replace
	}
	return Skip
}
