// Package live tells the server how a run gets on: log lines, phases, progress and
// metadata, and that it is alive. Nothing waits for it: what can't be told in time is
// dropped and counted, and a server that is away changes nothing but that nobody hears.
//
// The package imports the standard library, githubjobs and the agent's work.
package live

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// Bounds of what waits to be told, and of a request.
const (
	maxWaiting      = 4000
	maxWaitingBytes = 1 << 20
	batchEvents     = 500
	batchBytes      = 256 << 10 // below a quarter of what the server takes, for JSON can make text longer
)

const (
	flushEvery  = time.Second // how long events wait for others
	requestTime = 10 * time.Second
	firstPause  = 500 * time.Millisecond // after a failure; doubles
	longPause   = 30 * time.Second
)

// Patience is how long the end of a step may wait until the last events are told, and for a
// connection to the server.
const Patience = 2 * time.Second

// GrantPatience is how long the end of a step may wait for the right to tell, from a server that has
// taken its connection: without it nothing is told of the steps that follow either.
const GrantPatience = requestTime

// Config says to whom a session tells, and by what right.
type Config struct {
	// Grant is what the server gave for the run's token; see Exchange.
	Grant func(ctx context.Context) (work.Grant, error)
	// Patience is how long Close waits at most, GrantPatience how long while nothing is granted yet,
	// Heartbeat how long nothing is told at most; the constants of these names and
	// githubjobs.Heartbeat when 0.
	Patience, GrantPatience, Heartbeat time.Duration
}

// Session is what one step tells. A nil session tells nothing; all methods may be called
// concurrently.
type Session struct {
	cfg    Config
	client *http.Client
	kick   chan struct{}
	ending chan struct{} // closed by Close
	done   chan struct{} // closed when nothing more is told
	stop   context.CancelFunc
	once   sync.Once

	mu      sync.Mutex
	waiting []*githubjobs.Event
	bytes   int
	latest  map[string]*githubjobs.Event // of progress and metadata in waiting, which newer ones replace
	lost    int64                        // dropped since the last event in waiting was taken
	mute    error                        // why nothing more is told
	away    error                        // why the last try to get a grant failed
	grant   work.Grant
	granted bool
}

// Begin starts a session. It returns at once.
func Begin(cfg Config) *Session {
	cfg.Patience = cmp.Or(cfg.Patience, Patience)
	cfg.GrantPatience = cmp.Or(cfg.GrantPatience, GrantPatience)
	cfg.Heartbeat = cmp.Or(cfg.Heartbeat, githubjobs.Heartbeat)
	ctx, stop := context.WithCancel(context.Background())
	s := &Session{
		cfg: cfg, client: newClient(), kick: make(chan struct{}, 1), ending: make(chan struct{}), done: make(chan struct{}), stop: stop,
		latest: map[string]*githubjobs.Event{},
	}
	go s.run(ctx)
	return s
}

// Phase tells what the agent is about from now on.
func (s *Session) Phase(p githubjobs.Phase) {
	s.add(githubjobs.Event{Type: githubjobs.EventPhase, Text: string(p)})
}

// Line tells a line of the log. What is secret in it must have been masked.
func (s *Session) Line(text string) {
	s.add(githubjobs.Event{Type: githubjobs.EventLog, Text: githubjobs.OneLine(text, githubjobs.MaxEventText)})
}

// Progress tells how far the task is.
func (s *Session) Progress(done, total int64, text string) {
	s.add(githubjobs.Event{Type: githubjobs.EventProgress, Done: done, Total: total, Text: text})
}

// Metadata tells a value of the task's; an empty one takes the key away.
func (s *Session) Metadata(key, value string) {
	s.add(githubjobs.Event{Type: githubjobs.EventMetadata, Key: key, Text: value})
}

// add keeps an event until it is told. It never waits for anything.
func (s *Session) add(e githubjobs.Event) {
	if s == nil {
		return
	}
	e.At = time.Now().UTC()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mute != nil {
		return
	}
	if e.Type == githubjobs.EventProgress || e.Type == githubjobs.EventMetadata {
		if before := s.latest[e.Key]; before != nil { // progress has no key, and no metadata is without
			s.bytes += len(e.Text) - len(before.Text)
			*before = e
			return
		}
		s.latest[e.Key] = &e
	}
	s.waiting = append(s.waiting, &e)
	s.bytes += len(e.Text)
	for len(s.waiting) > maxWaiting || s.bytes > maxWaitingBytes {
		s.drop()
	}
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// drop gives up the oldest line; of all else there is little.
func (s *Session) drop() {
	for i, e := range s.waiting {
		if e.Type == githubjobs.EventLog || i == len(s.waiting)-1 {
			s.bytes -= len(e.Text)
			copy(s.waiting[1:i+1], s.waiting[:i])
			s.waiting[0] = nil
			s.waiting = s.waiting[1:]
			s.lost++
			return
		}
	}
}

// take hands out the next events, numbered. What was dropped before them took numbers
// too, from which the server sees that it is missing.
func (s *Session) take() (batch []githubjobs.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.latest)
	seq, size := s.grant.LastSeq+s.lost, 0
	for len(s.waiting) > 0 && len(batch) < batchEvents && (size == 0 || size+len(s.waiting[0].Text) <= batchBytes) {
		e := *s.waiting[0]
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		size += len(e.Text)
		seq++
		e.Seq = seq
		batch = append(batch, e)
	}
	if s.bytes -= size; len(batch) > 0 {
		s.lost, s.grant.LastSeq = 0, seq
	}
	return batch
}

// Close tells what is left, within the session's patience, and ends the session. It
// returns what another step needs to go on with it; ok is false when there is nothing.
func (s *Session) Close() (grant work.Grant, ok bool) {
	if s == nil {
		return work.Grant{}, false
	}
	s.once.Do(func() { close(s.ending) })
	if !s.endsWithin(s.cfg.Patience) && !s.mayTell() {
		s.endsWithin(s.cfg.GrantPatience - s.cfg.Patience)
	}
	s.stop()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grant, s.granted && s.mute == nil
}

func (s *Session) endsWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.done:
		return true
	case <-timer.C:
		return false
	}
}

func (s *Session) mayTell() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.granted
}

// errRefused: the server wants nothing of this run, now or ever.
type errRefused struct{ why string }

func (e errRefused) Error() string { return e.why }

// giveUp tells nothing any more.
func (s *Session) giveUp(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mute, s.waiting, s.bytes = err, nil, 0
}

// Silence is why a session that has been closed told nothing, or nothing any more, in words for the
// step's log; empty where it was heard to the end, or the server went away later.
func (s *Session) Silence() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	why := s.mute
	if why == nil && !s.granted {
		why = cmp.Or(s.away, errSlow)
	}
	if why == nil {
		return ""
	}
	return "Live progress is not told: " + strings.TrimSuffix(why.Error(), ".") + ". Nothing else depends on it."
}

var errSlow = errors.New("the server did not answer in time")

func refused(err error) bool {
	_, ok := errors.AsType[errRefused](err)
	return ok
}
