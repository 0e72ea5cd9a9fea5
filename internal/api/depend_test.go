package api

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
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

// While the database is new, a job that is not known may be one of GitHub's.
func TestDependencyBeforeGitHubWasRead(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.Read = func() bool { return false } })
	for path, body := range map[string]string{"/api/create-job": `{"job":"x","depends_on":["a"]}`, "/api/batches": `{"jobs":[{"job":"x","depends_on":["a"]}]}`} {
		res := s.do(t, "POST", path, body)
		if p := res.problem(t); res.StatusCode != 503 || p.Code != problem.DependencyUnknown || res.Header.Get("Retry-After") != "5" {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	}
}

// The jobs of a batch name each other by their places, in any order.
func TestBatchWithDependencies(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.do(t, "POST", "/api/batches", `{"template":{"job":"x","on_dependency_failure":"skip"},"inputs":[{"depends_on":["#1","#2","#2"]},{},{"depends_on":["#1"]}]}`).batch(t)
	id := func(i int) string { return githubjobs.MemberID(b.BatchID, i) }
	for i, want := range [][]string{{id(1), id(2)}, nil, {id(1)}} {
		if got := s.specs(t, b)[i]; !slices.Equal(got.DependsOn, want) || got.OnDependencyFailure != githubjobs.DependencySkip {
			t.Errorf("%d depends on %q, want %q", i, got.DependsOn, want)
		}
	}
	waiting, err := s.store.Waiting(t.Context(), "p", 10)
	if err != nil || len(waiting) != 1 || waiting[0].ID != id(1) {
		t.Errorf("waiting %+v, %v", waiting, err)
	}
	chain := `{"job":"x"}`
	for i := range 20 {
		chain += fmt.Sprintf(`,{"job":"x","depends_on":["#%d"]}`, (i+2)%21)
	}
	for body, want := range map[string]struct {
		status int
		field  string
		says   string
	}{
		`{"jobs":[{"job":"x","depends_on":["#1"]}]}`:                                                     {400, "jobs[0].depends_on[0]", `"#1" names no job of this batch; the first is #0, the last #0`},
		`{"jobs":[{"job":"x","depends_on":["#00"]}]}`:                                                    {400, "jobs[0].depends_on[0]", "names no job"},
		`{"jobs":[{"job":"x","depends_on":["#0"]}]}`:                                                     {400, "jobs[0].depends_on[0]", "is the job itself"},
		`{"jobs":[{"job":"x"},{"job":"x","depends_on":["#2"]},{"job":"x","depends_on":["#1"]}]}`:         {400, "jobs[1].depends_on", "jobs[1] → jobs[2] → jobs[1]. Take one"},
		`{"jobs":[{"job":"x"},{"job":"x","depends_on":["nobody"]}]}`:                                     {422, "jobs[1].depends_on", `The batch was not created: it depends on the job "nobody"`},
		`{"jobs":[` + strings.Replace(chain, `{"job":"x"}`, `{"job":"x","depends_on":["#1"]}`, 1) + `]}`: {400, "jobs[0].depends_on", "→ … → jobs[0], 21 jobs in all"},
	} {
		res := s.do(t, "POST", "/api/batches", body)
		if p := res.problem(t); res.StatusCode != want.status || p.Field != want.field || !strings.Contains(p.Message, want.says) {
			t.Errorf("%s: %d field %q: %s", body, res.StatusCode, p.Field, p.Message)
		}
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
