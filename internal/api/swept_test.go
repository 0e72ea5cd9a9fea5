package api

import (
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// A job that was removed is unknown, and its key stays taken.
func TestRemovedJob(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.JobRetention = 365 * 24 * time.Hour })
	const body = `{"job":"x"}`
	first, _ := s.create(t, body, "Idempotency-Key", "k")
	if err := s.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: first.JobID, Dispatch: &githubjobs.Dispatch{Refused: "a rule", At: now}}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.store.SweepJobs(t.Context(), "p", now.Add(time.Second), 10); n != 1 || err != nil {
		t.Fatalf("%d jobs were removed, %v", n, err)
	}
	for _, call := range [][2]string{{"GET", "/api/jobs/status?job_id=" + first.JobID}, {"POST", "/api/jobs/" + first.JobID + "/cancel"}} {
		res := s.do(t, call[0], call[1], "")
		if p := res.problem(t); res.StatusCode != 404 || p.Code != problem.JobNotFound || !strings.Contains(p.Message, "365 days") || !strings.Contains(p.Message, "job/"+first.JobID) {
			t.Errorf("%s: %d %+v", call[1], res.StatusCode, p)
		}
	}
	again, res := s.create(t, body, "Idempotency-Key", "k")
	if again.JobID != first.JobID || again.Status != githubjobs.StatusFailed || res.Header.Get("Idempotency-Replayed") != "true" || s.accepted.Load() != 1 {
		t.Errorf("%+v, replayed %q, %d jobs accepted", again, res.Header.Get("Idempotency-Replayed"), s.accepted.Load())
	}
	res = s.do(t, "POST", "/api/create-job", `{"job":"y"}`, "Idempotency-Key", "k")
	if p := res.problem(t); res.StatusCode != 409 || p.Code != problem.KeyReused || p.Field != "idempotency_key" {
		t.Errorf("another body: %d %+v", res.StatusCode, p)
	}
}

func TestDurationInWords(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{8760 * time.Hour: "365 days", 24 * time.Hour: "24 hours", 90 * time.Minute: "1h30m0s"} {
		if got := inWords(d); got != want {
			t.Errorf("%s: %q", d, got)
		}
	}
}
