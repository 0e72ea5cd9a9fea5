package githubjobs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// LiveAudience is the audience of the OpenID Connect token by which a run proves to the
// server which attempt of which job it is.
const LiveAudience = "githubjobs"

// EventType says what an event tells of. The set is closed; see EventTypes.
type EventType string

const (
	EventLog      EventType = "log"      // Text is a line of the task's log
	EventPhase    EventType = "phase"    // Text is the phase that has begun; see Phase
	EventProgress EventType = "progress" // Done of Total is done, Text says of what
	EventMetadata EventType = "metadata" // Key has the value Text; an empty one takes it away
	EventDropped  EventType = "dropped"  // Count events are missing here. The server alone makes it
)

// EventTypes lists every type.
func EventTypes() []EventType {
	return []EventType{EventLog, EventPhase, EventProgress, EventMetadata, EventDropped}
}

// Phase names what the agent is about.
type Phase string

const (
	PhaseFetching   Phase = "fetching"   // the repository, and what the kind needs
	PhaseRunning    Phase = "running"    // the task
	PhasePublishing Phase = "publishing" // its result
	PhaseMerging    Phase = "merging"    // what the policy allows
	PhaseEnded      Phase = "ended"      // the agent has nothing more to do
)

// Phases lists every phase in the order of a run.
func Phases() []Phase {
	return []Phase{PhaseFetching, PhaseRunning, PhasePublishing, PhaseMerging, PhaseEnded}
}

// Bounds of events.
const (
	MaxEvents        = 1000    // in a request
	MaxEventText     = 4 << 10 // bytes of a line of the log; a longer one is cut
	MaxProgressText  = 200     // bytes
	MaxMetadataValue = 1000    // bytes
	MaxMetadata      = 32      // keys of an attempt
	MaxProgress      = 1_000_000_000_000
	maxEventCount    = 1 << 53 // what every reader of JSON can count to
)

// Event is one thing that an attempt tells of itself while it goes on. It is no fact: it
// changes nothing about where a job stands.
type Event struct {
	// Seq numbers the events of one attempt of a run, from 1. What is missing between two
	// of them was dropped by who told it.
	Seq   int64     `json:"seq"`
	Type  EventType `json:"type"`
	At    time.Time `json:"at"` // by the clock of the runner
	Text  string    `json:"text,omitempty"`
	Key   string    `json:"key,omitempty"`
	Done  int64     `json:"done,omitempty"`
	Total int64     `json:"total,omitempty"`
	Count int64     `json:"count,omitempty"`
}

var metadataKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// ValidMetadataKey says whether a text can name a value of the metadata.
func ValidMetadataKey(s string) bool { return metadataKey.MatchString(s) }

// Clean returns the event as it may be kept: without what no terminal or database
// should get, cut to the bounds, at a time that can be. Its error says what is wrong
// with an event that cannot be cleaned.
func (e Event) Clean(now time.Time) (Event, error) {
	if e.Seq < 1 || e.Seq > maxEventCount {
		return e, errors.New("seq must be a whole number from 1 on")
	}
	if e.At.After(now) || now.Sub(e.At) > 24*time.Hour {
		e.At = now // no job takes as long, and no clock that is wrong shall say so
	}
	c := Event{Seq: e.Seq, Type: e.Type, At: e.At.UTC()}
	switch e.Type {
	case EventLog:
		c.Text = OneLine(e.Text, MaxEventText)
	case EventPhase:
		if !slices.Contains(Phases(), Phase(e.Text)) {
			return e, fmt.Errorf("there is no phase %.40q", e.Text)
		}
		c.Text = e.Text
	case EventProgress:
		if e.Total < 1 || e.Total > MaxProgress || e.Done < 0 || e.Done > e.Total {
			return e, fmt.Errorf("progress must be from 0 to a total from 1 to %d", int64(MaxProgress))
		}
		c.Done, c.Total, c.Text = e.Done, e.Total, OneLine(e.Text, MaxProgressText)
	case EventMetadata:
		if !ValidMetadataKey(e.Key) {
			return e, errors.New("a key of metadata has 1 to 64 letters, digits, '_', '.' and '-', and begins with a letter")
		}
		c.Key, c.Text = e.Key, OneLine(e.Text, MaxMetadataValue)
	default:
		return e, fmt.Errorf("there is no type of events %.40q", e.Type)
	}
	return c, nil
}

// OneLine is the form in which text of a task is shown in one line of at most max bytes:
// what a terminal would show last of a line that was written over, in plain text.
func OneLine(s string, max int) string {
	if len(s) > 4*max { // whatever else is cut off, nothing behind this is shown
		s = s[:4*max]
	}
	s = strings.TrimRight(s, "\r\n")
	s = PlainText(s[strings.LastIndexAny(s, "\r\n")+1:])
	if len(s) <= max {
		return s
	}
	const more = "…"
	cut := max - len(more)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + more
}
