package storetest

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// damages are facts that cannot be those of a job named "a".
var damages = map[string]string{
	"no JSON":         `{"id":"a","spec":`,
	"nothing":         `{}`,
	"no spec":         `{"id":"a"}`,
	"another job":     `{"id":"x","spec":{"id":"x"}}`,
	"another type":    `{"id":"a","spec":{"timeout_seconds":"many"}}`,
	"an invalid time": `{"id":"a","spec":{"created_at":"0000-00-00T00:00:00Z"}}`,
	"a list":          `[]`,
}

// Damage holds a store to what it promises of rows whose facts cannot be read. open
// gives an empty store that logs to the given logger and has the clock of the suite;
// write puts a text in the place of a job's facts.
func Damage(t *testing.T, open func(t *testing.T, now func() time.Time, log *slog.Logger) (s store.Store, write func(id, facts string))) {
	for name, facts := range damages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logged
			clk := &clock{at: Now}
			s, write := open(t, clk.now, slog.New(slog.NewTextHandler(&log, nil)))
			t.Cleanup(func() { ok(t, s.Close()) })
			for i, id := range []string{"a", "b", "c"} {
				spec := Spec(id, Now.Add(time.Duration(i)*time.Second))
				spec.Labels, spec.Batch = []string{"old"}, "old"
				ok(t, s.Accept(t.Context(), project, spec))
			}
			write("a", facts)
			damaged(t, clk, s)
			if n := strings.Count(log.String(), "job_id=a"); n != 1 {
				t.Errorf("job a is named %d times in the log, want 1:\n%s", n, log.String())
			}
			mended(t, s)
		})
	}
}

func damaged(t *testing.T, clk *clock, s store.Store) {
	t.Helper()
	_, err := s.Facts(t.Context(), project, "a")
	want(t, err, store.ErrDamaged)
	want(t, err, store.ErrUnavailable)
	if !strings.Contains(err.Error(), "job a") {
		t.Errorf("error %q does not name the job", err)
	}
	for _, limit := range []int{1, 2, 10} { // a page is short only at the end
		n := min(limit, 2)
		specs, err := s.Waiting(t.Context(), project, limit)
		ok(t, err)
		if len(specs) != n || specs[0].ID != "b" {
			t.Errorf("waiting, at most %d: %+v", limit, specs)
		}
		list, err := s.Active(t.Context(), project, "", limit)
		ok(t, err)
		if len(list) != n || list[0].ID != "b" {
			t.Errorf("active, at most %d: %+v", limit, list)
		}
	}
	if p, err := s.List(t.Context(), project, store.Query{}); err != nil || len(p.Jobs) != 3 {
		t.Errorf("the listing needs no facts: %+v, %v", p, err)
	}
	if known, err := s.Known(t.Context(), project, Now.Add(-time.Hour)); err != nil || len(known) != 3 {
		t.Errorf("known: %+v, %v", known, err)
	}
	// What was not pushed within a day is given up, by the passing of time.
	clk.advance(25 * time.Hour)
	ok(t, s.Refresh(t.Context(), project))
	clk.advance(-25 * time.Hour)
	ok(t, s.Refresh(t.Context(), project))
	queued := githubjobs.Facts{Runs: []githubjobs.RunFact{run(1, "queued", "")}}
	var facts []githubjobs.Facts
	for _, id := range []string{"a", "b", "c"} {
		queued.ID = id
		facts = append(facts, queued)
	}
	ok(t, s.MergeFacts(t.Context(), project, facts...))
	ok(t, s.RecordDelivery(t.Context(), store.Delivery{Project: project, GUID: "g", Event: "workflow_run", ReceivedAt: Now, Body: []byte("{}")}))
	ok(t, s.FinishDelivery(t.Context(), project, "g", "done", facts[0]))
	if c := counts(t, s); c.Deliveries != 0 || c.Waiting != 1 || c.Jobs != 3 {
		t.Errorf("counts %+v, want no delivery and only the damaged job waiting", c)
	}
	for _, id := range []string{"b", "c"} {
		if j := reduced(t, s, id); j.Reason != githubjobs.ReasonQueued {
			t.Errorf("job %s is %s: its facts were lost with those of the damaged one", id, j.Reason)
		}
	}
}

// mended: facts that hold the spec make the job whole again.
func mended(t *testing.T, s store.Store) {
	t.Helper()
	spec := Spec("a", Now)
	spec.Labels = []string{"new"}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Spec: &spec, Runs: []githubjobs.RunFact{run(1, "in_progress", "")}}))
	if j := reduced(t, s, "a"); j.Reason != githubjobs.ReasonRunning || j.Title != spec.Title {
		t.Errorf("job %+v", j)
	}
	for ids, q := range map[string]store.Query{"cb": {Batch: "old"}, "c": {Labels: []string{"old"}, Since: Now.Add(2 * time.Second)}, "a": {Labels: []string{"new"}, Status: githubjobs.StatusRunning}} {
		p, err := s.List(t.Context(), project, q)
		ok(t, err)
		var got string
		for _, j := range p.Jobs {
			got += j.ID
		}
		if got != ids {
			t.Errorf("%+v lists %q, want %q", q, got, ids)
		}
	}
	CheckCounters(t, s, project)
}

// logged is a log that several goroutines write.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
