package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

func (s *server) cancel(t *testing.T, id, body string) (githubjobs.Job, answer) {
	t.Helper()
	return s.ask(t, id, "cancel", body)
}

// ask asks for something to be done about a job.
func (s *server) ask(t *testing.T, id, what, body string) (githubjobs.Job, answer) {
	t.Helper()
	res := s.do(t, "POST", "/api/jobs/"+id+"/"+what, body)
	var j githubjobs.Job
	if err := json.Unmarshal([]byte(res.body), &j); err != nil {
		t.Fatalf("%d %s: %v", res.StatusCode, res.body, err)
	}
	return j, res
}

func (s *server) know(t *testing.T, facts githubjobs.Facts) {
	t.Helper()
	if err := s.store.MergeFacts(t.Context(), "p", facts); err != nil {
		t.Fatal(err)
	}
}

// A request to cancel is kept once, and told in the status; the job ends when the
// workers have done what it takes.
func TestCancel(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, _ := s.create(t, `{"job":"x"}`)
	for _, body := range []string{`{"reason":" the wrong month "}`, "", `{}`, `{"reason":null}`} {
		j, res := s.cancel(t, c.JobID, body)
		if res.StatusCode != 202 || j.ID != c.JobID || j.Reason != githubjobs.ReasonAccepted || !strings.Contains(j.Message, "A caller of the API asked at 2026-11-21T12:00:00Z to cancel it (the wrong month).") {
			t.Errorf("%s: %d %s", body, res.StatusCode, res.body)
		}
	}
	if n := s.canceled.Load(); n != 1 {
		t.Errorf("the workers were told %d times", n)
	}
	s.know(t, githubjobs.Facts{ID: c.JobID, Dispatch: &githubjobs.Dispatch{Dropped: true, At: now}})
	if j, res := s.cancel(t, c.JobID, ""); res.StatusCode != 200 || j.Reason != githubjobs.ReasonCanceled {
		t.Errorf("cancelled before: %d %s", res.StatusCode, res.body)
	}
}

func TestCancelRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ended, _ := s.create(t, `{"job":"ended"}`)
	s.know(t, githubjobs.Facts{ID: ended.JobID, Dispatch: &githubjobs.Dispatch{Refused: "declined by a ruleset", At: now}})
	open, _ := s.create(t, `{"job":"open"}`)
	for name, c := range map[string]struct {
		id, body string
		status   int
		code     problem.Code
		says     string
	}{
		"ended":            {ended.JobID, "", 409, problem.JobEnded, "it is failed (push_refused)"},
		"unknown":          {"nobody", "", 404, problem.JobNotFound, `no job "nobody"`},
		"a branch":         {"job%2Fx", "", 404, problem.JobNotFound, "the id is x"},
		"no id at all":     {"A_B", "", 404, problem.JobNotFound, "An id has"},
		"no JSON":          {open.JobID, "why", 400, problem.InvalidJSON, "not valid JSON"},
		"another field":    {open.JobID, `{"why":"x"}`, 400, problem.UnknownField, "The only field is reason"},
		"a number":         {open.JobID, `{"reason":1}`, 400, problem.InvalidField, "must be a string"},
		"two lines":        {open.JobID, `{"reason":"a\nb"}`, 400, problem.InvalidField, "one line"},
		"too many words":   {open.JobID, `{"reason":"` + strings.Repeat("é", 201) + `"}`, 400, problem.InvalidField, "200 characters"},
		"more than a body": {open.JobID, `{"reason":"` + strings.Repeat("x", 1<<20) + `"}`, 400, problem.BodyTooLarge, "1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := s.do(t, "POST", "/api/jobs/"+c.id+"/cancel", c.body)
			if p := res.problem(t); res.StatusCode != c.status || p.Code != c.code || !strings.Contains(p.Message, c.says) {
				t.Errorf("%d %+v", res.StatusCode, p)
			}
		})
	}
	if res := s.do(t, "POST", "/api/jobs/"+open.JobID+"/cancel", "", "X-Api-Key", "wrong"); res.StatusCode != 401 {
		t.Errorf("without a key: %d", res.StatusCode)
	}
	t.Cleanup(func() {
		if n := s.canceled.Load(); n != 0 {
			t.Errorf("the workers were told %d times", n)
		}
	})
}
