package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// ordered makes a spec that depends on jobs and has a concurrency key.
func ordered(id string, created time.Time, key string, dependsOn ...string) githubjobs.Spec {
	s := Spec(id, created)
	s.DependsOn, s.ConcurrencyKey = dependsOn, key
	return s
}

// hold stores what came of a look.
func hold(t *testing.T, s store.Store, id string, h githubjobs.HoldFact) {
	t.Helper()
	h.At = Now
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: id, Hold: &h}))
}

// refuse ends a job.
func refuse(id string) githubjobs.Facts {
	return githubjobs.Facts{ID: id, Dispatch: &githubjobs.Dispatch{Refused: "no", At: Now}}
}

func members(t *testing.T, s store.Store, group store.Group, want ...string) {
	t.Helper()
	var got []string
	for after := (store.Place{}); ; {
		list, err := s.Members(t.Context(), project, group, after, 2)
		ok(t, err)
		if len(list) == 0 {
			break
		}
		got, after = append(got, ids(list)...), store.PlaceOf(list[len(list)-1])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", group, got, want)
	}
}

func ends(t *testing.T, s store.Store, want ...string) (list []store.End) {
	t.Helper()
	list, err := s.Ends(t.Context(), project, 100)
	ok(t, err)
	var got []string
	for _, e := range list {
		got = append(got, e.ID+" "+e.Key)
	}
	if !slices.Equal(got, want) {
		t.Errorf("ends %q, want %q", got, want)
	}
	return list
}

func dependencies(t *testing.T, _ *clock, s store.Store) {
	err := s.Accept(t.Context(), project, ordered("d", Now, "", "b", "c"))
	e, is := errors.AsType[*store.DependencyError](err)
	if want(t, err, store.ErrDependency); !is || e.ID != "b" {
		t.Errorf("%v", err)
	}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "c", Branch: &githubjobs.BranchFact{Head: "x", At: Now}}))
	ok(t, s.Accept(t.Context(), project, Spec("b", Now)))
	want(t, s.Accept(t.Context(), project, ordered("d", Now, "", "b", "c")), store.ErrDependency) // a branch is no job
	ok(t, s.Accept(t.Context(), "other", Spec("c", Now)))
	want(t, s.Accept(t.Context(), project, ordered("d", Now, "", "b", "c")), store.ErrDependency)
	ok(t, s.Accept(t.Context(), project, Spec("c", Now.Add(-time.Hour))))
	ok(t, s.Accept(t.Context(), project, ordered("d", Now, "", "b", "c")))
	want(t, s.Accept(t.Context(), project, ordered("d", Now, "", "unknown")), store.ErrExists)
	waiting, err := s.Waiting(t.Context(), project, 10)
	ok(t, err)
	if got := ids(waiting); !slices.Equal(got, []string{"b"}) || counts(t, s).Waiting != 1 { // c was pushed by somebody

		t.Errorf("waiting %q", got)
	}
	members(t, s, store.Unseen, "d")
	among := []githubjobs.Spec{ordered("f", Now, "", "e"), ordered("e", Now, "", "b")}
	if _, err := s.AcceptAll(t.Context(), project, append(among, ordered("g", Now, "", "e", "unknown"))); !errors.Is(err, store.ErrDependency) {
		t.Errorf("%v", err)
	}
	if added, err := s.AcceptAll(t.Context(), project, among); err != nil || added != 2 {
		t.Errorf("%d were added, %v", added, err)
	}
	members(t, s, store.Dependents("e"), "f")
}

// A job goes from group to group, and is in none at its end.
func groupsOfOrder(t *testing.T, clk *clock, s store.Store) {
	ok(t, s.Accept(t.Context(), project, Spec("b", Now)))
	spec := ordered("d", Now, "k", "b")
	spec.Labels, spec.Batch, spec.DelayUntil = []string{"k"}, "k", Now.Add(time.Hour)
	ok(t, s.Accept(t.Context(), project, spec))
	for i, id := range []string{"z", "y", "x"} {
		ok(t, s.Accept(t.Context(), project, ordered(id, Now.Add(time.Duration(i)*time.Millisecond), "k")))
	}
	expect := func(dependents, queue, holders []string) {
		t.Helper()
		members(t, s, store.Dependents("b"), dependents...)
		members(t, s, store.Queue("k"), queue...)
		members(t, s, store.Holders("k"), holders...)
	}
	expect([]string{"d"}, []string{"z", "y", "x"}, nil)
	members(t, s, store.Unseen, "d", "z", "y", "x")
	hold(t, s, "z", githubjobs.HoldFact{Met: true, Queued: true, Open: true})
	hold(t, s, "y", githubjobs.HoldFact{Met: true, Queued: true})
	hold(t, s, "d", githubjobs.HoldFact{Met: true})
	members(t, s, store.Unseen, "x")
	expect(nil, []string{"y", "x"}, []string{"z"}) // d is delayed
	clk.advance(time.Hour)
	ok(t, s.RefreshJobs(t.Context(), project, "d"))
	expect(nil, []string{"d", "y", "x"}, []string{"z"})
	members(t, s, store.Unseen, "d", "x")
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "y", Cancel: &githubjobs.CancelFact{By: "x", At: Now}}))
	expect(nil, []string{"d", "x"}, []string{"z"})
	elsewhere := ordered("e", Now.Add(-time.Hour), "k") // read from GitHub
	ok(t, s.MergeFacts(t.Context(), project, refuse("z"), githubjobs.Facts{ID: "e", Spec: &elsewhere, Branch: &githubjobs.BranchFact{Head: "x", At: Now}, Created: []string{"x"}}))
	expect(nil, []string{"d", "x"}, []string{"e"})
	page, err := s.List(t.Context(), project, store.Query{Labels: []string{"k"}, Batch: "k"})
	ok(t, err)
	if len(page.Jobs) != 1 || page.Jobs[0].ID != "d" {
		t.Errorf("listed by label and batch: %+v", page.Jobs)
	}
	waiting, err := s.Waiting(t.Context(), project, 10)
	ok(t, err)
	if got := ids(waiting); !slices.Equal(got, []string{"b", "y"}) {
		t.Errorf("waiting %q, want one that is cancelled too", got)
	}
}

// The end of a job is kept that others may wait for, until it is forgotten; and whoever
// leads is told.
func endsOfJobs(t *testing.T, _ *clock, s store.Store) {
	told := make(chan struct{}, 100)
	lease, err := s.Lead(t.Context(), project, func() { told <- struct{}{} })
	ok(t, err)
	defer lease.Release()
	for _, spec := range []githubjobs.Spec{Spec("a", Now), Spec("b", Now), ordered("d", Now, "", "b"), ordered("k1", Now, "k")} {
		ok(t, s.Accept(t.Context(), project, spec))
	}
	ok(t, s.MergeFacts(t.Context(), project, refuse("a")))
	ends(t, s)
	for len(told) > 0 {
		<-told
	}
	ok(t, s.MergeFacts(t.Context(), project, refuse("b"), refuse("k1")))
	select {
	case <-told:
	case <-time.After(20 * time.Second):
		t.Error("nobody was told of the ends")
	}
	list, err := s.Ends(t.Context(), project, 100)
	ok(t, err)
	slices.SortFunc(list, func(a, b store.End) int { return int(b.ID[0]) - int(a.ID[0]) }) // one transaction has no order
	if len(list) != 2 || list[0].ID != "k1" || list[0].Key != "k" || list[1].ID != "b" || list[1].Key != "" {
		t.Fatalf("ends %+v", list)
	}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "b", Cancel: &githubjobs.CancelFact{By: "x", At: Now}}))
	ok(t, s.Forget(t.Context(), project, list[0]))
	ok(t, s.Forget(t.Context(), "other", list[1]))
	ends(t, s, "b ")
	ok(t, s.Forget(t.Context(), project, list...))
	ok(t, s.Forget(t.Context(), project))
	ends(t, s)
	if other, err := s.Ends(t.Context(), "other", 9); err != nil || len(other) > 0 {
		t.Errorf("%v, %v", other, err)
	}
	hold(t, s, "d", githubjobs.HoldFact{Unmet: "b has failed."})
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "d", Dispatch: &githubjobs.Dispatch{Dropped: true, Unmet: "b has failed.", At: Now}}))
	ends(t, s) // nobody waits for it
	if j := reduced(t, s, "d"); j.Reason != githubjobs.ReasonDependencyFailed {
		t.Errorf("%+v", j)
	}
	page, err := s.List(t.Context(), project, store.Query{Reason: githubjobs.ReasonDependencyFailed})
	ok(t, err)
	if len(page.Jobs) != 1 || counts(t, s).Waiting != 0 {
		t.Errorf("listed %+v", page.Jobs)
	}
}

// EndRace stores ends of jobs while others come that depend on them, or share their
// key: whoever looks when it has come finds the end, or the end is kept for a look.
func EndRace(t *testing.T, rounds int, stores ...store.Store) {
	t.Helper()
	var early atomic.Int64
	for i := range rounds {
		job, follower, key := fmt.Sprint("b", i), fmt.Sprint("d", i), fmt.Sprint("k", i%2)
		ok(t, stores[0].Accept(t.Context(), project, Spec(job, Now)))
		found := false
		var wg sync.WaitGroup
		wg.Go(func() {
			s := stores[i%len(stores)]
			ok(t, s.Accept(t.Context(), project, ordered(follower, Now, key, job)))
			f, err := s.FactsOf(t.Context(), project, job)
			ok(t, err)
			found = githubjobs.Reduce(f[job], Now).Terminal
		})
		wg.Go(func() { ok(t, stores[(i/2)%len(stores)].MergeFacts(t.Context(), project, refuse(job))) })
		wg.Wait()
		if found {
			early.Add(1)
			continue
		}
		list, err := stores[0].Ends(t.Context(), project, 2*rounds)
		ok(t, err)
		if !slices.ContainsFunc(list, func(e store.End) bool { return e.ID == job }) {
			t.Errorf("the end of %s is lost: the look did not find it, and it is not kept", job)
		}
	}
	t.Logf("%d of %d looks found the end", early.Load(), rounds)
}

func endRace(t *testing.T, _ *clock, s store.Store) { EndRace(t, 50, s) }
