package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

func TestBatchRead(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.do(t, "POST", "/api/batches", `{"template":{"job":"x"},"inputs":[`+strings.Repeat(`{},`, 249)+`{"title":"last"}]}`).batch(t)
	s.do(t, "POST", "/api/create-job", `{"job":"x","batch_id":"named"}`)
	var list BatchList
	page := s.do(t, "GET", "/api/batches?limit=1", "")
	if err := json.Unmarshal([]byte(page.body), &list); err != nil || len(list.Batches) != 1 || list.Batches[0].BatchID != "named" || list.Batches[0].Indexed || list.Next == "" {
		t.Errorf("%s", page.body)
	}
	list = BatchList{}
	page = s.do(t, "GET", "/api/batches?cursor="+list.Next+page.next(t), "")
	if err := json.Unmarshal([]byte(page.body), &list); err != nil || len(list.Batches) != 1 || list.Batches[0].BatchID != b.BatchID || list.Next != "" {
		t.Errorf("%s", page.body)
	}
	index := 0
	for from := 0; ; {
		var results BatchResults
		res := s.do(t, "GET", fmt.Sprintf("/api/batches/%s/results?from=%d&limit=120", b.BatchID, from), "")
		if err := json.Unmarshal([]byte(res.body), &results); err != nil || results.Total != 250 {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
		for _, r := range results.Results {
			if r.Index != index || r.JobID != githubjobs.MemberID(b.BatchID, index) || r.Status != "pending" {
				t.Fatalf("result %d: %+v", index, r)
			}
			index++
		}
		if results.Next == nil {
			break
		}
		from = *results.Next
	}
	if index != 250 {
		t.Errorf("%d results", index)
	}
	for path, want := range map[string]struct {
		status int
		code   problem.Code
	}{
		"/api/batches/nobody":                            {404, problem.BatchNotFound},
		"/api/batches/No%20batch":                        {404, problem.BatchNotFound},
		"/api/batches/nobody/results":                    {404, problem.BatchNotFound},
		"/api/batches/named/results":                     {409, problem.BatchNotIndexed},
		"/api/batches/named?x=1":                         {400, problem.UnknownField},
		"/api/batches?limit=0":                           {400, problem.InvalidField},
		"/api/batches?limit=1&limit=2":                   {400, problem.InvalidField},
		"/api/batches?cursor=x":                          {400, problem.InvalidField},
		"/api/batches?status=failed":                     {400, problem.UnknownField},
		"/api/batches/" + b.BatchID + "/results?from=-1": {400, problem.InvalidField},
	} {
		if res := s.do(t, "GET", path, ""); res.StatusCode != want.status || res.problem(t).Code != want.code {
			t.Errorf("%s: %d %s", path, res.StatusCode, res.body)
		}
	}
}

func (a answer) next(t testing.TB) string {
	t.Helper()
	var page struct{ Next string }
	if err := json.Unmarshal([]byte(a.body), &page); err != nil {
		t.Fatal(err)
	}
	return page.Next
}

// Long results make a page shorter than its limit.
func TestResultsAreBounded(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.do(t, "POST", "/api/batches", `{"template":{"job":"x"},"inputs":[`+strings.Repeat(`{},`, 29)+`{}]}`).batch(t)
	summary := strings.Repeat("long ", 100_000)
	for i := range b.Total {
		id := githubjobs.MemberID(b.BatchID, i)
		f := githubjobs.Facts{ID: id, Runs: []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "success", At: now}},
			Result: &githubjobs.ResultFact{SHA: "a", At: now, Summary: summary, Result: githubjobs.Result{ID: id, Attempt: 1, RunID: 1, Outcome: githubjobs.OutcomeSuccess}}}
		if err := s.store.MergeFacts(t.Context(), "p", f); err != nil {
			t.Fatal(err)
		}
	}
	var results BatchResults
	res := s.do(t, "GET", "/api/batches/"+b.BatchID+"/results", "")
	if err := json.Unmarshal([]byte(res.body), &results); err != nil || results.Next == nil || *results.Next != len(results.Results) || len(results.Results) != 17 {
		t.Errorf("%d bytes, %d results, next %v, %v", len(res.body), len(results.Results), results.Next, err)
	}
}

func TestTellBatch(t *testing.T) {
	t.Parallel()
	two := 2
	got := tellBatch(store.Batch{ID: "b", CreatedAt: now, Size: 9, Limit: 3, Failures: 3, Status: map[githubjobs.Status]int{githubjobs.StatusFailed: 4, githubjobs.StatusMerged: 1, githubjobs.StatusCompleted: 2}})
	want := Batch{BatchID: "b", Total: 9, Missing: 2, Terminal: true, Failures: 3, MaxFailures: &two, Stopped: true, Indexed: true, CreatedAt: now, Counts: Counts{Failed: 4, Merged: 1, Completed: 2}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}
