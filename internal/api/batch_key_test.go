package api

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

func TestBatchWithAKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const body = `{"jobs":[{"job":"one"},{"job":"two","config":{"period":"daily"}}],"idempotency_key":"k"}`
	first := s.do(t, "POST", "/api/batches", body)
	b := first.batch(t)
	if first.StatusCode != 201 || first.Header.Get("Idempotency-Replayed") != "" || b.BatchID != githubjobs.KeyedBatchID("p", "k") {
		t.Fatalf("%d %s", first.StatusCode, first.body)
	}
	if err := s.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: githubjobs.MemberID(b.BatchID, 1), Dispatch: &githubjobs.Dispatch{Refused: "no", At: now}}); err != nil {
		t.Fatal(err)
	}
	again := s.do(t, "POST", "/api/batches", "{ \"jobs\": [{\"job\":\"one\"},\n{\"config\":{\"period\":\"daily\"},\"job\":\"two\"}], \"labels\": null}", "Idempotency-Key", `"k"`)
	if got := again.batch(t); again.StatusCode != 200 || again.Header.Get("Idempotency-Replayed") != "true" || got.BatchID != b.BatchID || got.Counts != (Counts{Pending: 1, Failed: 1}) || got.Failures != 1 {
		t.Errorf("%d %s", again.StatusCode, again.body)
	}
	for name, other := range map[string]string{
		"another job":   `{"jobs":[{"job":"one"},{"job":"two","config":{"period":"weekly"}}]}`,
		"another order": `{"jobs":[{"job":"two","config":{"period":"daily"}},{"job":"one"}]}`,
		"one more":      `{"jobs":[{"job":"one"},{"job":"two","config":{"period":"daily"}},{"job":"x"}]}`,
		"a limit":       `{"jobs":[{"job":"one"},{"job":"two","config":{"period":"daily"}}],"max_failures":0}`,
	} {
		res := s.do(t, "POST", "/api/batches", other, "Idempotency-Key", "k")
		if p := res.problem(t); res.StatusCode != 409 || p.Code != problem.KeyReused || !strings.Contains(p.Message, b.BatchID) {
			t.Errorf("%s: %d %+v", name, res.StatusCode, p)
		}
	}
	// The key of a batch is none of a job's.
	if res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`, "Idempotency-Key", "k"); res.StatusCode != 200 || res.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if res := s.do(t, "POST", "/api/create-job", `{"job":"x","batch_id":"`+b.BatchID+`"}`); res.StatusCode != 400 || res.problem(t).Field != "batch_id" {
		t.Errorf("a job came into the batch: %d %s", res.StatusCode, res.body)
	}
}

// A repeat long after the end of all jobs, which were removed since, creates none.
func TestBatchOfRemovedJobs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	const body = `{"jobs":[{"job":"one"},{"job":"two"}],"idempotency_key":"k"}`
	b := s.do(t, "POST", "/api/batches", body).batch(t)
	remove := func(i int) {
		t.Helper()
		f := githubjobs.Facts{ID: githubjobs.MemberID(b.BatchID, i), Dispatch: &githubjobs.Dispatch{Refused: "no", At: now}}
		if err := s.store.MergeFacts(t.Context(), "p", f); err != nil {
			t.Fatal(err)
		}
		if n, err := s.store.SweepJobs(t.Context(), "p", now.Add(time.Hour), 10); n != 1 || err != nil {
			t.Fatalf("%d jobs were removed: %v", n, err)
		}
	}
	remove(0)
	if got := s.do(t, "POST", "/api/batches", body).batch(t); got.Total != 2 || got.Missing != 1 || got.Counts != (Counts{Pending: 1}) || got.Terminal {
		t.Errorf("%+v", got)
	}
	remove(1)
	res := s.do(t, "POST", "/api/batches", body)
	if got := res.batch(t); res.StatusCode != 200 || res.Header.Get("Idempotency-Replayed") != "true" || got.Total != 2 || got.Missing != 2 || !got.Terminal {
		t.Errorf("%d %+v", res.StatusCode, got)
	}
	if res := s.do(t, "GET", "/api/batches/"+b.BatchID, ""); res.StatusCode != 404 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if res := s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"three"}],"idempotency_key":"k"}`); res.StatusCode != 409 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

func TestBatchIsTurnedAway(t *testing.T) {
	t.Parallel()
	after := time.Duration(0)
	s := setup(t, func(o *Options) {
		o.Room = func(_ context.Context, jobs int) (time.Duration, int) {
			if jobs > 3 {
				return time.Hour, 3
			}
			return after, 3
		}
	})
	const keyed = `{"jobs":[{"job":"x"},{"job":"x"}],"idempotency_key":"k"}`
	if res := s.do(t, "POST", "/api/batches", keyed); res.StatusCode != 201 {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	after = 90 * time.Second
	res := s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"x"},{"job":"x"}]}`)
	if p := res.problem(t); res.StatusCode != 429 || p.Code != problem.QueueFull || res.Header.Get("Retry-After") != "90" {
		t.Errorf("%d %+v, %v", res.StatusCode, p, res.Header)
	}
	if res := s.do(t, "POST", "/api/batches", keyed); res.StatusCode != 200 {
		t.Errorf("what is there needs no room: %d %s", res.StatusCode, res.body)
	}
	res = s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"x"},{"job":"x"},{"job":"x"},{"job":"x"}]}`)
	if p := res.problem(t); res.StatusCode != 400 || p.Code != problem.BatchTooLarge || !strings.Contains(p.Message, "of its 4 jobs, 3 at most") || res.Header.Get("Retry-After") != "" {
		t.Errorf("%d %+v", res.StatusCode, p)
	}
	after = 0
	if res := s.do(t, "POST", "/api/batches", `{"template":{"job":"x","delay_until":"2027-01-01T00:00:00Z"},"inputs":[{},{},{},{"delay_until":null}]}`); res.StatusCode != 201 {
		t.Errorf("jobs that are delayed do not wait: %d %s", res.StatusCode, res.body)
	}
}

// Bodies that are worked on at the same time share a bounded room.
func TestLargeBatchesTakeTurns(t *testing.T) {
	t.Parallel()
	a := &api{room: newRoom()}
	large, err := a.takeRoom(t.Context(), -1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var p *problem.Error
	if _, err := a.takeRoom(ctx, 10); !errors.As(err, &p) || p.Code != problem.TooManyBatches || p.GetHeaders().Get("Retry-After") == "" {
		t.Errorf("beside one of unknown size: %v", err)
	}
	large()
	for range 3 {
		release, err := a.takeRoom(t.Context(), maxBatchBody/4)
		if err != nil {
			t.Fatal(err)
		}
		defer release()
	}
}

// A body beyond the limit is refused.
func TestBatchBodyTooLarge(t *testing.T) {
	t.Parallel()
	res := setup(t).do(t, "POST", "/api/batches", `{"jobs":[{"job":"`+strings.Repeat("x", maxBatchBody)+`"}]}`)
	if p := res.problem(t); res.StatusCode != 400 || p.Code != problem.BodyTooLarge {
		t.Errorf("%d %+v", res.StatusCode, p)
	}
}
