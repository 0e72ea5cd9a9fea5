package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

func live(t *testing.T, _ *clock, s store.Store) {
	for i := range 5 {
		spec := Spec(fmt.Sprint("job-", i), Now)
		ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: spec.ID, Spec: &spec, Branch: &githubjobs.BranchFact{Head: "abc", Deleted: i == 2, At: Now}}))
	}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "no-job", Branch: &githubjobs.BranchFact{Head: "abc", At: Now}}))
	ok(t, s.Accept(t.Context(), project, Spec("waits", Now)))
	var ids []string
	for after := ""; ; {
		list, err := s.Live(t.Context(), project, after, 2)
		ok(t, err)
		for _, f := range list {
			after = f.ID
			ids = append(ids, f.ID)
		}
		if len(list) < 2 {
			break
		}
	}
	if want := []string{"job-0", "job-1", "job-3", "job-4"}; !slices.Equal(ids, want) {
		t.Errorf("live: %v, want %v", ids, want)
	}
}

// end brings a job to an end, without a branch.
func end(t *testing.T, s store.Store, spec githubjobs.Spec) {
	t.Helper()
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: spec.ID, Spec: &spec, Created: []string{"abc"}, Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: Now},
		Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: "abc", At: Now}}}))
}

var request = strings.Repeat("a", 64)

func sweepAll(t *testing.T, s store.Store, before time.Time, limit int) (swept int) {
	t.Helper()
	for {
		n, err := s.SweepJobs(t.Context(), project, before, limit)
		ok(t, err)
		if swept += n; n < limit {
			return swept
		}
	}
}

func sweepJobs(t *testing.T, clk *clock, s store.Store) {
	for i := range 5 {
		spec := Spec(fmt.Sprint("old-", i), Now)
		spec.Labels, spec.Batch = []string{"nightly"}, "b"
		end(t, s, spec)
	}
	kept := Spec("branch", Now)
	kept.Labels, kept.Batch = []string{"nightly"}, "b"
	end(t, s, kept)
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "branch", Branch: &githubjobs.BranchFact{Head: "abc", At: Now, Seen: Now.Add(time.Second)}}))
	ok(t, s.Accept(t.Context(), project, Spec("waits", Now)))
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "no-job", Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: Now}}))
	ok(t, s.MergeFacts(t.Context(), "other", githubjobs.Facts{ID: "theirs", Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: Now}}))
	clk.advance(time.Hour)
	end(t, s, Spec("recent", Now))
	if n := sweepAll(t, s, Now.Add(time.Minute), 2); n != 6 {
		t.Errorf("%d jobs were swept, want 5 and a branch that is no job's", n)
	}
	var ids []string
	for _, l := range walkProject(t, s, project, store.Query{}) {
		ids = append(ids, l.ID)
	}
	slices.Sort(ids)
	if want := []string{"branch", "recent", "waits"}; !slices.Equal(ids, want) {
		t.Errorf("left are %v, want %v", ids, want)
	}
	if list := walkProject(t, s, project, store.Query{Labels: []string{"nightly"}}); len(list) != 1 {
		t.Errorf("by its label %d jobs are found", len(list))
	}
	if b, err := s.Batch(t.Context(), project, "b"); err != nil || b.Known() != 1 {
		t.Errorf("the batch counts %+v, %v", b, err)
	}
	_, err := s.Facts(t.Context(), project, "old-0")
	want(t, err, store.ErrNotFound)
	CheckCounters(t, s, project)
	ok(t, s.Accept(t.Context(), project, Spec("old-0", Now))) // it had no key
	CheckCounters(t, s, project)
}

func sweptKeys(t *testing.T, clk *clock, s store.Store) {
	spec := Spec("a", Now)
	spec.Request = request
	end(t, s, spec)
	clk.advance(time.Hour)
	_, err := s.Swept(t.Context(), project, "a")
	want(t, err, store.ErrNotFound)
	if n := sweepAll(t, s, Now.Add(time.Minute), 10); n != 1 {
		t.Fatalf("%d jobs were swept", n)
	}
	want(t, s.Accept(t.Context(), project, spec), store.ErrExists)
	left, err := s.Swept(t.Context(), project, "a")
	ok(t, err)
	if left.Request != request || left.Status != githubjobs.StatusFailed || !left.At.Equal(Now.Add(time.Hour)) {
		t.Errorf("left is %+v", left)
	}
	fresh := Spec("b", Now)
	fresh.Request = request
	added, err := s.AcceptAll(t.Context(), project, []githubjobs.Spec{spec, fresh})
	ok(t, err)
	if added != 1 {
		t.Errorf("%d jobs were added", added)
	}
	_, err = s.Facts(t.Context(), project, "a")
	want(t, err, store.ErrNotFound)
	other := spec
	other.Request = strings.Repeat("b", 64)
	_, err = s.AcceptAll(t.Context(), project, []githubjobs.Spec{other})
	want(t, err, store.ErrExists)
	want(t, s.SaveSchedule(t.Context(), project, store.Schedule{Name: "s"}, &spec), store.ErrExists)
	ok(t, s.Accept(t.Context(), "other", spec))
	CheckCounters(t, s, project)
}

func sweptComesBack(t *testing.T, clk *clock, s store.Store) {
	spec := Spec("a", Now)
	spec.Request, spec.Labels = request, []string{"nightly"}
	for range 2 { // and goes again
		end(t, s, spec)
		if j := reduced(t, s, "a"); j.Reason != githubjobs.ReasonCanceled {
			t.Errorf("the job is %s", j.Reason)
		}
		if list := walkProject(t, s, project, store.Query{Labels: []string{"nightly"}}); len(list) != 1 {
			t.Errorf("by its label %d jobs are found", len(list))
		}
		CheckCounters(t, s, project)
		want(t, s.Accept(t.Context(), project, spec), store.ErrExists)
		clk.advance(time.Hour)
		if n := sweepAll(t, s, clk.now().Add(-time.Minute), 10); n != 1 {
			t.Fatalf("%d jobs were swept", n)
		}
		CheckCounters(t, s, project)
	}
}

// sweepStorm sweeps without pause while jobs are written; the counters stay exact.
func sweepStorm(t *testing.T, _ *clock, s store.Store) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			for _, p := range []string{project, "other"} {
				if _, err := s.SweepJobs(t.Context(), p, Now.Add(time.Hour), 5); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}()
	Storm(t, 80, s)
	close(stop)
	<-ended
	for _, p := range []string{project, "other"} {
		CheckCounters(t, s, p)
	}
}
