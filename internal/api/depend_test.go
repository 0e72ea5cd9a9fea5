package api

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// A job that depends on another is held back, and says on which.
func TestCreateWithDependencies(t *testing.T) {
	t.Parallel()
	s := setup(t)
	create := func(body string) string {
		t.Helper()
		var created Created
		res := s.do(t, "POST", "/api/create-job", body)
		if err := json.Unmarshal([]byte(res.body), &created); err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		return created.JobID
	}
	first, second := create(`{"job":"first"}`), create(`{"job":"second"}`)
	body := `{"job":"third","depends_on":["` + second + `","` + first + `"],"concurrency_key":"k","idempotency_key":"third"}`
	third := create(body)
	if again := create(body); again != third {
		t.Errorf("repeated it is %s, not %s", again, third)
	}
	var job githubjobs.Job
	on := []string{first, second} // of the same millisecond
	slices.Sort(on)
	if res := s.do(t, "GET", "/api/jobs/status?job_id="+third, ""); json.Unmarshal([]byte(res.body), &job) != nil || job.Reason != githubjobs.ReasonBlockedByDependency ||
		!slices.Equal(job.DependsOn, on) || job.ConcurrencyKey != "k" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	waiting, err := s.store.Waiting(t.Context(), "p", 10)
	if err != nil || len(waiting) != 2 {
		t.Errorf("%d wait, %v", len(waiting), err)
	}
}

// The jobs of a schedule may share a key, and depend on nothing.
func TestScheduleOfAKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.do(t, "PUT", "/api/schedules/nightly", `{"cron":"@daily","job":{"job":"x","concurrency_key":"k","concurrency_policy":"keep_newest"}}`)
	var told Schedule
	if err := json.Unmarshal([]byte(res.body), &told); err != nil || res.StatusCode != 201 || told.Concurrency != store.Allow || told.Job.ConcurrencyKey != "k" || told.Job.ConcurrencyPolicy != githubjobs.ConcurrencyNewest {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	res = s.do(t, "PUT", "/api/schedules/nightly", `{"cron":"@daily","job":{"job":"x","depends_on":["a"]}}`)
	if p := res.problem(t); res.StatusCode != 400 || p.Field != "job.depends_on" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}
