package live

import (
	"context"
	"math/rand/v2"
	"time"
)

// run tells events until the session is closed, or the server refuses it.
func (s *Session) run(ctx context.Context) {
	defer close(s.done)
	failures := 0
	for !s.open(ctx, &failures) {
		if !s.rest(ctx, failures, nil) {
			return
		}
	}
	beat := time.NewTimer(s.cfg.Heartbeat)
	defer beat.Stop()
	for {
		beat.Reset(s.cfg.Heartbeat)
		ending := false
		select {
		case <-s.kick:
			ending = !s.gather(ctx)
		case <-beat.C: // nothing to tell but that it lives
		case <-s.ending:
			ending = true
		case <-ctx.Done():
			return
		}
		if !s.tell(ctx, ending) || ending {
			return
		}
	}
}

// open gets the right to tell, if that is possible now.
func (s *Session) open(ctx context.Context, failures *int) (opened bool) {
	grant, err := s.cfg.Grant(ctx)
	switch {
	case err == nil:
		s.mu.Lock()
		s.grant, s.granted = grant, true
		s.mu.Unlock()
		return true
	case refused(err):
		s.giveUp(err)
		s.stop()
	case ctx.Err() == nil:
		s.mu.Lock()
		s.away = err
		s.mu.Unlock()
	}
	*failures++
	return false
}

// gather waits a little for more, so that one request tells of it all; it returns false
// when the session is closed meanwhile.
func (s *Session) gather(ctx context.Context) bool {
	timer := time.NewTimer(flushEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ending:
	case <-ctx.Done():
	}
	return false
}

// tell sends what is waiting, or a heartbeat. While the server is away it tries again and
// again, and once more when the session is closed meanwhile; it returns false when
// nothing more is to be told.
func (s *Session) tell(ctx context.Context, ending bool) bool {
	for first := true; ; first = false {
		batch := s.take()
		if len(batch) == 0 && (ending || !first) {
			return true
		}
		for failures := 1; ; failures++ {
			err := s.send(ctx, batch)
			if err == nil {
				break
			}
			if refused(err) {
				s.giveUp(err)
			}
			if ending || refused(err) || ctx.Err() != nil {
				return false
			}
			ending = !s.rest(ctx, failures, err)
		}
	}
}

// rest waits after a failure: longer from one to the next, and not as long as others do.
// It returns false when the session is closed meanwhile.
func (s *Session) rest(ctx context.Context, failures int, err error) bool {
	pause := min(firstPause<<min(failures-1, 10), longPause)
	pause = pause/2 + rand.N(pause)
	if busy, ok := err.(errBusy); ok {
		pause = max(pause, min(busy.after, time.Minute))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ending:
	case <-ctx.Done():
	}
	return false
}
