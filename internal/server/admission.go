package server

import (
	"context"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/internal/dispatch"
)

// admitEvery is how long the number of waiting jobs is taken to be the same.
const admitEvery = 100 * time.Millisecond

func (c Config) pace() dispatch.Pace {
	return dispatch.Pace{Refs: c.RefsPer10Seconds, Pushes: c.PushesPerMinute}
}

// admission keeps the answer of the last look at the queue.
type admission struct {
	mu    sync.Mutex
	at    time.Time
	after time.Duration
}

// full is how long it takes until the queue is short enough for another job; 0 while it
// is. It is computed from the pace and from what GitHub asked to wait. That GitHub can't
// be reached is no reason to turn jobs away, and neither is a database that can't count.
func (s *Server) full(ctx context.Context) time.Duration {
	if s.cfg.MaxQueueTime == 0 {
		return 0
	}
	s.admission.mu.Lock()
	defer s.admission.mu.Unlock()
	now := time.Now()
	if now.Sub(s.admission.at) < admitEvery {
		return s.admission.after
	}
	counts, err := s.store.Counts(ctx, s.project)
	if err != nil {
		return 0
	}
	s.admission.at = now
	s.admission.after = room(s.cfg.pace().Drain(counts.Waiting), s.dispatcher.State().Asked.Sub(now), s.cfg.MaxQueueTime)
	return s.admission.after
}

// roomFor is how long it takes until the queue is short enough for so many jobs at once; 0 while
// it is. most is for how many it is when it is empty, and GitHub asks for no wait.
func (s *Server) roomFor(ctx context.Context, jobs int) (after time.Duration, most int) {
	longest := s.cfg.MaxQueueTime
	if longest == 0 || jobs == 0 {
		return 0, jobs
	}
	counts, err := s.store.Counts(ctx, s.project) // those of the last look do not have a batch that came since
	if err != nil {
		return 0, jobs
	}
	s.admission.mu.Lock()
	s.admission.at = time.Time{}
	s.admission.mu.Unlock()
	pace := s.cfg.pace()
	return room(pace.Drain(counts.Waiting+jobs-1), s.dispatcher.State().Asked.Sub(time.Now()), longest), pace.Within(longest) + 1
}

// room is how long it takes until a queue is short enough: one that takes drain to be
// pushed, none of it before GitHub's wait is over.
func room(drain, wait, longest time.Duration) time.Duration {
	if total := drain + max(wait, 0); total > longest {
		return max(total-longest, time.Second)
	}
	return 0
}
