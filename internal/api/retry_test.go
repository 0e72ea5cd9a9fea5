package api

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

const retriedBody = `{"job":"x","retry":{"backoff_limit":2,"backoff_seconds":60,"retry_on":["exit_code:75","timed_out"]}}`

func (s *server) spec(t *testing.T, id string) githubjobs.Spec {
	t.Helper()
	f, err := s.store.Facts(t.Context(), "p", id)
	if err != nil {
		t.Fatal(err)
	}
	return *f.Spec
}

func (s *server) status(t *testing.T, id string) (j githubjobs.Job) {
	t.Helper()
	if res := s.do(t, "GET", "/api/jobs/status?job_id="+id, ""); json.Unmarshal([]byte(res.body), &j) != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	return j
}

// failed tells that the attempt of a job has failed with an exit code.
func (s *server) failed(t *testing.T, of githubjobs.Name, exit int) {
	t.Helper()
	sha := "c-" + of.String()
	s.know(t, of.Facts(githubjobs.Facts{
		Dispatch: &githubjobs.Dispatch{At: now}, Created: []string{sha}, Branch: &githubjobs.BranchFact{Head: "r-" + of.String(), Moved: true, At: now},
		Runs:   []githubjobs.RunFact{{ID: int64(of.Attempt), Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: sha, URL: "https://hub/run", At: now}},
		Result: &githubjobs.ResultFact{SHA: "r-" + of.String(), At: now, Result: githubjobs.Result{Version: 1, ID: of.ID, RunID: int64(of.Attempt), Attempt: 1, Outcome: githubjobs.OutcomeFailure, ExitCode: exit}},
	}))
}

func TestRetryIsRead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, _ := s.create(t, retriedBody)
	want := githubjobs.Retry{BackoffLimit: 2, BackoffSeconds: 60, On: []string{"exit_code:75", "timed_out"}}
	if got := s.spec(t, c.JobID).Retry; got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v", got)
	}
	for _, body := range []string{`{"job":"x","retry":null}`, `{"job":"x","retry":{"backoff_limit":0}}`} {
		if c, _ := s.create(t, body); s.spec(t, c.JobID).Retry != nil {
			t.Errorf("%s is a policy", body)
		}
	}
	for body, want := range map[string][2]string{
		`{"job":"x","retry":3}`:                                            {"retry", `retry must be an object such as {"backoff_limit"`},
		`{"job":"x","retry":{}}`:                                           {"retry.backoff_limit", "retry: backoff_limit is missing"},
		`{"job":"x","retry":{"backoff_limit":11}}`:                         {"retry.backoff_limit", "11 is out of range; give 0 to 10"},
		`{"job":"x","retry":{"backoff_limit":1,"max":2}}`:                  {"retry.max", `There is no field "max"`},
		`{"job":"x","retry":{"backoff_limit":1,"backoff_seconds":"1"}}`:    {"retry.backoff_seconds", "must be a whole number of seconds"},
		`{"job":"x","retry":{"backoff_limit":1,"retry_on":["canceled"]}}`:  {"retry.retry_on[0]", "is not mended by another attempt"},
		`{"job":"x","retry":{"backoff_limit":1,"retry_on":"timed_out"}}`:   {"retry.retry_on", "must be a list of strings"},
		`{"job":"x","retry":{"backoff_limit":0,"retry_on":["timed_out"]}}`: {"retry.backoff_limit", "0 is out of range; give 1 to 10"},
	} {
		res := s.do(t, "POST", "/api/create-job", body)
		if p := res.problem(t); res.StatusCode != 400 || p.Field != want[0] || !strings.Contains(p.Message, want[1]) {
			t.Errorf("%s: %d %+v", body, res.StatusCode, p)
		}
	}
}

// A job that waits for its next attempt, and then is asked to make it at once.
func TestRetryNow(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, _ := s.create(t, retriedBody)
	first := githubjobs.Name{ID: c.JobID, Attempt: 1}
	s.failed(t, first, 75)
	if j := s.status(t, c.JobID); j.Reason != githubjobs.ReasonRetrying || j.Attempt != 1 || j.NextAttemptAt.IsZero() {
		t.Fatalf("%+v", j)
	}
	for range 2 {
		j, res := s.ask(t, c.JobID, "retry", `{"reason":"the disk has room again"}`)
		if res.StatusCode != 202 || j.Attempt != 2 || j.Branch != "job/"+c.JobID+".2" || j.Reason != githubjobs.ReasonRetrying || !strings.Contains(j.Message, "A caller of the API asked for attempt 2 at 2026-11-21T12:00:00Z (the disk has room again)") {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	}
	waiting, err := s.store.Waiting(t.Context(), "p", 9)
	if err != nil || len(waiting) != 1 {
		t.Fatalf("%v, %v", waiting, err)
	}
	if o, ok := waiting[0].Waits(now); !ok || o.Attempt != 2 || !o.Asked {
		t.Errorf("%+v", o)
	}
	// What is known by its facts alone can be attempted again, and again.
	for n := 2; n < 4; n++ {
		s.failed(t, githubjobs.Name{ID: c.JobID, Attempt: n}, 1)
		if j, res := s.ask(t, c.JobID, "retry", ""); res.StatusCode != 202 || j.Attempt != n+1 || len(j.Attempts) != n+1 {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	}
}

// An attempt that waits for its turn among the jobs of its key is asked for once, too.
func TestRetryWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, _ := s.create(t, `{"job":"x","concurrency_key":"k"}`)
	s.failed(t, githubjobs.Name{ID: c.JobID, Attempt: 1}, 1)
	for range 2 {
		if j, res := s.ask(t, c.JobID, "retry", ""); res.StatusCode != 202 || j.Attempt != 2 || j.Terminal {
			t.Errorf("%d %s", res.StatusCode, res.body)
		}
	}
}

func TestRetryRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	open, _ := s.create(t, `{"job":"x"}`)
	for name, c := range map[string]struct {
		id, body string
		status   int
		code     problem.Code
		says     string
	}{
		"not ended":     {open.JobID, "", 409, problem.NotRetryable, "its attempt 1 has not ended: it is pending (accepted)"},
		"unknown":       {"nobody", "", 404, problem.JobNotFound, `no job "nobody"`},
		"another field": {open.JobID, `{"why":"x"}`, 400, problem.UnknownField, "The only field is reason"},
	} {
		res := s.do(t, "POST", "/api/jobs/"+c.id+"/retry", c.body)
		if p := res.problem(t); res.StatusCode != c.status || p.Code != c.code || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s: %d %+v", name, res.StatusCode, p)
		}
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s := setup(t)
	old, _ := s.create(t, `{"job":"Count","kind":"command","config":{"script":"wc -l *"},"labels":["a"],"batch_id":"b","priority":3,"timeout_seconds":60,"delay_until":"2026-11-22T00:00:00Z","retry":{"backoff_limit":2}}`)
	replay := func(body string, header ...string) (Created, answer) {
		t.Helper()
		res := s.do(t, "POST", "/api/jobs/"+old.JobID+"/replay", body, header...)
		var c Created
		if err := json.Unmarshal([]byte(res.body), &c); err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		return c, res
	}
	same, _ := replay("")
	want := s.spec(t, old.JobID)
	want.ReplayOf, want.ID, want.Batch, want.DelayUntil = old.JobID, same.JobID, "", time.Time{}
	if got := s.spec(t, same.JobID); !reflect.DeepEqual(got, want) {
		t.Errorf("replayed as\n%+v\nwant\n%+v", got, want)
	}
	if j := s.status(t, same.JobID); j.ReplayOf != old.JobID || j.Reason != githubjobs.ReasonAccepted {
		t.Errorf("%+v", j)
	}
	other, _ := replay(`{"job":"Count all","timeout_seconds":90,"labels":null,"priority":0,"batch_id":"c","config":{"script":"wc -l"}}`)
	got := s.spec(t, other.JobID)
	if got.Title != "Count all" || got.Prompt != "Count all" || got.TimeoutSeconds != 90 || len(got.Labels) != 1 || got.Priority != 0 || got.Batch != "c" || string(got.Config) != `{"script":"wc -l"}` || got.Retry == nil {
		t.Errorf("%+v", got)
	}
	if got := s.spec(t, func() string { c, _ := replay(`{"kind":"report"}`); return c.JobID }()); got.Kind != "report" || got.Config != nil {
		t.Errorf("%+v", got)
	}
	// With a key it is made once, and another replay is another request.
	one, _ := replay(`{"priority":1}`, "Idempotency-Key", "k")
	again, res := replay(`{"priority":1,"idempotency_key":"k"}`)
	if one.JobID != again.JobID || res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%+v %+v", one, again)
	}
	if res := s.do(t, "POST", "/api/jobs/"+same.JobID+"/replay", `{"priority":1}`, "Idempotency-Key", "k"); res.StatusCode != 409 || res.problem(t).Code != problem.KeyReused {
		t.Errorf("another job with the same key: %d %s", res.StatusCode, res.body)
	}
	for body, says := range map[string]string{`{"priority":1000}`: "out of range", `{"what":1}`: `There is no field "what"`, `{"config":{"colour":"red"}}`: "is not a setting of this kind", `[]`: "must be a JSON object"} {
		if res := s.do(t, "POST", "/api/jobs/"+old.JobID+"/replay", body); res.StatusCode != 400 || !strings.Contains(res.problem(t).Message, says) {
			t.Errorf("%s: %d %s", body, res.StatusCode, res.body)
		}
	}
	if res := s.do(t, "POST", "/api/jobs/nobody/replay", ""); res.StatusCode != 404 {
		t.Errorf("of no job: %d", res.StatusCode)
	}
}
