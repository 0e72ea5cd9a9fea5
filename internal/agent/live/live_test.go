package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// hearer is a server that keeps what it is told.
type hearer struct {
	*httptest.Server
	mu     sync.Mutex
	events []githubjobs.Event
	calls  int
	status int           // of answers; 0 for 200
	news   chan struct{} // after each request
	gate   chan struct{} // nil, or what requests wait for
}

func newHearer(t testing.TB) *hearer {
	h := &hearer{news: make(chan struct{}, 1000)}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hearer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	gate := h.gate
	h.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	var body struct{ Events []githubjobs.Event }
	err := json.NewDecoder(r.Body).Decode(&body)
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { h.news <- struct{}{} }()
	h.calls++
	switch {
	case r.ContentLength > 1<<20: // as much as a server takes
		w.WriteHeader(http.StatusBadRequest)
	case err != nil || r.URL.Path != "/api/live/a/events" || r.Header.Get("Authorization") != "Bearer cap":
		w.WriteHeader(http.StatusTeapot)
	case h.status != 0:
		w.WriteHeader(h.status)
		fmt.Fprint(w, `{"error":"No\nmore."}`)
	default:
		for _, e := range body.Events { // a request that was given up may come after the one that repeats it
			if n := len(h.events); n == 0 || e.Seq > h.events[n-1].Seq {
				h.events = append(h.events, e)
			}
		}
		fmt.Fprint(w, `{"last_seq":0}`)
	}
}

func (h *hearer) set(status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.status = status
}

func (h *hearer) heard() []githubjobs.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

func (h *hearer) session() *Session {
	return Begin(Config{Grant: Given(work.Grant{Server: h.URL, JobID: "a", Capability: "cap", LastSeq: 10}), Patience: time.Minute})
}

// missing counts the numbers that were left out before events, and those at the end.
func missing(t testing.TB, events []githubjobs.Event, from int64) (n int64) {
	t.Helper()
	for _, e := range events {
		if e.Seq <= from {
			t.Fatalf("event %d comes after %d", e.Seq, from)
		}
		n, from = n+e.Seq-from-1, e.Seq
	}
	return n
}

func TestEverythingIsTold(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	s := h.session()
	s.Phase(githubjobs.PhaseRunning)
	out := s.Tee(&bytes.Buffer{})
	fmt.Fprint(out, "one\ntwo\nthr")
	fmt.Fprint(out, "ee\n")
	for i := range int64(10) {
		s.Progress(i, 10, "files")
		s.Metadata("k", fmt.Sprint(i))
	}
	grant, ok := s.Close()
	events := h.heard()
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprint(e.Type, " ", e.Text, " ", e.Done))
	}
	// What changed again before it was told is told once, and nothing counts as dropped.
	want := []string{"phase running 0", "log one 0", "log two 0", "log three 0", "progress files 9", "metadata 9 0"}
	if !slices.Equal(got, want) || missing(t, events, 10) != 0 || !ok || grant.LastSeq != 16 {
		t.Errorf("%q, then %+v %t", got, grant, ok)
	}
}

// Whatever a task writes, it waits for nobody, the memory is bounded, and what was dropped is told.
func TestAFloodIsDroppedAndCounted(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	h.gate = make(chan struct{})
	s := h.session()
	const lines = 20_000
	s.Phase(githubjobs.PhaseRunning)
	for i := range lines {
		s.Line(fmt.Sprint("line ", i))
	}
	s.mu.Lock()
	waiting := len(s.waiting)
	s.mu.Unlock()
	if waiting > maxWaiting {
		t.Errorf("%d events wait", waiting)
	}
	close(h.gate)
	s.Close()
	events := h.heard()
	if n := missing(t, events, 10); int(n)+len(events) != lines+1 || n == 0 {
		t.Errorf("%d were told and %d dropped of %d", len(events), n, lines+1)
	}
	if events[0].Type != githubjobs.EventPhase || events[len(events)-1].Text != fmt.Sprint("line ", lines-1) {
		t.Errorf("from %+v to %+v", events[0], events[len(events)-1])
	}
}

// A server that is away for a while gets everything, once, in order.
func TestTheServerComesBack(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	h.set(http.StatusServiceUnavailable)
	s := h.session()
	s.Line("one")
	<-h.news
	<-h.news
	h.set(0)
	s.Line("two")
	for len(h.heard()) == 0 {
		<-h.news
	}
	s.Close()
	if events := h.heard(); len(events) != 2 || missing(t, events, 10) != 0 || events[1].Text != "two" {
		t.Errorf("%+v", events)
	}
}

// The end of a step waits for no server: not for one that answers never, refuses, or is not there.
func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	silent := newHearer(t)
	silent.gate = make(chan struct{})
	t.Cleanup(func() { close(silent.gate) })
	gone := newHearer(t)
	gone.Close()
	failing := newHearer(t)
	failing.set(http.StatusInternalServerError)
	for name, h := range map[string]*hearer{"silent": silent, "gone": gone, "failing": failing} {
		s := Begin(Config{Grant: Given(work.Grant{Server: h.URL, JobID: "a", Capability: "cap"}), Patience: 50 * time.Millisecond})
		s.Line("one")
		began := time.Now()
		if grant, ok := s.Close(); !ok || grant.JobID != "a" {
			t.Errorf("%s: the next step gets %+v, %t", name, grant, ok)
		}
		if took := time.Since(began); took > 30*time.Second { // requests may take ten, failures pause for longer
			t.Errorf("%s: it took %s", name, took)
		}
	}
	s := Begin(Config{
		Grant:    func(ctx context.Context) (work.Grant, error) { <-ctx.Done(); return work.Grant{}, ctx.Err() },
		Patience: time.Millisecond, GrantPatience: time.Millisecond,
	})
	if _, ok := s.Close(); ok {
		t.Error("what was never granted is handed on")
	}
	if got := s.Silence(); got != "Live progress is not told: the server did not answer in time. Nothing else depends on it." {
		t.Errorf("it says %q", got)
	}
}

// A server that is slow to give the right to tell is waited for longer than for all else: the steps
// that follow have no other way to get it.
func TestASlowGrantIsWaitedFor(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	closing := make(chan struct{})
	s := Begin(Config{Patience: time.Millisecond, GrantPatience: time.Minute, Grant: func(context.Context) (work.Grant, error) {
		<-closing
		time.Sleep(50 * time.Millisecond) // longer than the patience
		return work.Grant{Server: h.URL, JobID: "a", Capability: "cap"}, nil
	}})
	s.Line("one")
	close(closing)
	grant, ok := s.Close()
	if events := h.heard(); !ok || grant.Capability != "cap" || grant.LastSeq != 1 || len(events) != 1 || s.Silence() != "" {
		t.Errorf("%+v, %t, %+v, %q", grant, ok, events, s.Silence())
	}
}

// Where nobody is there, a step ends without waiting for another try, and says why it was not heard.
func TestAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	h.Close()
	s := Begin(Config{Grant: Exchange(h.URL, Identity{URL: h.URL + "/token?x", Token: "t"}), GrantPatience: time.Hour})
	if _, ok := s.Close(); ok || !strings.Contains(s.Silence(), "connection refused") {
		t.Errorf("%t, %q", ok, s.Silence())
	}
}

func TestARefusalIsFinal(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	h.set(http.StatusConflict)
	s := h.session()
	s.Line("one")
	<-h.news
	<-s.done
	s.Line("two")
	if _, ok := s.Close(); ok {
		t.Error("what was refused is handed on")
	}
	if h.calls != 1 || s.Silence() != "Live progress is not told: No more. Nothing else depends on it." {
		t.Errorf("%d requests, %q", h.calls, s.Silence())
	}
}

// What is long in JSON comes through too.
func TestLongLines(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	s := h.session()
	for i, c := range []string{"<", `"`, "\u2028", "\x01", "é"} {
		for range 100 {
			s.Line(fmt.Sprint(i, strings.Repeat(c, githubjobs.MaxEventText/len(c)-1)))
		}
	}
	s.Close()
	if events := h.heard(); s.Silence() != "" || int(missing(t, events, 10))+len(events) != 500 || len(events) < 200 {
		t.Errorf("%d events were told: %q", len(events), s.Silence())
	}
}

// A run that has nothing to tell shows that it lives.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	h := newHearer(t)
	s := Begin(Config{Grant: Given(work.Grant{Server: h.URL, JobID: "a", Capability: "cap"}), Heartbeat: time.Millisecond})
	for range 3 {
		<-h.news
	}
	s.Close()
	if events := h.heard(); len(events) > 0 {
		t.Errorf("%+v", events)
	}
}

func TestNoSessionTellsNothing(t *testing.T) {
	t.Parallel()
	var s *Session
	s.Phase(githubjobs.PhaseRunning)
	s.Line("x")
	var out bytes.Buffer
	fmt.Fprint(s.Tee(&out), "y")
	if _, ok := s.Close(); ok || s.Silence() != "" || out.String() != "y" {
		t.Error("it tells something")
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /request", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("audience") != githubjobs.LiveAudience || r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"count":5,"value":"proof"}`)
	})
	mux.HandleFunc("POST /api/live/token", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Token string }
		if json.NewDecoder(r.Body).Decode(&body) != nil || body.Token != "proof" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"job_id":"a","capability":"cap","last_seq":7,"attempt":1,"expires_at":"2026-11-21T12:00:00Z"}`)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	grant, err := Exchange(server.URL, Identity{server.URL + "/request?api-version=2.0", "secret"})(t.Context())
	if want := (work.Grant{Server: server.URL, JobID: "a", Capability: "cap", LastSeq: 7}); err != nil || grant != want {
		t.Errorf("%+v, %v", grant, err)
	}
	for name, id := range map[string]Identity{"no permission": {}, "another token": {server.URL + "/request?", "wrong"}} {
		if _, err := Exchange(server.URL, id)(t.Context()); !refused(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Exchange("http://127.0.0.1:1", Identity{server.URL + "/request?", "secret"})(t.Context()); err == nil || refused(err) || errors.Is(err, context.Canceled) {
		t.Errorf("a server that is away: %v", err)
	}
}

// What a task tells by its mark is heard however its output is cut; the log is the same without marks.
func TestMarks(t *testing.T) {
	t.Parallel()
	const mark = "job-event-ABC:"
	output := "plain\n" + mark + "progress 3/10 reading s3cret\njob-event-AB progress 1/2\n x" + mark + "progress 1/2\n" + mark + "meta rows=s3cret\n" +
		mark + "meta s3cret=1\n" + mark + "meta no key=1\n" + mark + "progress 11/10\n" + mark + "progress 1\n" + mark + "progress -1/2\n" + mark + "progress 1/9999999999999999999\n" +
		mark + "status merged\n" + mark + "\n" + mark + "meta long=" + strings.Repeat("x", maxTold) + "\n\n" + mark + "meta end= of it"
	wantLog := strings.ReplaceAll(strings.ReplaceAll(output, " x"+mark, "KEEP"), mark, "")
	wantLog = strings.ReplaceAll(wantLog, "KEEP", " x"+mark)
	rapid.Check(t, func(t *rapid.T) {
		s := &Session{latest: map[string]*githubjobs.Event{}, kick: make(chan struct{}, 1)}
		var log bytes.Buffer
		told := &Told{Next: &log, Mark: mark, Session: s, Mask: func(text string) string { return strings.ReplaceAll(text, "s3cret", "***") }}
		size := rapid.IntRange(1, len(output)).Draw(t, "size")
		for part := range slices.Chunk([]byte(output), size) {
			if n, err := told.Write(part); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		told.Flush()
		if log.String() != wantLog {
			t.Fatalf("the log is %q, want %q", log.String(), wantLog)
		}
		var got []string
		for _, e := range s.waiting {
			got = append(got, fmt.Sprint(e.Type, " ", e.Key, " ", e.Text, " ", e.Done, "/", e.Total))
		}
		if want := []string{"progress  reading *** 3/10", "metadata rows *** 0/0", "metadata end  of it 0/0"}; !slices.Equal(got, want) {
			t.Fatalf("heard %q, want %q", got, want)
		}
	})
}

// Lines without a mark are passed on as they came: a task may write millions of them.
func TestLinesWithoutMarksPassTogether(t *testing.T) {
	t.Parallel()
	next := &writes{}
	told := &Told{Next: next, Mark: "job-event-ABC:"}
	output := strings.Repeat("job-event-AB\n", 1000)
	if n, err := io.WriteString(told, output+"unfinished"); n != len(output)+10 || err != nil {
		t.Fatal(n, err)
	}
	told.Flush()
	if want := []string{output, "unfinished", ""}; !slices.Equal(next.all, want) {
		t.Errorf("%d writes, %d wanted", len(next.all), len(want))
	}
}

type writes struct{ all []string }

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, string(p))
	return len(p), nil
}
