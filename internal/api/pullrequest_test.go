package api

import (
	"reflect"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func TestPullRequestIsRead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, _ := s.create(t, `{"job":"x","pull_request":{"draft":true,"labels":["b","a"]}}`)
	want := &githubjobs.PullRequest{Draft: true, Labels: []string{"a", "b"}}
	if got := s.spec(t, c.JobID).PullRequest; !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	replayed := func(body string) *githubjobs.PullRequest {
		res := s.do(t, "POST", "/api/jobs/"+c.JobID+"/replay", body)
		id, _, _ := strings.Cut(strings.TrimPrefix(res.body, `{"job_id":"`), `"`)
		return s.spec(t, id).PullRequest
	}
	if got := replayed(""); !reflect.DeepEqual(got, want) {
		t.Errorf("replayed as %+v", got)
	}
	if got := replayed(`{"pull_request":{}}`); got != nil {
		t.Errorf("replayed without as %+v", got)
	}
	for body, want := range map[string][2]string{
		`{"job":"x","pull_request":true}`:                   {"pull_request", `pull_request must be an object such as {"draft"`},
		`{"job":"x","pull_request":{"draft":"yes"}}`:        {"pull_request.draft", "must be true or false, not a string"},
		`{"job":"x","pull_request":{"labels":"a"}}`:         {"pull_request.labels", "must be a list of strings"},
		`{"job":"x","pull_request":{"labels":["a",""]}}`:    {"pull_request.labels[0]", "must not be blank"},
		`{"job":"x","pull_request":{"label":["a"]}}`:        {"pull_request.label", "Did you mean labels?"},
		`{"job":"x","pull_request":{"labels":["a\u0000"]}}`: {"pull_request.labels[0]", "one line"},
	} {
		res := s.do(t, "POST", "/api/create-job", body)
		if p := res.problem(t); res.StatusCode != 400 || p.Field != want[0] || !strings.Contains(p.Message, want[1]) {
			t.Errorf("%s: %d %+v", body, res.StatusCode, p)
		}
	}
}
