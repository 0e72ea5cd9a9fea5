package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// eventsInput describes the parameters of job-events in /openapi.json.
type eventsInput struct {
	JobID       string `path:"job_id"`
	After       int64  `query:"after" doc:"Tells the events after the one with this id: the next of the page before" minimum:"0"`
	Types       string `query:"types" doc:"Only events of these types, separated by commas"`
	Limit       int    `query:"limit" doc:"How many events at most; a stream has no limit" minimum:"1" maximum:"1000" default:"100"`
	LastEventID string `header:"Last-Event-ID" doc:"For a stream, in the place of after: how browsers go on after a lost connection"`
}

// EventList is a page of what the attempts of a job have told of themselves.
type EventList struct {
	Events []store.Told `json:"events" doc:"The oldest first" nullable:"false"`
	// Next is there also at the end, where more may come.
	Next     string `json:"next" doc:"What after is to be for the next page"`
	Terminal bool   `json:"terminal" doc:"The job is at an end: after the last page nothing more comes"`
}

type eventsOutput struct{ Body EventList }

const (
	defaultEvents = 100
	maxEvents     = 1000
	eventPage     = 500              // events that are read at once for a stream
	lookEvery     = time.Second      // for what came by another server, and for the job's end
	aliveEvery    = 15 * time.Second // how often a stream shows that it lives
	streamWrite   = 30 * time.Second // for a client that takes nothing
)

// eventQuery is which events are asked for.
type eventQuery struct {
	after int64
	types []githubjobs.EventType
	limit int
}

var eventParameters = map[string]func(string, *eventQuery) error{
	"after": func(s string, q *eventQuery) (err error) { q.after, err = readEventID(s); return err },
	"types": func(s string, q *eventQuery) error {
		for name := range strings.SplitSeq(s, ",") {
			if !slices.Contains(githubjobs.EventTypes(), githubjobs.EventType(name)) {
				return fmt.Errorf("%q is no type of events; they are %v", shown(name), githubjobs.EventTypes())
			}
			q.types = append(q.types, githubjobs.EventType(name))
		}
		return nil
	},
	"limit": func(s string, q *eventQuery) (err error) {
		if q.limit, err = strconv.Atoi(s); err != nil || q.limit < 1 || q.limit > maxEvents {
			return fmt.Errorf("%q is out of range; give 1 to %d", shown(s), maxEvents)
		}
		return nil
	},
}

func readEventID(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not the id of an event; give that of the last one that you have, or leave it out", shown(s))
	}
	return n, nil
}

func readEventQuery(r *http.Request) (eventQuery, *problem.Error) {
	q := eventQuery{limit: defaultEvents}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, problem.New(problem.InvalidField, "The parameters can't be read: %s.", err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		read, ok := eventParameters[name]
		if !ok {
			return q, problem.New(problem.UnknownField, "There is no parameter %q. The parameters are %s.", shown(name), strings.Join(slices.Sorted(maps.Keys(eventParameters)), ", ")).OfField(shown(name))
		}
		if err := read(values[name][len(values[name])-1], &q); err != nil {
			return q, problem.New(problem.InvalidField, "%s: %s.", name, err).OfField(name)
		}
	}
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if q.after, err = readEventID(last); err != nil {
			return q, problem.New(problem.InvalidField, "Last-Event-ID: %s.", err).OfField("Last-Event-ID")
		}
	}
	return q, nil
}

// jobEvents tells what the attempts of a job have told, as a page or as a stream.
func (a *api) jobEvents(w http.ResponseWriter, r *http.Request) {
	q, p := readEventQuery(r)
	var facts githubjobs.Facts
	if p == nil {
		facts, p = a.facts(r.Context(), r.PathValue("job_id"))
	}
	switch {
	case p != nil:
		p.Write(w)
	case wantsStream(r):
		a.streamEvents(w, r, facts.ID, q)
	default:
		a.pageOfEvents(w, r, facts, q)
	}
}

// wantsStream says whether a client asks for server-sent events.
func wantsStream(r *http.Request) bool {
	for accepted := range strings.SplitSeq(r.Header.Get("Accept"), ",") {
		if kind, _, err := mime.ParseMediaType(accepted); err == nil && kind == "text/event-stream" {
			return true
		}
	}
	return false
}

func (a *api) pageOfEvents(w http.ResponseWriter, r *http.Request, facts githubjobs.Facts, q eventQuery) {
	job := githubjobs.Reduce(facts, a.Now())
	events, p := a.events(r.Context(), job.ID, q)
	if p != nil {
		p.Write(w)
		return
	}
	list := EventList{Events: events, Next: strconv.FormatInt(q.after, 10), Terminal: job.Terminal}
	if len(events) > 0 {
		list.Next = strconv.FormatInt(events[len(events)-1].ID, 10)
	}
	writeJSON(w, list)
}

func (a *api) events(ctx context.Context, job string, q eventQuery) ([]store.Told, *problem.Error) {
	events, err := a.Live.Store.Events(ctx, a.Project, job, q.after, q.types, q.limit)
	if err != nil {
		if ctx.Err() == nil {
			a.log(ctx).Error("reading the events of a job", "job_id", job, "error", err)
		}
		return nil, problem.New(problem.StorageUnavailable, "The events could not be read: the server's database is unavailable.").After(storageRetry)
	}
	if events == nil {
		events = []store.Told{}
	}
	return events, nil
}

// stream is one client that listens.
type stream struct {
	http.ResponseWriter
	control *http.ResponseController
	status  string // the last one that was told
}

// streamEvents tells events as they come (https://html.spec.whatwg.org/multipage/server-sent-events.html),
// and the job's status whenever it changes, until the job is at an end.
func (a *api) streamEvents(w http.ResponseWriter, r *http.Request, job string, q eventQuery) {
	news, done, ok := a.Live.Listen(job)
	if !ok {
		problem.New(problem.TooManyListeners, "As many clients listen as this server bears; ask for pages of events, or try again later.").After(storageRetry).Write(w)
		return
	}
	defer done()
	s := &stream{ResponseWriter: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")  // proxies that gather answers would make it late
	_ = s.control.SetReadDeadline(time.Time{}) // the request was read; the client may be silent for as long as it likes
	q.limit = eventPage
	look, alive := time.NewTicker(lookEvery), time.NewTicker(aliveEvery)
	defer look.Stop()
	defer alive.Stop()
	for {
		ended, err := a.catchUp(r.Context(), s, job, &q)
		if err != nil || ended {
			return // the client comes again with the last id that it has got
		}
		select {
		case <-news:
		case <-look.C:
		case <-alive.C:
			if s.send(": alive\n\n") != nil {
				return
			}
		case <-a.Live.Stopped():
			return
		case <-r.Context().Done():
			return
		}
	}
}

// catchUp tells everything that is new. ended says that nothing more comes.
func (a *api) catchUp(ctx context.Context, s *stream, id string, q *eventQuery) (ended bool, err error) {
	facts, err := a.Jobs.Facts(ctx, a.Project, id)
	if err != nil {
		return false, err
	}
	job := githubjobs.Reduce(facts, a.Now()) // before the events are read: after its end there come no more
	for {
		events, p := a.events(ctx, id, *q)
		if p != nil {
			return false, p
		}
		var b strings.Builder
		for _, e := range events {
			body, err := json.Marshal(e)
			if err != nil {
				return false, err
			}
			fmt.Fprintf(&b, "id: %d\nevent: %s\ndata: %s\n\n", e.ID, e.Type, body)
			q.after = e.ID
		}
		if err := s.send(b.String()); err != nil {
			return false, err
		}
		if len(events) < q.limit {
			break
		}
	}
	return job.Terminal, s.tellStatus(job)
}

// tellStatus tells where the job stands, if that is not what was told last. It is no
// event of the attempt, and has no id.
func (s *stream) tellStatus(j githubjobs.Job) error {
	body, err := json.Marshal(map[string]any{"job_id": j.ID, "status": j.Status, "reason": j.Reason, "terminal": j.Terminal, "attempt": j.Attempt})
	if err != nil || string(body) == s.status {
		return err
	}
	s.status = string(body)
	return s.send("event: status\ndata: " + s.status + "\n\n")
}

func (s *stream) send(text string) error {
	if text == "" {
		return nil
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(streamWrite)) // where it can't be set, the server's own holds
	if _, err := s.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
