package reconcile

import (
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

const (
	// calm is how many intervals pass between reads while webhooks arrive, which tell
	// the same sooner.
	calm = 4
	// slow is how many intervals pass between reads while no job is active.
	slow = 10
	// silent is after how many intervals without a webhook these count as silent.
	silent = 2
	// settle is how soon after a read the next one follows that says for certain how a
	// job has ended.
	settle = lag + time.Second
	// firstRetry is how soon a read that failed is tried again; each further failure
	// doubles it, up to the interval.
	firstRetry = time.Second
	// longestAsk bounds the doubling of the time that GitHub asks to wait.
	longestAsk = 15 * time.Minute
	// reserve is the part of the rate limit that reads leave to pushes and to others
	// who use the same credentials: one fifth.
	reserve = 5
)

// situation is what decides when to read next.
type situation struct {
	interval time.Duration
	asked    bool          // a read without delay was asked for
	soon     bool          // the next read settles how a job has ended
	failures int           // in a row
	after    time.Duration // that GitHub asks to wait, by the last failure
	active   bool          // there are jobs that are not at an end
	webhook  time.Duration // since the newest webhook; negative when there was none
	cost     int           // requests of the last read that count on the primary limit
	budget   hub.Budget
}

// pause is the time between the beginnings of two reads.
func (s situation) pause(now time.Time) time.Duration {
	if s.failures > 0 {
		again := min(firstRetry<<min(s.failures-1, 16), s.interval)
		// GitHub asks those who are limited again and again to wait longer and longer.
		return max(again, min(s.after<<min(s.failures-1, 16), max(s.after, longestAsk)))
	}
	return max(s.wanted(), s.affordable(now))
}

// wanted is how soon news should be read.
func (s situation) wanted() time.Duration {
	switch {
	case s.asked:
		return 0
	case s.soon:
		return min(settle, s.interval)
	case !s.active:
		return slow * s.interval
	case s.webhook >= 0 && s.webhook < silent*s.interval:
		return calm * s.interval
	}
	return s.interval
}

// affordable spreads what is left of the rate limit over the time until it is reset.
// Reads that GitHub answers by 304 are free.
func (s situation) affordable(now time.Time) time.Duration {
	left := s.budget.Reset.Sub(now)
	if s.cost == 0 || s.budget.Limit == 0 || left <= 0 {
		return 0
	}
	reads := (s.budget.Remaining - s.budget.Limit/reserve) / s.cost
	if reads <= 0 {
		return left + time.Second
	}
	return left / time.Duration(reads)
}
