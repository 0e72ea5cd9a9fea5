package api

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// running is a job whose run 7 goes on and tells of itself by a capability of that name.
func running(t testing.TB, s *server, id, capability string) {
	t.Helper()
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindCommand, Prompt: "x", Title: "x", Base: "main", CreatedAt: now}
	spec.Normalize(now)
	learn(t, s, githubjobs.Facts{ID: id, Spec: &spec, Created: []string{"abc"}, Branch: &githubjobs.BranchFact{Head: "abc", At: now},
		Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "in_progress", HeadSHA: "abc", StartedAt: now, At: now}}})
	sum := sha256.Sum256([]byte(capability))
	open := store.Stream{Job: id, Capability: sum[:], ExpiresAt: now.Add(time.Hour)}
	open.Attempt, open.Run, open.RunAttempt = 1, 7, 1
	if _, err := s.store.OpenStream(t.Context(), "p", open); err != nil {
		t.Fatal(err)
	}
}

func learn(t testing.TB, s *server, facts githubjobs.Facts) {
	t.Helper()
	if err := s.store.MergeFacts(t.Context(), "p", facts); err != nil {
		t.Fatal(err)
	}
}

// tell adds events as an agent does.
func (s *server) tell(t testing.TB, id, capability, body string) answer {
	t.Helper()
	return s.do(t, "POST", "/api/live/"+id+"/events", body, "X-Api-Key", "", "Authorization", "Bearer "+capability)
}

const at = `"at":"2026-11-21T11:59:00Z"`

func TestEventsAreToldAndRead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	running(t, s, "a", "cap-a")
	body := `{"events":[{"seq":1,"type":"phase",` + at + `,"text":"running"},{"seq":2,"type":"log",` + at + `,"text":"50 %\r100 %\u001b[31m red\u0000"},
		{"seq":3,"type":"progress",` + at + `,"done":3,"total":10,"text":"files"},{"seq":4,"type":"metadata","at":"2036-01-01T00:00:00Z","key":"rows","text":"12"}]}`
	if a := s.tell(t, "a", "cap-a", body); a.StatusCode != http.StatusOK || a.body != `{"last_seq":4}` {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := s.tell(t, "a", "cap-a", `{}`); a.body != `{"last_seq":4}` {
		t.Errorf("a heartbeat: %d %s", a.StatusCode, a.body)
	}
	var j githubjobs.Job
	read(t, s.do(t, "GET", "/api/jobs/status?job_id=a", ""), &j)
	if j.Phase != "running" || *j.Progress != (githubjobs.Progress{Done: 3, Total: 10, Text: "files"}) || j.Metadata["rows"] != "12" || j.Log != "100 % red" || !j.HeartbeatAt.Equal(now) || j.Status != githubjobs.StatusRunning {
		t.Errorf("status %+v", j)
	}
	var first, rest EventList
	read(t, s.do(t, "GET", "/api/jobs/a/events?limit=3", ""), &first)
	read(t, s.do(t, "GET", "/api/jobs/a/events?after="+first.Next, ""), &rest)
	if len(first.Events) != 3 || first.Next != "3" || first.Terminal || len(rest.Events) != 1 || rest.Next != "4" || !rest.Events[0].At.Equal(now) {
		t.Errorf("pages %+v and %+v", first, rest)
	}
	read(t, s.do(t, "GET", "/api/jobs/a/events?types=log,metadata", ""), &rest)
	if len(rest.Events) != 2 || rest.Events[0].Text != "100 % red" || rest.Events[1].Key != "rows" {
		t.Errorf("two types: %+v", rest)
	}
}

func read(t testing.TB, a answer, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), into); err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s: %v", a.StatusCode, a.body, err)
	}
}

// Whatever a run sends, it is refused by name or kept within bounds; nothing of it comes to another job.
func TestHostileEvents(t *testing.T) {
	t.Parallel()
	s := setup(t)
	running(t, s, "a", "cap-a")
	running(t, s, "b", "cap-b")
	one := func(event string) string { return `{"events":[` + event + `]}` }
	var many strings.Builder
	for i := range githubjobs.MaxEvents + 1 {
		fmt.Fprintf(&many, `,{"seq":%d,"type":"log",%s}`, i+1, at)
	}
	good := one(`{"seq":1,"type":"log",` + at + `,"text":"x"}`)
	for name, c := range map[string]struct {
		job, capability, body string
		code                  problem.Code
	}{
		"the capability of another job":    {"a", "cap-b", good, problem.InvalidCapability},
		"an API key":                       {"a", "first-key", good, problem.InvalidCapability},
		"no capability":                    {"a", "", good, problem.InvalidCapability},
		"what no stranger is heard with":   {"a", "", `{"events":[{},{`, problem.InvalidCapability},
		"no job":                           {"c", "cap-a", good, problem.InvalidCapability},
		"a name that is no id":             {"..%2Fa", "cap-a", good, problem.InvalidCapability},
		"no JSON":                          {"a", "cap-a", `{"events":`, problem.InvalidJSON},
		"two values":                       {"a", "cap-a", good + good, problem.InvalidJSON},
		"a list":                           {"a", "cap-a", `[]`, problem.InvalidJSON},
		"another field":                    {"a", "cap-a", `{"status":"merged"}`, problem.InvalidJSON},
		"another field of an event":        {"a", "cap-a", one(`{"seq":1,"type":"log","job_id":"b"}`), problem.InvalidJSON},
		"a number too large":               {"a", "cap-a", one(`{"seq":1e300,"type":"log"}`), problem.InvalidJSON},
		"a time that is none":              {"a", "cap-a", one(`{"seq":1,"type":"log","at":"yesterday"}`), problem.InvalidJSON},
		"no number":                        {"a", "cap-a", one(`{"type":"log"}`), problem.InvalidField},
		"a number below 1":                 {"a", "cap-a", one(`{"seq":-1,"type":"log"}`), problem.InvalidField},
		"a number that takes all others":   {"a", "cap-a", one(`{"seq":9223372036854775807,"type":"log"}`), problem.InvalidField},
		"no type":                          {"a", "cap-a", one(`{"seq":1}`), problem.InvalidField},
		"a type that the server alone has": {"a", "cap-a", one(`{"seq":1,"type":"dropped"}`), problem.InvalidField},
		"an unknown phase":                 {"a", "cap-a", one(`{"seq":1,"type":"phase","text":"merged"}`), problem.InvalidField},
		"more than all":                    {"a", "cap-a", one(`{"seq":1,"type":"progress","done":2,"total":1}`), problem.InvalidField},
		"of nothing":                       {"a", "cap-a", one(`{"seq":1,"type":"progress"}`), problem.InvalidField},
		"a key with a line break":          {"a", "cap-a", one(`{"seq":1,"type":"metadata","key":"a\nb"}`), problem.InvalidField},
		"numbers that go back":             {"a", "cap-a", one(`{"seq":2,"type":"log"},{"seq":1,"type":"log"}`), problem.InvalidField},
		"too many":                         {"a", "cap-a", one(many.String()[1:]), problem.InvalidField},
		"a mebibyte":                       {"a", "cap-a", one(`{"seq":1,"type":"log","text":"` + strings.Repeat("x", maxBody) + `"}`), problem.BodyTooLarge},
	} {
		if a := s.tell(t, c.job, c.capability, c.body); a.StatusCode != c.code.Status() || a.problem(t).Code != c.code {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := s.tell(t, "a", "cap-a", one(`{"seq":1,"type":"log",`+at+`,"text":"`+strings.Repeat("é", 100_000)+`"}`)); a.StatusCode != http.StatusOK {
		t.Errorf("a long line: %d %s", a.StatusCode, a.body)
	}
	learn(t, s, githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: "abc", StartedAt: now, At: now.Add(time.Second)}}})
	if a := s.tell(t, "a", "cap-a", one(`{"seq":2,"type":"log",`+at+`}`)); a.problem(t).Code != problem.AttemptOver {
		t.Errorf("after the end: %d %s", a.StatusCode, a.body)
	}
	for id, want := range map[string]int{"a": 1, "b": 0} {
		var list EventList
		read(t, s.do(t, "GET", "/api/jobs/"+id+"/events", ""), &list)
		if len(list.Events) != want || want == 1 && len(list.Events[0].Text) > githubjobs.MaxEventText {
			t.Errorf("job %s has %d events", id, len(list.Events))
		}
	}
}

func TestHostileTokens(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for body, code := range map[string]problem.Code{
		`{}`: problem.MissingField, `{"token":5}`: problem.InvalidJSON, `{"token":"x","job_id":"a"}`: problem.InvalidJSON, `x`: problem.InvalidJSON,
		// The issuer of this test's server is nowhere.
		`{"token":"x"}`: problem.IdentityUnavailable,
	} {
		if a := s.do(t, "POST", "/api/live/token", body, "X-Api-Key", ""); a.StatusCode != code.Status() || a.problem(t).Code != code {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
	}
}

func TestEventQueries(t *testing.T) {
	t.Parallel()
	s := setup(t)
	running(t, s, "a", "cap-a")
	for path, code := range map[string]problem.Code{
		"/api/jobs/a/events?after=-1": problem.InvalidField, "/api/jobs/a/events?after=x": problem.InvalidField, "/api/jobs/a/events?limit=0": problem.InvalidField,
		"/api/jobs/a/events?limit=1001": problem.InvalidField, "/api/jobs/a/events?types=log,merged": problem.InvalidField, "/api/jobs/a/events?type=log": problem.UnknownField,
		"/api/jobs/c/events": problem.JobNotFound, "/api/jobs/A/events": problem.JobNotFound,
	} {
		if a := s.do(t, "GET", path, ""); a.StatusCode != code.Status() || a.problem(t).Code != code {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := s.do(t, "GET", "/api/jobs/a/events", "", "Last-Event-ID", "x"); a.problem(t).Code != problem.InvalidField {
		t.Errorf("a last id that is none: %d %s", a.StatusCode, a.body)
	}
	if a := s.do(t, "GET", "/api/jobs/a/events", "", "X-Api-Key", "wrong"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a key: %d %s", a.StatusCode, a.body)
	}
}

// message is one server-sent event.
type message struct{ id, event, data string }

// listen hands over what a stream tells; the channel is closed at its end.
func (s *server) listen(t testing.TB, path, lastID string) <-chan message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", "first-key")
	req.Header.Set("Accept", "text/html, text/event-stream;q=0.9")
	if lastID != "" {
		req.Header.Set("Last-Event-ID", lastID)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v", res.Status, res.Header)
	}
	messages := make(chan message)
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		defer close(messages)
		defer res.Body.Close()
		parse(ctx, res.Body, messages)
	}()
	return messages
}

func parse(ctx context.Context, body io.Reader, into chan<- message) {
	var m message
	for lines := bufio.NewScanner(body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case lines.Text() == "" && m != message{}:
			select {
			case into <- m:
			case <-ctx.Done():
				return
			}
			m = message{}
		case name == "id":
			m.id = value
		case name == "event":
			m.event = value
		case name == "data":
			m.data = value
		}
	}
}

// A stream tells what there is, then what comes, where the job stands, and ends with the job.
func TestStream(t *testing.T) {
	t.Parallel()
	s := setup(t)
	running(t, s, "a", "cap-a")
	tell := func(seq int, text string) {
		if a := s.tell(t, "a", "cap-a", fmt.Sprintf(`{"events":[{"seq":%d,"type":"log",%s,"text":%q}]}`, seq, at, text)); a.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
	}
	tell(1, "one")
	all, later := s.listen(t, "/api/jobs/a/events", ""), s.listen(t, "/api/jobs/a/events?after=0", "1")
	want := func(c <-chan message, id, event, data string) {
		t.Helper()
		m, ok := <-c
		if !ok || m.id != id || m.event != event || !strings.Contains(m.data, data) {
			t.Errorf("%+v (%t), want %s %s with %s", m, ok, event, id, data)
		}
	}
	want(all, "1", "log", `"text":"one"`)
	want(all, "", "status", `"reason":"running"`)
	want(later, "", "status", `"reason":"running"`)
	tell(2, "two")
	want(all, "2", "log", `"text":"two"`)
	want(later, "2", "log", `"text":"two"`)
	tell(3, "three")
	learn(t, s, githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: "abc", StartedAt: now, At: now.Add(time.Second)}}})
	for _, c := range []<-chan message{all, later} {
		want(c, "3", "log", `"text":"three"`)
		for m := range c {
			if m.event != "status" {
				t.Errorf("%+v", m)
			}
		}
	}
	ended := s.listen(t, "/api/jobs/a/events", "3")
	want(ended, "", "status", `"terminal":true`)
	if m, open := <-ended; open {
		t.Errorf("the stream of an ended job goes on with %+v", m)
	}
}

// A stream goes on for longer than the server lets any other answer take.
func TestStreamOutlivesTheTimeouts(t *testing.T) {
	t.Parallel()
	s := setup(t)
	running(t, s, "a", "cap-a")
	const limit = 5 * time.Second
	short := httptest.NewUnstartedServer(s.Config.Handler)
	short.Config.ReadTimeout, short.Config.WriteTimeout = limit, limit
	short.Start()
	t.Cleanup(short.Close)
	all := (&server{Server: short}).listen(t, "/api/jobs/a/events", "")
	if m := <-all; m.event != "status" {
		t.Fatalf("%+v", m)
	}
	time.Sleep(limit + limit/2) // longer than both: it is their passing that is tested
	if a := s.tell(t, "a", "cap-a", `{"events":[{"seq":1,"type":"log",`+at+`,"text":"late"}]}`); a.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if m, ok := <-all; !ok || m.event != "log" {
		t.Errorf("%+v, %t", m, ok)
	}
}
