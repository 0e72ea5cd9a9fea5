package api

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// create posts a job and returns the answer's body, which must be a job.
func (s *server) create(t *testing.T, body string, header ...string) (Created, answer) {
	t.Helper()
	res := s.do(t, "POST", "/api/create-job", body, header...)
	var c Created
	if err := json.Unmarshal([]byte(res.body), &c); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	return c, res
}

// One key is one job, wherever the key stands and however the body is written.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const body = `{"job":"x","config":{"period":"daily"},"timeout_seconds":60}`
	first, res := s.create(t, body, "Idempotency-Key", "k-1")
	if first.JobID != githubjobs.KeyedID("p", "k-1") || res.Header.Get("Idempotency-Replayed") != "" {
		t.Fatalf("%+v, headers %v", first, res.Header)
	}
	for name, c := range map[string]struct{ body, header string }{
		"the same again":          {body, "k-1"},
		"quoted, as in the draft": {body, `"k-1"`},
		"in another order":        {"{ \"timeout_seconds\":60,\n\"config\":{\"period\":\"daily\"},\"job\":\"x\"}", "k-1"},
		"with nulls":              {`{"job":"x","config":{"period":"daily"},"timeout_seconds":60,"title":null,"idempotency_key":null}`, "k-1"},
		"in the body":             {`{"job":"x","config":{"period":"daily"},"timeout_seconds":60,"idempotency_key":"k-1"}`, ""},
		"in both":                 {`{"job":"x","config":{"period":"daily"},"timeout_seconds":60,"idempotency_key":"k-1"}`, "k-1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var header []string
			if c.header != "" {
				header = []string{"Idempotency-Key", c.header}
			}
			if again, res := s.create(t, c.body, header...); again != first || res.Header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("%+v replayed %q, want %+v", again, res.Header.Get("Idempotency-Replayed"), first)
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		t.Parallel()
		if other, _ := s.create(t, body, "Idempotency-Key", "k-2"); other.JobID == first.JobID {
			t.Error("two keys name one job")
		}
	})
	for name, other := range map[string]string{
		"another text":   `{"job":"y","config":{"period":"daily"},"timeout_seconds":60}`,
		"another config": `{"job":"x","config":{"period":"weekly"},"timeout_seconds":60}`,
		"one field less": `{"job":"x","config":{"period":"daily"}}`,
		// It says what the default says, but is another body: the default may change.
		"one field more": `{"job":"x","config":{"period":"daily"},"timeout_seconds":60,"kind":"report"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := s.do(t, "POST", "/api/create-job", other, "Idempotency-Key", "k-1")
			if p := res.problem(t); res.StatusCode != 409 || p.Code != problem.KeyReused || p.Field != "idempotency_key" || !strings.Contains(p.Message, first.JobID) {
				t.Errorf("%d %+v", res.StatusCode, p)
			}
		})
	}
	t.Cleanup(func() {
		if n := s.accepted.Load(); n != 2 {
			t.Errorf("the dispatcher was called %d times for two jobs", n)
		}
	})
}

// The status of a job that goes on is the answer to a repeated request.
func TestRepeatedLater(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first, _ := s.create(t, `{"job":"x","idempotency_key":"k"}`)
	refused := githubjobs.Facts{ID: first.JobID, Dispatch: &githubjobs.Dispatch{Refused: "declined by a ruleset", At: now}}
	if err := s.store.MergeFacts(t.Context(), "p", refused); err != nil {
		t.Fatal(err)
	}
	if again, _ := s.create(t, `{"job":"x","idempotency_key":"k"}`); again.JobID != first.JobID || again.Status != githubjobs.StatusFailed {
		t.Errorf("%+v", again)
	}
}

// Sixty-four callers with one key make one job.
func TestOneKeyAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var callers sync.WaitGroup
	var mu sync.Mutex
	ids := map[string]int{}
	for range 64 {
		callers.Go(func() {
			res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`, "Idempotency-Key", "same")
			var c Created
			if err := json.Unmarshal([]byte(res.body), &c); err != nil || res.StatusCode != 200 {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
			mu.Lock()
			ids[c.JobID]++
			mu.Unlock()
		})
	}
	callers.Wait()
	specs, err := s.store.Waiting(t.Context(), "p", 10)
	if err != nil || len(specs) != 1 || len(ids) != 1 || s.accepted.Load() != 1 {
		t.Errorf("%d jobs waiting, ids %v, the dispatcher was called %d times, %v", len(specs), ids, s.accepted.Load(), err)
	}
}

// A full queue turns new jobs away, and knows those it has.
func TestTurnedAway(t *testing.T) {
	t.Parallel()
	var full atomic.Int64
	s := setup(t, func(o *Options) { o.Full = func(context.Context) time.Duration { return time.Duration(full.Load()) } })
	first, _ := s.create(t, `{"job":"x","idempotency_key":"k"}`)
	full.Store(int64(90 * time.Second))
	if again, _ := s.create(t, `{"job":"x","idempotency_key":"k"}`); again.JobID != first.JobID {
		t.Errorf("%+v", again)
	}
	for body, want := range map[string]int{`{"job":"x"}`: 429, `{"job":"x","idempotency_key":"new"}`: 429, `{"job":"y","idempotency_key":"k"}`: 409, `{}`: 400} {
		res := s.do(t, "POST", "/api/create-job", body)
		if p := res.problem(t); res.StatusCode != want || want == 429 && (p.Code != problem.QueueFull || res.Header.Get("Retry-After") != "90") {
			t.Errorf("%s: %d %+v, Retry-After %q", body, res.StatusCode, p, res.Header.Get("Retry-After"))
		}
	}
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d jobs were taken", n)
	}
}

func TestIdempotencyKeyRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, c := range map[string]struct {
		body   string
		header []string
		field  string
		says   string
	}{
		"an empty header":    {`{"job":"x"}`, []string{""}, "Idempotency-Key", "is empty"},
		"empty quotes":       {`{"job":"x"}`, []string{`""`}, "Idempotency-Key", "is empty"},
		"a long header":      {`{"job":"x"}`, []string{strings.Repeat("k", 256)}, "Idempotency-Key", "256 bytes"},
		"two headers":        {`{"job":"x"}`, []string{"a", "a"}, "Idempotency-Key", "2 times"},
		"an empty field":     {`{"job":"x","idempotency_key":""}`, nil, "idempotency_key", "is empty"},
		"a number":           {`{"job":"x","idempotency_key":7}`, nil, "idempotency_key", "must be a string"},
		"a line break":       {`{"job":"x","idempotency_key":"a\nb"}`, nil, "idempotency_key", "control characters"},
		"white space around": {`{"job":"x","idempotency_key":" a"}`, nil, "idempotency_key", "white space"},
		"two keys":           {`{"job":"x","idempotency_key":"a"}`, []string{"b"}, "idempotency_key", `"b"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := s.doWith(t, "POST", "/api/create-job", c.body, map[string][]string{"Idempotency-Key": c.header})
			if p := res.problem(t); res.StatusCode != 400 || p.Code != problem.InvalidField || p.Field != c.field || !strings.Contains(p.Message, c.says) {
				t.Errorf("%d %+v", res.StatusCode, p)
			}
		})
	}
	t.Cleanup(func() {
		if n := s.accepted.Load(); n != 0 {
			t.Errorf("%d jobs were accepted", n)
		}
	})
}
