package store

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

var (
	// ErrSuperseded: a later attempt of the job has a stream.
	ErrSuperseded = errors.New("a later attempt has begun")
	// ErrCapability: the capability is not, or no longer, that of the job's stream.
	ErrCapability = errors.New("the capability is not valid")
)

// Bounds of the events that are kept of a job, in bytes of their JSON. The oldest go first.
const (
	MaxLogBytes   = 512 << 10 // of lines of the log
	MaxOtherBytes = 64 << 10  // of all other events
)

// Streams keep what attempts tell of themselves. It is the server's own, no fact, and as
// old as the job at most: who loses it loses nothing about where jobs stand.
type Streams interface {
	// OpenStream begins the stream of an attempt of a run, or goes on with it under another
	// capability, and returns it. It returns ErrSuperseded when the job has one of a later
	// attempt or run. The job must be known.
	OpenStream(ctx context.Context, project string, open Stream) (Stream, error)
	// AppendEvents adds events, in the order of their numbers, to the stream that the
	// capability belongs to. Those that are there already are passed over, a gap between
	// numbers is kept as an event of its own. None at all are a heartbeat. It returns
	// ErrCapability, also when there is no such stream any more. It costs as many
	// statements for any number of events.
	AppendEvents(ctx context.Context, project, id string, capability []byte, events []githubjobs.Event) (Stream, error)
	// Stream returns the stream of a job, or ErrNotFound.
	Stream(ctx context.Context, project, id string) (Stream, error)
	// Events lists the events of a job after the one with the given id, of these types or,
	// without any, of all.
	Events(ctx context.Context, project, id string, after int64, types []githubjobs.EventType, limit int) ([]Told, error)
	// LastLines returns the newest events that are lines of the log, the oldest of them first.
	LastLines(ctx context.Context, project, id string, limit int) ([]Told, error)
}

// Stream is where the newest attempt of a job that has told of itself stands.
type Stream struct {
	Job        string
	Capability []byte    // SHA-256 of what who tells has to show
	ExpiresAt  time.Time // of the capability
	State
}

// State is the part of a stream that events change.
type State struct {
	githubjobs.Live
	Seq        int64 `json:"seq"`         // the last number of the attempt
	Last       int64 `json:"last"`        // the id of the job's last event
	LogBytes   int64 `json:"log_bytes"`   // of all lines of the job, also those that are gone
	OtherBytes int64 `json:"other_bytes"` // of all other events, likewise
}

// Full says whether there may be events to remove.
func (s State) Full() bool { return s.LogBytes > MaxLogBytes || s.OtherBytes > MaxOtherBytes }

// Told is an event as it is kept.
type Told struct {
	ID      int64 `json:"id"`      // grows within a job
	Attempt int   `json:"attempt"` // of the job
	githubjobs.Event
}

// EventRow is an event as a store writes it.
type EventRow struct {
	ID    int64                `json:"id"`
	Type  githubjobs.EventType `json:"type"`
	Log   bool                 `json:"log"`
	Bytes int64                `json:"bytes"` // of all events of its sort up to this one
	Body  string               `json:"body"`  // JSON of a Told
}

// compare orders the attempts that streams are of.
func (s Stream) compare(o Stream) int {
	return cmp.Or(s.Attempt-o.Attempt, cmp.Compare(s.Run, o.Run), s.RunAttempt-o.RunAttempt)
}

// Reopen is the stream of a job after it was opened; before is the zero value when there
// was none. What an earlier attempt told stays readable.
func Reopen(before, open Stream, now time.Time) (Stream, error) {
	open.HeartbeatAt = now.UTC()
	if before.Job == "" {
		return open, nil
	}
	switch c := open.compare(before); {
	case c < 0:
		return before, ErrSuperseded
	case c == 0:
		open.State = before.State
		open.HeartbeatAt = now.UTC()
	default:
		open.Last, open.LogBytes, open.OtherBytes = before.Last, before.LogBytes, before.OtherBytes
	}
	return open, nil
}

// Append is the stream after some events came, and the rows that are to be written.
func Append(s Stream, capability []byte, events []githubjobs.Event, now time.Time) (Stream, []EventRow, error) {
	if s.Job == "" || subtle.ConstantTimeCompare(s.Capability, capability) != 1 || !now.Before(s.ExpiresAt) {
		return s, nil, ErrCapability
	}
	s.HeartbeatAt = now.UTC()
	var rows []EventRow
	for _, e := range events {
		if e.Seq <= s.Seq {
			continue
		}
		if missing := e.Seq - s.Seq - 1; missing > 0 {
			rows = append(rows, s.add(githubjobs.Event{Seq: e.Seq - 1, Type: githubjobs.EventDropped, At: e.At, Count: missing}))
		}
		s.Seq = e.Seq
		after, ok := s.Take(e)
		if !ok {
			e = githubjobs.Event{Seq: e.Seq, Type: githubjobs.EventDropped, At: e.At, Count: 1}
		}
		s.Live = after
		rows = append(rows, s.add(e))
	}
	return s, rows, nil
}

// add gives an event its place.
func (s *Stream) add(e githubjobs.Event) EventRow {
	s.Last++
	body, _ := json.Marshal(Told{s.Last, s.Attempt, e}) // of times that were cleaned, which JSON has
	row := EventRow{ID: s.Last, Type: e.Type, Log: e.Type == githubjobs.EventLog, Body: string(body)}
	sum := &s.OtherBytes
	if row.Log {
		sum = &s.LogBytes
	}
	*sum += int64(len(body))
	row.Bytes = *sum
	return row
}
