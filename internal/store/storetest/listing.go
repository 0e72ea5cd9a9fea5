package storetest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// fill stores 60 jobs of both kinds in four states; every three have one creation time.
func fill(t *testing.T, s store.Store) (jobs []githubjobs.Job) {
	t.Helper()
	var all []githubjobs.Facts
	for i := range 60 {
		spec := Spec(fmt.Sprintf("job-%02d", i), Now.Add(time.Duration(i/3)*time.Minute))
		if i%2 == 0 {
			spec.Kind = githubjobs.KindCommand
		}
		spec.Labels, spec.Batch = labelsOf(i), batchOf(i)
		f := githubjobs.Facts{ID: spec.ID, Spec: &spec}
		switch i % 4 {
		case 1:
			f.Runs = []githubjobs.RunFact{run(1, "in_progress", "")}
		case 2:
			f.Runs = []githubjobs.RunFact{run(1, "completed", "cancelled")}
		case 3:
			f.Runs = []githubjobs.RunFact{run(1, "completed", "timed_out")}
		}
		all = append(all, f)
		jobs = append(jobs, githubjobs.Reduce(f, Now))
	}
	ok(t, s.MergeFacts(t.Context(), project, all...))
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "no-spec", Branch: &githubjobs.BranchFact{Head: "abc", At: Now}}))
	ok(t, s.Accept(t.Context(), "other", Spec("other", Now)))
	slices.Reverse(jobs) // the newest first, and of one time the greatest id
	return jobs
}

// labelsOf are the labels of the i-th job of fill: the third of them has none.
func labelsOf(i int) []string {
	return [][]string{{"a", "b"}, {"b"}, nil}[i%3]
}

// batchOf is the batch of the i-th job of fill; the last twenty have none.
func batchOf(i int) string {
	return []string{"one", "two", ""}[i/20]
}

// number is the i of a job of fill.
func number(id string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(id, "job-"))
	if err != nil {
		panic(err)
	}
	return n
}

// walk lists page after page.
func walk(t *testing.T, s store.Store, q store.Query) (list []store.Listed) {
	t.Helper()
	for {
		p, err := s.List(t.Context(), project, q)
		ok(t, err)
		list = append(list, p.Jobs...)
		if p.Next == "" {
			return list
		}
		if len(p.Jobs) != q.Limit {
			t.Fatalf("%+v: a page of %d jobs that is not the last", q, len(p.Jobs))
		}
		q.After = p.Next
	}
}

func listing(t *testing.T, _ *clock, s store.Store) {
	jobs := fill(t, s)
	for _, in := range []store.Query{{}, {Batch: "two"}, {Labels: []string{"b"}}, {Labels: []string{"a", "b"}}, {Batch: "one", Labels: []string{"a"}}, {Batch: "three"}, {Labels: []string{"c", "a"}}} {
		everyFilter(t, s, in, jobs)
	}
	if p, err := s.List(t.Context(), project, store.Query{Limit: 60}); err != nil || len(p.Jobs) != 60 || p.Next != "" {
		t.Fatalf("a page that holds all: %d jobs, next %q, %v", len(p.Jobs), p.Next, err)
	}
	if p, err := s.List(t.Context(), project, store.Query{}); err != nil || len(p.Jobs) != store.DefaultPage || p.Next == "" {
		t.Fatalf("a page of no size: %d jobs, next %q, %v", len(p.Jobs), p.Next, err)
	}
}

// everyFilter lists the jobs of a batch and labels by every other filter.
func everyFilter(t *testing.T, s store.Store, in store.Query, jobs []githubjobs.Job) {
	t.Helper()
	minute := func(n int) time.Time { return Now.Add(time.Duration(n) * time.Minute) }
	for _, status := range []githubjobs.Status{"", githubjobs.StatusPending, githubjobs.StatusRunning, githubjobs.StatusFailed, githubjobs.StatusMerged} {
		for _, reason := range []githubjobs.Reason{"", githubjobs.ReasonCanceled} {
			for _, kind := range []githubjobs.Kind{"", githubjobs.KindCommand, githubjobs.KindReport} {
				for _, between := range [][2]time.Time{{}, {minute(3), {}}, {{}, minute(15)}, {minute(5), minute(9)}} {
					if reason != "" && status != "" && reason.Status() != status {
						continue
					}
					q := store.Query{Batch: in.Batch, Labels: in.Labels, Status: status, Reason: reason, Kind: kind, Since: between[0], Until: between[1], Limit: 7}
					compare(t, q, walk(t, s, q), jobs)
				}
			}
		}
	}
}

// grouped says whether a job of fill is in the batch and has the labels of a query.
func grouped(q store.Query, id string) bool {
	i := number(id)
	for _, label := range q.Labels {
		if !slices.Contains(labelsOf(i), label) {
			return false
		}
	}
	return q.Batch == "" || q.Batch == batchOf(i)
}

func compare(t *testing.T, q store.Query, got []store.Listed, jobs []githubjobs.Job) {
	t.Helper()
	var want []store.Listed
	for _, j := range jobs {
		if (q.Status == "" || j.Status == q.Status) && (q.Reason == "" || j.Reason == q.Reason) && (q.Kind == "" || j.Kind == q.Kind) &&
			grouped(q, j.ID) && !j.CreatedAt.Before(q.Since) && (q.Until.IsZero() || j.CreatedAt.Before(q.Until)) {
			want = append(want, store.Listed{Attempt: 1, ID: j.ID, Status: j.Status, Reason: j.Reason, Kind: j.Kind, Title: j.Title, CreatedAt: j.CreatedAt, UpdatedAt: Now})
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v lists\n%+v, want\n%+v", q, got, want)
	}
}

func listingMoves(t *testing.T, _ *clock, s store.Store) {
	jobs := fill(t, s)
	first, err := s.List(t.Context(), project, store.Query{Limit: 10})
	ok(t, err)
	ok(t, s.Accept(t.Context(), project, Spec("newer", Now.Add(time.Hour))))
	ok(t, s.Accept(t.Context(), project, Spec("older", Now.Add(-time.Hour))))
	rest := walk(t, s, store.Query{Limit: 10, After: first.Next})
	if len(rest) != len(jobs)-10+1 || rest[0].ID != jobs[10].ID || rest[len(rest)-1].ID != "older" {
		t.Fatalf("the pages after the first: %+v", rest)
	}
}

func badQueries(t *testing.T, _ *clock, s store.Store) {
	for _, q := range []store.Query{
		{Status: "done"}, {Reason: "why"}, {Kind: "cook"}, {Limit: -1}, {Limit: store.MaxPage + 1}, {After: "x"}, {After: "MS4"},
		{Status: githubjobs.StatusMerged, Reason: githubjobs.ReasonCanceled},
		{Batch: "A b"}, {Labels: []string{"a", ""}}, {Labels: slices.Repeat([]string{"a"}, 21)},
	} {
		_, err := s.List(t.Context(), project, q)
		want(t, err, store.ErrQuery)
	}
}
