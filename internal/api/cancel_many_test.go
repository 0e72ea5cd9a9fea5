package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

func (a answer) canceled(t testing.TB) (c Canceled) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &c); err != nil || a.StatusCode >= 300 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return c
}

func TestCancelBatch(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.do(t, "POST", "/api/batches", `{"template":{"job":"x"},"inputs":[`+strings.Repeat(`{},`, 599)+`{}]}`).batch(t)
	other := s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"x"}]}`).batch(t)
	path := "/api/batches/" + b.BatchID + "/cancel"
	res := s.do(t, "POST", path, `{"reason":"not wanted"}`)
	if c := res.canceled(t); res.StatusCode != 202 || c != (Canceled{Matched: 600, Asked: 600}) || s.canceled.Load() != 1 {
		t.Errorf("%d %+v; %d wakes", res.StatusCode, c, s.canceled.Load())
	}
	if c := s.do(t, "POST", path, "").canceled(t); c != (Canceled{Matched: 600, Before: 600}) || s.canceled.Load() != 1 {
		t.Errorf("asked again %+v", c)
	}
	for i := range b.Total {
		f, err := s.store.Facts(t.Context(), "p", githubjobs.MemberID(b.BatchID, i))
		if err != nil || f.Cancel == nil || f.Cancel.Why != "not wanted" {
			t.Fatalf("job %d: %+v, %v", i, f.Cancel, err)
		}
		if err := s.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: f.ID, Dispatch: &githubjobs.Dispatch{Dropped: true, At: now}}); err != nil {
			t.Fatal(err)
		}
	}
	res = s.do(t, "POST", path, "")
	if c := res.canceled(t); res.StatusCode != 200 || c != (Canceled{}) {
		t.Errorf("after their end: %d %+v", res.StatusCode, c)
	}
	if got := s.do(t, "GET", "/api/batches/"+b.BatchID, "").batch(t); !got.Terminal || got.Counts != (Counts{Failed: 600}) || got.Failures != 0 {
		t.Errorf("batch %+v", got)
	}
	if got := s.do(t, "GET", "/api/batches/"+other.BatchID, "").batch(t); got.Counts != (Counts{Pending: 1}) {
		t.Errorf("another batch %+v", got)
	}
	for path, body := range map[string]string{"/api/batches/nobody/cancel": "", "/api/jobs/cancel": `{"batch_id":"nobody"}`} {
		if res := s.do(t, "POST", path, body); res.StatusCode != 404 || res.problem(t).Code != problem.BatchNotFound {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
		}
	}
}

func TestCancelJobsByLabel(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 6 {
		s.do(t, "POST", "/api/create-job", fmt.Sprintf(`{"job":"x","labels":["all","n%d"],"batch_id":"b%d"}`, i%2, i%3))
	}
	pages := s.do(t, "GET", "/api/jobs?label=n1", "")
	var list JobList
	if err := json.Unmarshal([]byte(pages.body), &list); err != nil || len(list.Jobs) != 3 {
		t.Fatal(pages.body)
	}
	run := githubjobs.RunFact{ID: 1, Attempt: 1, Status: "in_progress", At: now}
	if err := s.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: list.Jobs[0].JobID, Runs: []githubjobs.RunFact{run}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		body string
		want Canceled
	}{
		{`{"labels":["nobody"]}`, Canceled{}},
		{`{"labels":["n1"],"status":"running"}`, Canceled{Matched: 1, Asked: 1}},
		{`{"labels":["n1","all"],"reason":null}`, Canceled{Matched: 3, Asked: 2, Before: 1}},
		{`{"labels":["n0"],"batch_id":"b0"}`, Canceled{Matched: 1, Asked: 1}},
		{`{"batch_id":"b0"}`, Canceled{Matched: 2, Before: 2}},
	} {
		if got := s.do(t, "POST", "/api/jobs/cancel", c.body).canceled(t); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.body, got, c.want)
		}
	}
	for body, field := range map[string]string{
		``: "labels", `{}`: "labels", `{"labels":[]}`: "labels", `{"labels":null,"status":"pending"}`: "labels",
		`{"label":["x"]}`: "label", `{"labels":"x"}`: "labels", `{"labels":["x"],"status":"failed"}`: "status", `{"labels":["x"],"reason":7}`: "reason",
		`{"labels":["a b"]}`: "", `{"batch_id":"A"}`: "",
	} {
		if res := s.do(t, "POST", "/api/jobs/cancel", body); res.StatusCode != 400 || res.problem(t).Field != field {
			t.Errorf("%s: %d %s", body, res.StatusCode, res.body)
		}
	}
	if c, err := s.store.Counts(t.Context(), "p"); err != nil || c.Active != 6 {
		t.Errorf("%+v, %v", c, err)
	}
}
