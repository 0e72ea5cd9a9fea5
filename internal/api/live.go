package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/live"
	"github.com/githubjobs/githubjobs/internal/store"
)

// TokenRequest is the body of live-token.
type TokenRequest struct {
	Token string `json:"token" doc:"The OpenID Connect token that GitHub gave to the run, for the audience githubjobs"`
}

// LiveGrant is what a run gets for its token.
type LiveGrant struct {
	JobID      string    `json:"job_id" doc:"The job of which the run is an attempt"`
	Attempt    int       `json:"attempt" doc:"Which attempt it is, from 1" minimum:"1"`
	Capability string    `json:"capability" doc:"Lets its bearer add events to this attempt, and nothing else. A former one of the attempt ends"`
	ExpiresAt  time.Time `json:"expires_at" doc:"When the capability ends at the latest; it does with the run"`
	LastSeq    int64     `json:"last_seq" doc:"The number of the last event that is known of this attempt of the run; 0 for none" minimum:"0"`
}

// EventsRequest is the body of add-events.
type EventsRequest struct {
	Events []LiveEvent `json:"events" required:"false" doc:"In the order of their numbers, at most 1000; none are a heartbeat"`
}

// LiveEvent is an event as a run tells it.
type LiveEvent struct {
	Seq   int64                `json:"seq" doc:"Its number, from 1. What is there already is passed over; a gap is told as events that were dropped" minimum:"1"`
	Type  githubjobs.EventType `json:"type" doc:"What it tells of" enum:"log,phase,progress,metadata"`
	At    time.Time            `json:"at" doc:"When it happened, by the clock of the runner"`
	Text  string               `json:"text,omitempty" doc:"The line, the phase, what the progress is of, or the value"`
	Key   string               `json:"key,omitempty" doc:"Names the value of the metadata"`
	Done  int64                `json:"done,omitempty" doc:"How much is done, of total" minimum:"0"`
	Total int64                `json:"total,omitempty" doc:"How much there is to do" minimum:"0"`
}

// EventsTaken says how far the events of an attempt are known.
type EventsTaken struct {
	LastSeq int64 `json:"last_seq" doc:"The number of the last event that is known of this attempt of the run" minimum:"0"`
}

type (
	liveTokenInput  struct{}
	liveTokenOutput struct{ Body LiveGrant }
	addEventsInput  struct {
		JobID string `path:"job_id" doc:"The job of the capability"`
	}
	addEventsOutput struct{ Body EventsTaken }
)

// liveToken trades a run's token for a capability. The token is its own proof.
func (a *api) liveToken(w http.ResponseWriter, r *http.Request) {
	var body TokenRequest
	if p := readStrictly(w, r, &body); p != nil {
		p.Write(w)
		return
	}
	if body.Token == "" {
		problem.New(problem.MissingField, `token is missing; send {"token": "…"} with the OpenID Connect token of the run.`).OfField("token").Write(w)
		return
	}
	grant, err := a.Live.Exchange(r.Context(), body.Token)
	if err != nil {
		a.liveProblem(r, err).Write(w)
		return
	}
	writeJSON(w, LiveGrant{JobID: grant.Job, Attempt: grant.Attempt, Capability: grant.Capability, ExpiresAt: grant.ExpiresAt, LastSeq: grant.Seq})
}

// addEvents adds to what an attempt has told.
func (a *api) addEvents(w http.ResponseWriter, r *http.Request) {
	// What strangers send is not read.
	stream, err := a.Live.Admit(r.Context(), r.PathValue("job_id"), keyOf(r))
	if err != nil {
		a.liveProblem(r, err).Write(w)
		return
	}
	var body EventsRequest
	if p := readStrictly(w, r, &body); p != nil {
		p.Write(w)
		return
	}
	events, p := cleaned(body.Events, a.Now())
	if p != nil {
		p.Write(w)
		return
	}
	last, err := a.Live.Append(r.Context(), stream, events)
	if err != nil {
		a.liveProblem(r, err).Write(w)
		return
	}
	writeJSON(w, EventsTaken{last})
}

// cleaned are the events as they are kept.
func cleaned(list []LiveEvent, now time.Time) ([]githubjobs.Event, *problem.Error) {
	if len(list) > githubjobs.MaxEvents {
		return nil, problem.New(problem.InvalidField, "events has %d events; send at most %d at once.", len(list), githubjobs.MaxEvents).OfField("events")
	}
	events, last := make([]githubjobs.Event, len(list)), int64(0)
	for i, e := range list {
		clean, err := githubjobs.Event{Seq: e.Seq, Type: e.Type, At: e.At, Text: e.Text, Key: e.Key, Done: e.Done, Total: e.Total}.Clean(now)
		if err == nil && e.Seq <= last {
			err = errors.New("seq must grow from one event to the next")
		}
		if err != nil {
			return nil, problem.New(problem.InvalidField, "events[%d]: %s.", i, err).OfField("events")
		}
		events[i], last = clean, e.Seq
	}
	return events, nil
}

// liveProblem says what keeps a run from telling of itself. The server's own words on a
// token are for its log: who sends one that is not good is to learn no more than that.
func (a *api) liveProblem(r *http.Request, err error) *problem.Error {
	switch {
	case errors.Is(err, live.ErrIdentity):
		a.log(r.Context()).Warn("a token that proves no run of a job", "error", err)
		return problem.New(problem.InvalidIdentity, "The token does not prove a run of a job of this server. It must be GitHub's, for the audience %s, of a run of the workflow of jobs on the branch of a job; the server's log says what it is not.", githubjobs.LiveAudience)
	case errors.Is(err, store.ErrNotFound):
		return problem.New(problem.JobNotFound, "The run is of a job that this server does not know.")
	case errors.Is(err, store.ErrCapability):
		return problem.New(problem.InvalidCapability, "The capability is not that of the job's present attempt; it has expired, or another one was given out since. Send it as \"Authorization: Bearer …\"; POST /api/live/token gives a new one for the token of the run.")
	case errors.Is(err, live.ErrOver):
		return problem.New(problem.AttemptOver, "%s.", capital(err.Error()))
	case errors.Is(err, live.ErrTooFast):
		return problem.New(problem.TooManyEvents, "Too many requests for one attempt; send more events at once.").After(time.Second)
	case errors.Is(err, live.ErrUnavailable):
		a.log(r.Context()).Error("a run's token could not be checked", "error", err)
		return problem.New(problem.IdentityUnavailable, "The token cannot be checked at present: GitHub does not answer.").After(storageRetry)
	}
	a.log(r.Context()).Error("taking what a run tells of itself", "error", err)
	return notStored(err, "Nothing was taken")
}

func capital(s string) string { return string(bytes.ToUpper([]byte(s[:1]))) + s[1:] }

// readStrictly reads the JSON that an agent sends: nothing else is taken.
func readStrictly(w http.ResponseWriter, r *http.Request, into any) *problem.Error {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem.New(problem.BodyTooLarge, "The body has more than %d bytes; send fewer events at once.", maxBody)
	}
	if err != nil {
		return problem.New(problem.InvalidBody, "The body could not be read to its end: %s.", err)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return problem.New(problem.InvalidJSON, "The body is empty; send a JSON object, as /openapi.json describes it.")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return problem.New(problem.InvalidJSON, "The body is not what /openapi.json describes: %s.", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return problem.New(problem.InvalidJSON, "The body holds more than one JSON value.")
	}
	return nil
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header()["Content-Type"] = jsonType
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	// An error here is the caller's connection, on which nobody can be told of it.
	_ = encoder.Encode(v)
}
