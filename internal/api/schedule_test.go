package api

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/schedule"
	"github.com/githubjobs/githubjobs/internal/store"
)

const workdays = `{"cron":"30  6 * * 1-5","time_zone":"Europe/Berlin","job":{"job":"Report","config":{"period":"weekly"}},"concurrency_policy":"forbid","catch_up":null}`

// plan sends a request about a schedule and decodes the answer.
func (s *server) plan(t *testing.T, status int, method, path, body string, header ...string) (got Schedule) {
	t.Helper()
	res := s.do(t, method, "/api/schedules/"+path, body, header...)
	if err := json.Unmarshal([]byte(res.body), &got); err != nil || res.StatusCode != status {
		t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, res.body)
	}
	return got
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	s := setup(t) // it is Saturday noon
	made := s.plan(t, 201, "PUT", "nightly", workdays)
	var next []string
	for _, at := range made.NextTicks {
		next = append(next, at.Format(time.RFC3339))
	}
	if !slices.Equal(next, []string{"2026-11-23T05:30:00Z", "2026-11-24T05:30:00Z", "2026-11-25T05:30:00Z"}) {
		t.Errorf("next ticks %q", next)
	}
	if made.Name != "nightly" || made.Cron != "30 6 * * 1-5" || made.CatchUp != store.CatchUpLast || made.Concurrency != store.Forbid || made.Source != store.SourceAPI || made.Job.Kind != githubjobs.KindReport || string(made.Job.Config) != `{"period":"weekly"}` || !made.CreatedAt.Equal(now) || made.LastTick != nil {
		t.Errorf("made %+v", made)
	}
	before, err := s.store.Schedule(t.Context(), "p", "nightly")
	if err != nil || !before.Since.Equal(now) {
		t.Fatalf("%+v, %v", before, err)
	}
	s.plan(t, 200, "PUT", "nightly", workdays)
	if after, err := s.store.Schedule(t.Context(), "p", "nightly"); err != nil || after.Revision != before.Revision {
		t.Errorf("the same once more is written: %v", err)
	}
	for range 2 {
		if p := s.plan(t, 200, "POST", "nightly/pause", ""); !p.Paused || len(p.NextTicks) != 0 {
			t.Errorf("paused %+v", p)
		}
	}
	if p := s.plan(t, 200, "GET", "nightly", ""); !p.Paused {
		t.Errorf("read %+v", p)
	}
	if p := s.plan(t, 200, "POST", "nightly/resume", ""); p.Paused || len(p.NextTicks) != upcoming {
		t.Errorf("resumed %+v", p)
	}
	// What is told of a job can be sent as it is.
	everything := `{"job":"x","kind":"command","title":"A title","config":{"script":"true"},"timeout_seconds":60,"base":"release/1","secrets":["API_KEY"],"labels":["a=1"],"batch_id":"n-7","priority":7,"network":"none","retry":{"backoff_limit":1,"backoff_seconds":5,"retry_on":["timed_out"]},"queue_ttl_seconds":600,"concurrency_key":"k","concurrency_policy":"keep_newest","pull_request":{"draft":true,"labels":["report"]}}`
	told := s.plan(t, 201, "PUT", "a", `{"cron":"@hourly","job":`+everything+`}`)
	if raw, err := json.Marshal(told.Job); err != nil || string(raw) != everything {
		t.Errorf("sent %s, told %s", everything, raw)
	}
	job := reflect.ValueOf(told.Job)
	for i := range job.NumField() {
		if name := job.Type().Field(i).Name; name == "PromptRequest" {
			continue // told by config
		}
		if job.Field(i).IsZero() {
			t.Errorf("%s is not told", job.Type().Field(i).Name)
		}
	}
	if res := s.do(t, "GET", "/api/schedules", ""); !strings.HasPrefix(res.body, `{"schedules":[{"name":"a",`) || strings.Count(res.body, `"source":"api"`) != 2 {
		t.Errorf("listed %s", res.body)
	}
	if res := s.do(t, "DELETE", "/api/schedules/a", ""); res.StatusCode != 204 || res.body != "" {
		t.Errorf("removed: %d %s", res.StatusCode, res.body)
	}
	if res := s.do(t, "GET", "/api/schedules/a", ""); res.StatusCode != 404 || res.problem(t).Code != problem.ScheduleNotFound {
		t.Errorf("after its removal: %d %s", res.StatusCode, res.body)
	}
}

func TestTriggerSchedule(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.plan(t, 201, "PUT", "nightly", workdays)
	trigger := func(status int, key string) (c Created, res answer) {
		t.Helper()
		res = s.do(t, "POST", "/api/schedules/nightly/trigger", "", "Idempotency-Key", key)
		if err := json.Unmarshal([]byte(res.body), &c); err != nil || res.StatusCode != status {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		return c, res
	}
	first, res := trigger(200, "k")
	if first.Branch != "job/"+first.JobID || first.Status != githubjobs.StatusPending || res.Header.Get("Idempotency-Replayed") != "" {
		t.Errorf("%s", res.body)
	}
	if again, res := trigger(200, "k"); again != first || res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the same key: %s", res.body)
	}
	if _, res := trigger(409, "other"); res.problem(t).Code != problem.ScheduleBusy || !strings.Contains(res.body, first.JobID) {
		t.Errorf("while it runs: %s", res.body)
	}
	var j githubjobs.Job
	if err := json.Unmarshal([]byte(s.do(t, "GET", "/api/jobs/status?job_id="+first.JobID, "").body), &j); err != nil || j.Schedule != "nightly" {
		t.Errorf("%+v, %v", j, err)
	}
	if p := s.plan(t, 200, "GET", "nightly", ""); p.LastJobID != first.JobID || p.LastTick != nil || s.accepted.Load() != 1 {
		t.Errorf("%+v, accepted %d", p, s.accepted.Load())
	}
	if c, _ := s.create(t, `{"job":"x","idempotency_key":"schedule/nightly/trigger/k"}`); c.JobID == first.JobID {
		t.Error("a caller's key names a job of a schedule")
	}
	s.know(t, githubjobs.Facts{ID: first.JobID, Dispatch: &githubjobs.Dispatch{Refused: "no", At: now}})
	if res := s.do(t, "POST", "/api/schedules/nightly/trigger", ""); res.StatusCode != 200 {
		t.Errorf("without a key: %d %s", res.StatusCode, res.body)
	}
}

// While the queue is full a new job is turned away, and one that is there is told.
func TestTriggerWhileTheQueueIsFull(t *testing.T) {
	t.Parallel()
	var full atomic.Int64
	s := setup(t, func(o *Options) { o.Full = func(context.Context) time.Duration { return time.Duration(full.Load()) } })
	s.plan(t, 201, "PUT", "nightly", workdays)
	for _, c := range []struct {
		full   time.Duration
		key    string
		status int
	}{{0, "k", 200}, {90 * time.Second, "k", 200}, {90 * time.Second, "other", 429}, {90 * time.Second, "", 429}} {
		full.Store(int64(c.full))
		var header []string
		if c.key != "" {
			header = []string{"Idempotency-Key", c.key}
		}
		if res := s.do(t, "POST", "/api/schedules/nightly/trigger", "", header...); res.StatusCode != c.status {
			t.Errorf("%+v: %d %s", c, res.StatusCode, res.body)
		}
	}
}

func TestScheduleRefused(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.Base = func(context.Context) (string, error) { return "", nil } })
	file := store.Schedule{Name: "file", Source: store.SourceFile, Plan: store.Plan{Cron: "@daily", TimeZone: "UTC", Concurrency: store.Allow, CatchUp: store.CatchUpNone, Job: githubjobs.Spec{Kind: githubjobs.KindReport, Prompt: "x"}}}
	if err := s.store.SaveSchedule(t.Context(), "p", file, nil); err != nil {
		t.Fatal(err)
	}
	good := `{"cron":"@daily","job":{"job":"x"}}`
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		code               problem.Code
		field, says        string
	}{
		"no body":                   {"PUT", "s", "", 400, problem.InvalidJSON, "", `"cron"`},
		"no cron":                   {"PUT", "s", `{"job":{"job":"x"}}`, 400, problem.MissingField, "cron", "cron is missing"},
		"no job":                    {"PUT", "s", `{"cron":"@daily"}`, 400, problem.MissingField, "job", "job is missing"},
		"a job of words":            {"PUT", "s", `{"cron":"@daily","job":"x"}`, 400, problem.InvalidField, "job", "must be an object"},
		"an empty job":              {"PUT", "s", `{"cron":"@daily","job":{}}`, 400, problem.MissingField, "job.job", "what is to be done"},
		"a bad config":              {"PUT", "s", `{"cron":"@daily","job":{"job":"x","config":{"period":"hourly"}}}`, 400, problem.InvalidField, "job.config.period", "period"},
		"a key":                     {"PUT", "s", `{"cron":"@daily","job":{"job":"x","idempotency_key":"k"}}`, 400, problem.InvalidField, "job.idempotency_key", "leave idempotency_key out"},
		"a delay":                   {"PUT", "s", `{"cron":"@daily","job":{"job":"x","delay_until":"2030-01-01T00:00:00Z"}}`, 400, problem.InvalidField, "job.delay_until", "leave delay_until out"},
		"a misspelt field":          {"PUT", "s", `{"crom":"@daily"}`, 400, problem.UnknownField, "crom", "Did you mean cron?"},
		"a misspelt field of a job": {"PUT", "s", `{"cron":"@daily","job":{"task":"x"}}`, 400, problem.UnknownField, "job.task", "Did you mean job?"},
		"seconds":                   {"PUT", "s", `{"cron":"0 0 0 * * *","job":{"job":"x"}}`, 400, problem.InvalidField, "cron", "without seconds"},
		"never":                     {"PUT", "s", `{"cron":"0 0 31 2 *","job":{"job":"x"}}`, 400, problem.InvalidField, "cron", "never comes"},
		"a zone":                    {"PUT", "s", `{"cron":"@daily","time_zone":"Local","job":{"job":"x"}}`, 400, problem.InvalidField, "time_zone", "IANA"},
		"a policy":                  {"PUT", "s", `{"cron":"@daily","concurrency_policy":"queue","job":{"job":"x"}}`, 400, problem.InvalidField, "concurrency_policy", "allow"},
		"catching up":               {"PUT", "s", `{"cron":"@daily","catch_up":"some","job":{"job":"x"}}`, 400, problem.InvalidField, "catch_up", "last"},
		"paused, in a word":         {"PUT", "s", `{"cron":"@daily","paused":"yes","job":{"job":"x"}}`, 400, problem.InvalidField, "paused", "true or false"},
		"a name":                    {"PUT", "Nightly", good, 400, problem.InvalidField, "name", "a–z"},
		"a name with an end":        {"PUT", "s-", good, 400, problem.InvalidField, "name", "ends with"},
		"unknown":                   {"GET", "nobody", "", 404, problem.ScheduleNotFound, "name", "lists"},
		"unknown, to be paused":     {"POST", "nobody/pause", "", 404, problem.ScheduleNotFound, "name", "nobody"},
		"unknown, to be triggered":  {"POST", "nobody/trigger", "", 404, problem.ScheduleNotFound, "name", "nobody"},
		"unknown, to be removed":    {"DELETE", "nobody", "", 404, problem.ScheduleNotFound, "name", "nobody"},
		"of the file":               {"PUT", "file", good, 409, problem.ScheduleFromFile, "", "change it there"},
		"of the file, paused":       {"POST", "file/pause", "", 409, problem.ScheduleFromFile, "", "change it there"},
		"of the file, resumed":      {"POST", "file/resume", "", 409, problem.ScheduleFromFile, "", "change it there"},
		"of the file, removed":      {"DELETE", "file", "", 409, problem.ScheduleFromFile, "", "change it there"},
		"no base":                   {"POST", "file/trigger", "", 503, problem.BaseUnknown, "", "default branch"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := s.do(t, c.method, "/api/schedules/"+c.path, c.body)
			if p := res.problem(t); res.StatusCode != c.status || p.Code != c.code || p.Field != c.field || !strings.Contains(p.Message, c.says) {
				t.Errorf("%d %+v", res.StatusCode, p)
			}
		})
	}
	for _, r := range [][2]string{{"GET", ""}, {"PUT", "/s"}, {"DELETE", "/s"}, {"POST", "/s/trigger"}} {
		if res := s.do(t, r[0], "/api/schedules"+r[1], "", "X-Api-Key", "wrong"); res.StatusCode != 401 {
			t.Errorf("%s %s without a key: %d", r[0], r[1], res.StatusCode)
		}
	}
}

// A schedule that is away, or that somebody else changes all the time, is no mistake of the server's.
func TestScheduleWithoutDatabase(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.Schedules, o.Scheduler = noSchedules{}, noSchedules{} })
	for _, r := range [][2]string{{"GET", ""}, {"GET", "/s"}, {"PUT", "/s"}, {"DELETE", "/s"}, {"POST", "/s/pause"}, {"POST", "/s/resume"}, {"POST", "/s/trigger"}} {
		body := ""
		if r[0] == "PUT" {
			body = `{"cron":"@daily","job":{"job":"x"}}`
		}
		res := s.do(t, r[0], "/api/schedules"+r[1], body)
		if p := res.problem(t); res.StatusCode != 503 || p.Code != problem.StorageUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("%s %s: %d %s", r[0], r[1], res.StatusCode, res.body)
		}
	}
}

type noSchedules struct{}

func (noSchedules) Schedules(context.Context, string) ([]store.Schedule, error) {
	return nil, store.ErrUnavailable
}
func (noSchedules) Schedule(context.Context, string, string) (store.Schedule, error) {
	return store.Schedule{Plan: store.Plan{Cron: "@hourly", TimeZone: "UTC", Paused: false}}, store.ErrUnavailable
}
func (noSchedules) SaveSchedule(context.Context, string, store.Schedule, *githubjobs.Spec) error {
	return store.ErrUnavailable
}
func (noSchedules) DeleteSchedule(context.Context, string, string, int64) error {
	return store.ErrUnavailable
}
func (noSchedules) Trigger(context.Context, string, string) (schedule.Begun, error) {
	return schedule.Begun{}, store.ErrUnavailable
}
