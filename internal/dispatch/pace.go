package dispatch

import (
	"math/rand/v2"
	"time"
)

// pace keeps the number of refs within GitHub's limit for any refsWindow.
type pace struct{ pushes []sent }

type sent struct {
	at   time.Time
	refs int
}

func (p *pace) pushed(at time.Time, refs int) { p.pushes = append(p.pushes, sent{at, refs}) }

// room is how many refs may be pushed now; when there are none, wait is how long
// it takes until there are some.
func (p *pace) room(now time.Time) (refs int, wait time.Duration) {
	for len(p.pushes) > 0 && now.Sub(p.pushes[0].at) >= refsWindow {
		p.pushes = p.pushes[1:]
	}
	refs = maxRefs
	for _, s := range p.pushes {
		refs -= s.refs
	}
	if refs > 0 {
		return refs, 0
	}
	return 0, refsWindow - now.Sub(p.pushes[0].at)
}

// How long to wait after a first failure, and at most.
const (
	firstDelay = time.Second
	maxDelay   = time.Minute
)

// retry is when something that failed may be tried again.
type retry struct {
	failures int
	at       time.Time
}

func (r retry) wait(now time.Time) time.Duration { return r.at.Sub(now) }

// after is the state after one more failure: exponential, with jitter so that
// servers do not come back in step, and never earlier than GitHub asked for.
func (r retry) after(now time.Time, asked time.Duration) retry {
	delay := min(firstDelay<<min(r.failures, 16), maxDelay)
	delay = delay/2 + rand.N(delay/2)
	return retry{failures: r.failures + 1, at: now.Add(max(delay, asked))}
}
