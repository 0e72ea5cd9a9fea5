package dispatch

import (
	"math"
	"math/rand/v2"
	"time"

	"golang.org/x/time/rate"
)

// Pace is how fast a repository is pushed to.
type Pace struct {
	// Refs in any 10 seconds. GitHub queues at most 500 runs of a repository within that
	// time; what is pushed beyond starts none (docs.github.com, "Actions limits").
	Refs int
	// Pushes a minute, while there always is more to push; a repository that was quiet
	// takes a few at once. 0 means without limit. GitHub recommends 6 (docs.github.com,
	// "Repository limits").
	Pushes int
}

// GitHubsPace is what GitHub bears.
var GitHubsPace = Pace{Refs: 500, Pushes: 6}

// Drain is how long it takes to push so many jobs.
func (p Pace) Drain(jobs int) time.Duration {
	if jobs <= 0 {
		return 0
	}
	return time.Duration(float64(jobs) / p.perSecond() * float64(time.Second))
}

// Within is how many jobs are pushed in that time.
func (p Pace) Within(d time.Duration) int { return int(p.perSecond() * d.Seconds()) }

// perSecond is how many jobs are pushed in a second while there always is more to push.
func (p Pace) perSecond() float64 {
	perSecond := float64(p.Refs) / refsWindow.Seconds()
	if p.Pushes > 0 {
		perSecond = min(perSecond, float64(p.Pushes)*float64(p.Refs)/time.Minute.Seconds())
	}
	return perSecond
}

const refsWindow = 10 * time.Second

// pace keeps pushes within a Pace.
type pace struct {
	refs    int
	limiter *rate.Limiter
	pushes  []sent // of the last refsWindow
}

// newPace lets a repository that was quiet take the pushes of half a minute at once.
func newPace(p Pace) pace {
	limit := rate.Inf
	if p.Pushes > 0 {
		limit = rate.Limit(float64(p.Pushes) / time.Minute.Seconds())
	}
	return pace{refs: p.Refs, limiter: rate.NewLimiter(limit, max(1, p.Pushes/2))}
}

type sent struct {
	at   time.Time
	refs int
}

func (p *pace) pushed(at time.Time, refs int) {
	p.limiter.AllowN(at, 1)
	p.pushes = append(p.pushes, sent{at, refs})
}

// room is how many of so many jobs may be pushed now; when that is none, wait is how long
// it takes until some may be. Where there is room for a few of many, it is worth to
// wait for the others that make room: few large pushes cost less than many small ones.
func (p *pace) room(now time.Time, jobs int) (refs int, wait time.Duration) {
	if missing := 1 - p.limiter.TokensAt(now); missing > 0 && p.limiter.Limit() != rate.Inf {
		return 0, time.Duration(math.Ceil(missing / float64(p.limiter.Limit()) * float64(time.Second)))
	}
	for len(p.pushes) > 0 && now.Sub(p.pushes[0].at) >= refsWindow {
		p.pushes = p.pushes[1:]
	}
	refs = p.refs
	for _, s := range p.pushes {
		refs -= s.refs
	}
	worth := max(1, min(jobs, p.refs/2))
	for _, s := range p.pushes {
		if refs >= worth {
			break
		}
		refs += s.refs
		wait = refsWindow - now.Sub(s.at)
	}
	if wait > 0 {
		return 0, wait
	}
	return min(refs, jobs), 0
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
