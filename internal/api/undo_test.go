package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/gatekeeper"
)

func TestUndo(t *testing.T) {
	t.Parallel()
	many := &hub.ConflictError{}
	for i := range 30 {
		many.Paths = append(many.Paths, fmt.Sprintf("file-%02d", i))
	}
	for name, test := range map[string]struct {
		opened bool
		err    error
		status int
		says   string
	}{
		"new":            {true, nil, 201, "It is not merged: the policy says no."},
		"old":            {false, nil, 200, "It is not merged: the policy says no."},
		"not merged":     {false, gatekeeper.ErrNotMerged, 409, `"code":"not_merged"`},
		"nothing left":   {false, &hub.Error{Kind: hub.ErrUndone}, 409, `"code":"nothing_to_undo"`},
		"changed since":  {false, &hub.ConflictError{Paths: []string{"a", "b"}}, 409, "changed since: a, b."},
		"much changed":   {false, many, 409, "file-19, …."},
		"another branch": {false, &hub.Error{Kind: hub.ErrStranger, Message: "delete the branch undo/j1"}, 409, "delete the branch"},
		"busy":           {false, gatekeeper.ErrBusy, 429, ""},
		"refused":        {false, errors.New("x"), 502, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(o *Options) { o.Gate = &judge{opened: test.opened, err: test.err} })
			s.aJob(t, "j1")
			if res := s.do(t, "POST", "/api/jobs/j1/undo", ""); res.StatusCode != test.status || !strings.Contains(res.body, test.says) {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
			if res := s.do(t, "POST", "/api/jobs/j1/undo", "{}"); res.StatusCode != test.status {
				t.Errorf("with an empty object: %d %s", res.StatusCode, res.body)
			}
			if res := s.do(t, "POST", "/api/jobs/j2/undo", ""); res.StatusCode != 404 {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
		})
	}
}

// What can't be said is not taken for heard.
func TestRequestsWithoutFields(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.Gate = &judge{err: errors.New("it is asked")} })
	s.aJob(t, "j1")
	s.do(t, "PUT", "/api/schedules/nightly", `{"cron": "@daily", "job": {"job": "x"}}`)
	for _, path := range []string{"/api/jobs/j1/undo", "/api/schedules/nightly/pause", "/api/schedules/nightly/resume", "/api/schedules/nightly/trigger"} {
		for body, want := range map[string]struct {
			code problem.Code
			says string
		}{
			`{"merge": false}`: {problem.UnknownField, `There is no field "merge": this request has none. Send it without a body.`},
			`[]`:               {problem.InvalidJSON, "The body must be a JSON object such as {}, not a list."},
			`no`:               {problem.InvalidJSON, "not valid JSON at line 1, column 2"},
			"\xff":             {problem.InvalidJSON, "not valid UTF-8"},
		} {
			if res := s.do(t, "POST", path, body); res.StatusCode != 400 || res.problem(t).Code != want.code || !strings.Contains(res.problem(t).Message, want.says) {
				t.Errorf("%s %s: %d %s", path, body, res.StatusCode, res.body)
			}
		}
	}
	if res := s.do(t, "GET", "/api/schedules/nightly", ""); res.StatusCode != 200 || !strings.Contains(res.body, `"paused":false`) || strings.Contains(res.body, "last_job_id") {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}
