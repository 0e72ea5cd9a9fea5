package live

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	tailLines = 200
	tailBytes = 32 << 10 // as a result commit keeps

	quietFor = 2 * time.Second // how late the status may show what another server has heard first
	maxQuiet = 16384
	maxTails = 256 // of at most tailBytes
)

// Show adds to a job what its attempt has told; told says whether it has told anything.
// Where that cannot be read the job is as it was: nothing depends on it.
func (s *Service) Show(ctx context.Context, j githubjobs.Job) (shown githubjobs.Job, told bool) {
	if j.Status == githubjobs.StatusPending || s.quiet(j.ID) {
		return j, false
	}
	stream, err := s.Store.Stream(ctx, s.Project, j.ID)
	if err == nil && j.Status == githubjobs.StatusRunning && j.Log == "" {
		stream.Live.Log, err = s.tail(ctx, stream)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		s.setQuiet(j.ID)
		return j, false
	case err != nil:
		s.Log.Warn("what a run tells of itself could not be read; the status goes without", "job_id", j.ID, "error", err)
		return j, false
	}
	return j.WithLive(stream.Live, s.began, s.Now()), true
}

// quiet says whether a job was found to have told nothing, a moment ago: most jobs that
// are polled have not where no run tells of itself, and a read of them is to cost nothing.
func (s *Service) quiet(job string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.quietAt[job]
	return ok && s.Now().Sub(at) < quietFor
}

func (s *Service) setQuiet(job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.quietAt) >= maxQuiet {
		clear(s.quietAt)
	}
	s.quietAt[job] = s.Now()
}

// tail is the end of the log of a stream's attempt. It is read when something new was told.
func (s *Service) tail(ctx context.Context, stream store.Stream) (string, error) {
	s.mu.Lock()
	kept, ok := s.tails[stream.Job]
	s.mu.Unlock()
	if ok && kept.last == stream.Last && kept.attempt == stream.Attempt {
		return kept.text, nil
	}
	lines, err := s.Store.LastLines(ctx, s.Project, stream.Job, tailLines)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, line := range lines {
		if line.Attempt == stream.Attempt {
			b.WriteString(line.Text + "\n")
		}
	}
	text := b.String()
	if len(text) > tailBytes {
		text = text[len(text)-tailBytes:]
		text = text[strings.IndexByte(text, '\n')+1:]
	}
	text = strings.TrimSuffix(text, "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.tails) >= maxTails {
		clear(s.tails)
	}
	s.tails[stream.Job] = tail{stream.Last, stream.Attempt, text}
	return text, nil
}

// tail is the end of a log as it was at an event of the job.
type tail struct {
	last    int64
	attempt int
	text    string
}

// Listen tells by the channel that something new may have come of a job, until done is
// called. ok is false when too many listen.
func (s *Service) Listen(job string) (news <-chan struct{}, done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listening >= MaxListeners {
		return nil, nil, false
	}
	s.listening++
	c := make(chan struct{}, 1)
	if s.listeners[job] == nil {
		s.listeners[job] = map[chan struct{}]bool{}
	}
	s.listeners[job][c] = true
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.listening--
		if delete(s.listeners[job], c); len(s.listeners[job]) == 0 {
			delete(s.listeners, job)
		}
	}, true
}

// wake tells those who listen on this server. Others look by themselves.
func (s *Service) wake(job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.quietAt, job)
	for c := range s.listeners[job] {
		select {
		case c <- struct{}{}:
		default: // it was told, and has not looked yet
		}
	}
}

// Stop ends all requests that listen: the server is about to end.
func (s *Service) Stop() { s.once.Do(func() { close(s.stopped) }) }

// Stopped is closed by Stop.
func (s *Service) Stopped() <-chan struct{} { return s.stopped }
