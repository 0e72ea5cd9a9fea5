package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

func (s *server) list(t *testing.T, query string) JobList {
	t.Helper()
	res := s.do(t, "GET", "/api/jobs"+query, "")
	var l JobList
	if err := json.Unmarshal([]byte(res.body), &l); err != nil || res.StatusCode != 200 || l.Jobs == nil {
		t.Fatalf("%s: %d %s", query, res.StatusCode, res.body)
	}
	return l
}

func (l JobList) titles() (titles []string) {
	for _, j := range l.Jobs {
		titles = append(titles, j.Title)
	}
	slices.Sort(titles)
	return titles
}

func TestList(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if l := s.list(t, ""); len(l.Jobs) != 0 || l.Next != "" {
		t.Errorf("an empty store lists %+v", l)
	}
	a, _ := s.create(t, `{"job":"a","labels":["nightly","team/x"],"batch_id":"b1"}`)
	s.create(t, `{"job":"b","labels":["nightly"],"batch_id":"b1"}`)
	s.create(t, `{"job":"c","kind":"command","config":{"script":"true"}}`)
	s.know(t, githubjobs.Facts{ID: a.JobID, Dispatch: &githubjobs.Dispatch{Refused: "no", At: now}})
	for query, want := range map[string]string{
		"":                                   "a b c",
		"?status=failed":                     "a",
		"?status=pending":                    "b c",
		"?reason=push_refused":               "a",
		"?kind=command":                      "c",
		"?label=nightly":                     "a b",
		"?label=nightly&label=team/x":        "a",
		"?batch_id=b1&status=pending":        "b",
		"?label=nobody":                      "",
		"?since=2026-11-21T12:00:00Z":        "a b c",
		"?since=2026-11-21T12:00:01Z":        "",
		"?until=2026-11-21T12:00:00Z":        "",
		"?until=2026-11-21T14:00:01%2B02:00": "a b c",
	} {
		if got := strings.Join(s.list(t, query).titles(), " "); got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	j := s.list(t, "?status=failed").Jobs[0]
	if j.JobID != a.JobID || j.Branch != a.Branch || j.Reason != githubjobs.ReasonPushRefused || !j.Terminal || j.Kind != githubjobs.KindReport || !j.CreatedAt.Equal(now) || !j.UpdatedAt.Equal(now) {
		t.Errorf("%+v", j)
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 7 {
		s.create(t, fmt.Sprintf(`{"job":"job %d"}`, i))
	}
	var seen []string
	pages := 0
	for next := ""; ; pages++ {
		query := url.Values{"limit": {"3"}}
		if next != "" {
			query.Set("cursor", next)
		}
		l := s.list(t, "?"+query.Encode())
		seen = append(seen, l.titles()...)
		if next = l.Next; next == "" {
			break
		}
	}
	slices.Sort(seen)
	if len(seen) != 7 || len(slices.Compact(seen)) != 7 || pages != 2 {
		t.Errorf("%d more pages list %v", pages, seen)
	}
}

func TestListRefuses(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for query, c := range map[string]struct {
		code  problem.Code
		field string
		says  string
	}{
		"?state=failed":                    {problem.UnknownField, "state", "The parameters are batch_id"},
		"?status=Failed":                   {problem.InvalidField, "", `no status "Failed"`},
		"?reason=bored":                    {problem.InvalidField, "", `no reason "bored"`},
		"?kind=cook":                       {problem.InvalidField, "", `no kind "cook"`},
		"?status=merged&reason=running":    {problem.InvalidField, "", "belongs to status running"},
		"?status=":                         {problem.InvalidField, "status", "is empty"},
		"?status=failed&status=merged":     {problem.InvalidField, "status", "2 times"},
		"?label=a%20b":                     {problem.InvalidField, "", "cannot be a label"},
		"?batch_id=B":                      {problem.InvalidField, "", "cannot be the id of a batch"},
		"?since=yesterday":                 {problem.InvalidField, "since", "RFC 3339"},
		"?until=2026-11-21T12:00:00+01:00": {problem.InvalidField, "until", "write + as %2B"},
		"?limit=0":                         {problem.InvalidField, "limit", "1 to 1000"},
		"?limit=1001":                      {problem.InvalidField, "limit", "1 to 1000"},
		"?limit=many":                      {problem.InvalidField, "limit", "1 to 1000"},
		"?status=%zz":                      {problem.InvalidField, "", "can't be read"},
		"?cursor=x":                        {problem.InvalidField, "", "not a cursor"},
	} {
		res := s.do(t, "GET", "/api/jobs"+query, "")
		if p := res.problem(t); res.StatusCode != 400 || p.Code != c.code || p.Field != c.field || !strings.Contains(p.Message, c.says) {
			t.Errorf("%s: %d %+v", query, res.StatusCode, p)
		}
	}
}
