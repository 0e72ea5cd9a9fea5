package storetest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// whole is the id of the batch that the suite creates.
var whole = githubjobs.KeyedBatchID(project, "suite")

// Whole makes the specs of a batch of n jobs that was created as a whole, with an
// idempotency key; maxFailures is less than 0 for any number.
func Whole(batch string, n, maxFailures int, request string) []githubjobs.Spec {
	specs := make([]githubjobs.Spec, n)
	for i := range specs {
		specs[i] = Spec(githubjobs.MemberID(batch, i), Now)
		specs[i].Batch, specs[i].Member, specs[i].Request = batch, &githubjobs.Member{Index: i, Of: n}, strings.Repeat(request, 64)
		if maxFailures >= 0 {
			specs[i].Member.MaxFailures = &maxFailures
		}
	}
	return specs
}

func readBatch(t *testing.T, s store.Store, id string) store.Batch {
	t.Helper()
	b, err := s.Batch(t.Context(), project, id)
	ok(t, err)
	return b
}

func acceptAll(t *testing.T, _ *clock, s store.Store) {
	accept := func(specs []githubjobs.Spec, want int) {
		t.Helper()
		if added, err := s.AcceptAll(t.Context(), project, specs); err != nil || added != want {
			t.Fatalf("%d were added, want %d; %v", added, want, err)
		}
	}
	specs := Whole(whole, 5, -1, "a")
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: specs[2].ID, Runs: []githubjobs.RunFact{run(1, "in_progress", "")}}))
	accept(specs, 5)
	accept(specs, 0)
	waiting, err := s.Waiting(t.Context(), project, 10)
	ok(t, err)
	var ids []string
	for _, f := range waiting {
		ids = append(ids, f.ID)
	}
	if want := []string{specs[0].ID, specs[1].ID, specs[3].ID, specs[4].ID}; !slices.Equal(ids, want) { // one was seen to run
		t.Errorf("waiting %v, want %v", ids, want)
	}
	if j := reduced(t, s, specs[2].ID); j.Reason != githubjobs.ReasonRunning || *j.BatchIndex != 2 {
		t.Errorf("job %+v", j)
	}
	b := readBatch(t, s, whole)
	if b.Size != 5 || b.Known() != 5 || b.Active() != 5 || b.Status[githubjobs.StatusRunning] != 1 || !b.CreatedAt.Equal(Now) || b.Limit != 0 {
		t.Errorf("batch %+v", b)
	}
	// Another request under the same ids: none of it is stored, the new jobs neither.
	other := Whole(whole, 7, -1, "b")
	if added, err := s.AcceptAll(t.Context(), project, other); added != 0 {
		t.Errorf("%d were added", added)
	} else {
		want(t, err, store.ErrExists)
	}
	if c := counts(t, s); c.Jobs != 5 {
		t.Errorf("counts %+v", c)
	}
	CheckCounters(t, s, project)
}

// acceptAtOnce: repeats that come at the same time make one batch.
func acceptAtOnce(t *testing.T, _ *clock, s store.Store) {
	specs := Whole(whole, 60, 2, "a")
	var sum atomic.Int64
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			added, err := s.AcceptAll(t.Context(), project, specs)
			if sum.Add(int64(added)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if sum.Load() != 60 {
		t.Errorf("%d were added", sum.Load())
	}
	CheckCounters(t, s, project)
}

// acceptRest: of a batch whose jobs a server without a memory found on GitHub, those that
// were never pushed are added.
func acceptRest(t *testing.T, _ *clock, s store.Store) {
	specs := Whole(whole, 6, 0, "a")
	for _, i := range []int{4, 1} {
		ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: specs[i].ID, Spec: &specs[i], Branch: &githubjobs.BranchFact{Head: "abc", At: Now}}))
	}
	if b := readBatch(t, s, whole); b.Size != 6 || b.Known() != 2 || b.Limit != 1 {
		t.Errorf("batch %+v", b)
	}
	again := Whole(whole, 6, 0, "a")
	for i := range again {
		again[i].CreatedAt = Now.Add(time.Hour)
	}
	added, err := s.AcceptAll(t.Context(), project, again)
	ok(t, err)
	if b := readBatch(t, s, whole); added != 4 || b.Known() != 6 || !b.CreatedAt.Equal(Now) {
		t.Errorf("%d were added: %+v", added, b)
	}
	found, err := s.FactsOf(t.Context(), project, specs[4].ID, specs[5].ID, "nobody")
	ok(t, err)
	if len(found) != 2 || found[specs[4].ID].Branch == nil || found[specs[5].ID].Spec.Member.Index != 5 {
		t.Errorf("facts %+v", found)
	}
	CheckCounters(t, s, project)
}

// failingBatch: a batch fails when more of its jobs failed than may, while others are not
// at an end, until it is stopped.
func failingBatch(t *testing.T, _ *clock, s store.Store) {
	specs := Whole(whole, 6, 1, "a")
	_, err := s.AcceptAll(t.Context(), project, specs)
	ok(t, err)
	fail := func(i int, f githubjobs.Facts) {
		t.Helper()
		f.ID = specs[i].ID
		ok(t, s.MergeFacts(t.Context(), project, f))
	}
	failing := func(want bool) store.Batch {
		t.Helper()
		list, err := s.FailingBatches(t.Context(), project)
		ok(t, err)
		if len(list) > 1 || (len(list) == 1) != want || want && list[0].ID != whole {
			t.Fatalf("failing %+v, want %v", list, want)
		}
		return readBatch(t, s, whole)
	}
	refused := githubjobs.Facts{Dispatch: &githubjobs.Dispatch{Refused: "no", At: Now}}
	fail(0, refused)
	failing(false)
	fail(1, githubjobs.Facts{Cancel: &githubjobs.CancelFact{By: "x", At: Now}, Dispatch: &githubjobs.Dispatch{Dropped: true, At: Now}})
	if b := failing(false); b.Failures != 1 || b.Over() {
		t.Errorf("a job that was cancelled has not failed by itself: %+v", b)
	}
	fail(2, refused)
	b := failing(true)
	if !b.Over() || b.Active() != 3 {
		t.Errorf("batch %+v", b)
	}
	stale := b
	stale.Status = map[githubjobs.Status]int{githubjobs.StatusPending: 5}
	ok(t, s.StopBatch(t.Context(), project, stale, Now))
	failing(true) // a job had come meanwhile
	ok(t, s.StopBatch(t.Context(), project, b, Now))
	if b := failing(false); !b.StoppedAt.Equal(Now) || !b.Over() {
		t.Errorf("batch %+v", b)
	}
	more := specs[5] // which a commit tells of
	more.ID, more.Member = githubjobs.MemberID(whole, 6), nil
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: more.ID, Spec: &more}))
	failing(true)
	for _, i := range []int{3, 4, 5} {
		fail(i, refused)
	}
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: more.ID, Dispatch: &githubjobs.Dispatch{Refused: "no", At: Now}}))
	failing(false) // nothing is left to be ended
	CheckCounters(t, s, project)
}

func listBatches(t *testing.T, _ *clock, s store.Store) {
	for i, id := range []string{"c", "a", "b", "d"} {
		spec := Spec("job-"+id, Now.Add(time.Duration(i/2)*time.Second))
		spec.Batch = id
		ok(t, s.Accept(t.Context(), project, spec))
		ok(t, s.Accept(t.Context(), "other", spec))
	}
	var pages []string
	for after := store.Cursor(""); ; {
		list, next, err := s.ListBatches(t.Context(), project, after, 3)
		ok(t, err)
		ids := ""
		for _, b := range list {
			ids += b.ID
		}
		if pages, after = append(pages, ids), next; next == "" {
			break
		}
	}
	if got := fmt.Sprint(pages); got != "[dbc a]" {
		t.Errorf("pages %s", got)
	}
	_, _, err := s.ListBatches(t.Context(), project, "x", 3)
	want(t, err, store.ErrQuery)
	_, err = s.Batch(t.Context(), project, "nobody")
	want(t, err, store.ErrNotFound)
}

// checkBatches holds the batches of a project to what its jobs say.
func checkBatches(t *testing.T, s store.Store, project string) {
	t.Helper()
	counted := map[string]*store.Batch{}
	for _, l := range walkProject(t, s, project, store.Query{Limit: 1000}) {
		f, err := s.Facts(t.Context(), project, l.ID)
		ok(t, err)
		id := f.Spec.Batch
		if id == "" {
			continue
		}
		b := counted[id]
		if b == nil {
			b = &store.Batch{ID: id, CreatedAt: f.Spec.CreatedAt, Status: map[githubjobs.Status]int{}}
			counted[id] = b
		}
		j := githubjobs.Reduce(f, Now)
		if b.Status[j.Status]++; store.Failure(j.Reason) {
			b.Failures++
		}
		if m := f.Spec.Member; m != nil {
			if b.Size = m.Of; m.MaxFailures != nil {
				b.Limit = *m.MaxFailures + 1
			}
		}
	}
	list, next, err := s.ListBatches(t.Context(), project, "", 1000)
	ok(t, err)
	if len(list) != len(counted) || next != "" {
		t.Errorf("%s: %d batches, counted %d", project, len(list), len(counted))
	}
	failing, err := s.FailingBatches(t.Context(), project)
	ok(t, err)
	for _, b := range list {
		want := counted[b.ID]
		if want == nil {
			t.Errorf("%s: no job is of the batch %+v", project, b)
			continue
		}
		is := slices.ContainsFunc(failing, func(f store.Batch) bool { return f.ID == b.ID })
		if is != (b.Over() && b.Active() > 0 && b.StoppedAt.IsZero()) {
			t.Errorf("%s: failing %v: %+v", project, is, b)
		}
		b.CreatedAt, b.StoppedAt = want.CreatedAt, time.Time{} // a job that was older may have left it
		if !reflect.DeepEqual(b, *want) {
			t.Errorf("%s: batch %+v, counted %+v", project, b, *want)
		}
	}
}

// randomBatch writes some jobs of a batch that is created as a whole, or news of one.
func randomBatch(t *testing.T, s store.Store, r *rand.Rand, project string) error {
	specs := Whole(whole, 6, 1, "a")
	switch r.IntN(3) {
	case 0:
		_, err := s.AcceptAll(t.Context(), project, specs)
		return err
	case 1:
		b, err := s.Batch(t.Context(), project, whole)
		if err != nil {
			return nil // there is none yet
		}
		return s.StopBatch(t.Context(), project, b, Now)
	}
	f := randomFacts(r)
	spec := specs[r.IntN(len(specs))]
	if f.ID = spec.ID; f.Spec != nil {
		f.Spec = &spec
	}
	return s.MergeFacts(t.Context(), project, f)
}

// Clock shows the time of the suite.
func Clock() time.Time { return Now }

// Named makes jobs of several states in batches that callers name.
func Named(t *testing.T, s store.Store) {
	t.Helper()
	for i := range 30 {
		spec := Spec(fmt.Sprint("job-", i), Now.Add(time.Duration(i)*time.Second))
		spec.Batch, spec.Labels = []string{"a", "b", ""}[i%3], []string{"batch=z"}
		ok(t, s.Accept(t.Context(), project, spec))
		f := githubjobs.Facts{ID: spec.ID}
		switch i % 5 {
		case 0:
			f.Runs = []githubjobs.RunFact{run(1, "in_progress", "")}
		case 1:
			f.Runs = []githubjobs.RunFact{run(1, "completed", "cancelled")}
		case 2:
			f.Dispatch = &githubjobs.Dispatch{Refused: "no", At: Now}
		}
		ok(t, s.MergeFacts(t.Context(), project, f))
	}
	CheckCounters(t, s, project)
}
