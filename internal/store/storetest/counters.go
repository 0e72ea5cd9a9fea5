package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// CheckCounters holds the counters of a project to what the listing and the facts say.
func CheckCounters(t *testing.T, s store.Store, project string) {
	t.Helper()
	c, err := s.Counts(t.Context(), project)
	ok(t, err)
	total, active := 0, 0
	for _, status := range githubjobs.Statuses() {
		list := walkProject(t, s, project, store.Query{Status: status, Limit: 100})
		if total += len(list); c.Status[status] != len(list) {
			t.Errorf("%s: %d jobs are %s, counted %d", project, len(list), status, c.Status[status])
		}
		for _, l := range list {
			f, err := s.Facts(t.Context(), project, l.ID)
			ok(t, err)
			j := githubjobs.Reduce(f, Now)
			if j.Status != l.Status || j.Reason != l.Reason {
				t.Errorf("job %s is %s %s, listed as %s %s", l.ID, j.Status, j.Reason, l.Status, l.Reason)
			}
			if !j.Terminal {
				active++
			}
		}
	}
	waiting, err := s.Waiting(t.Context(), project, 10_000)
	ok(t, err)
	pending, err := s.PendingDeliveries(t.Context(), project, 10_000)
	ok(t, err)
	if c.Jobs != total || c.Active != active || c.Waiting != len(waiting) || c.Deliveries != len(pending) {
		t.Errorf("%s: %d jobs, %d active, %d waiting, %d deliveries; counted %+v", project, total, active, len(waiting), len(pending), c)
	}
	checkBatches(t, s, project)
}

func walkProject(t *testing.T, s store.Store, project string, q store.Query) (list []store.Listed) {
	t.Helper()
	for {
		p, err := s.List(t.Context(), project, q)
		ok(t, err)
		if list = append(list, p.Jobs...); p.Next == "" {
			return list
		}
		q.After = p.Next
	}
}

func counters(t *testing.T, _ *clock, s store.Store) {
	if c := counts(t, s); c.Jobs != 0 || len(c.Status) != 0 || !c.LastDelivery.IsZero() {
		t.Fatalf("counts of an empty store %+v", c)
	}
	Storm(t, 80, s)
	for _, p := range []string{project, "other"} {
		CheckCounters(t, s, p)
	}
}

// Storm makes random writes from several goroutines to a few jobs of two projects,
// each through one of the stores, which share a database.
func Storm(t *testing.T, writes int, stores ...store.Store) {
	t.Helper()
	var wg sync.WaitGroup
	for worker := range 8 {
		r := rand.New(rand.NewPCG(1, uint64(worker)))
		s := stores[worker%len(stores)]
		wg.Go(func() {
			for i := range writes {
				if err := randomWrite(t, s, r, fmt.Sprintf("%d-%d", worker, i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func randomWrite(t *testing.T, s store.Store, r *rand.Rand, guid string) error {
	p := []string{project, "other"}[r.IntN(2)]
	switch r.IntN(5) {
	case 0:
		if err := s.Accept(t.Context(), p, randomSpec(r, randomID(r), Now)); !errors.Is(err, store.ErrExists) {
			return err
		}
		return nil
	case 1:
		d := store.Delivery{Project: p, GUID: guid, Event: "push", ReceivedAt: Now, Body: []byte("{}")}
		if err := s.RecordDelivery(t.Context(), d); err != nil || r.IntN(2) == 0 {
			return err
		}
		return s.FinishDelivery(t.Context(), p, guid, "done", randomFacts(r))
	case 2:
		return randomBatch(t, s, r, p)
	}
	facts := []githubjobs.Facts{randomFacts(r)}
	for r.IntN(3) > 0 { // also several of one job
		facts = append(facts, randomFacts(r))
	}
	return s.MergeFacts(t.Context(), p, facts...)
}

func randomID(r *rand.Rand) string { return fmt.Sprint("job-", r.IntN(25)) }

// randomSpec is of one of several batches, or of none: of two specs of one job the older
// one counts, which may be of another batch.
func randomSpec(r *rand.Rand, id string, created time.Time) githubjobs.Spec {
	spec := Spec(id, created)
	spec.Batch = []string{"", "b-1", "b-2"}[r.IntN(3)]
	return spec
}

func randomFacts(r *rand.Rand) githubjobs.Facts {
	f := githubjobs.Facts{ID: randomID(r)}
	at := Now.Add(-time.Duration(r.IntN(100)) * time.Second)
	switch r.IntN(6) {
	case 0:
		spec := randomSpec(r, f.ID, at)
		f.Spec = &spec
	case 1:
		f.Dispatch = &githubjobs.Dispatch{At: at}
	case 2:
		f.Branch = &githubjobs.BranchFact{Head: "abc", Deleted: r.IntN(5) == 0, At: at}
	case 3:
		f.Runs = []githubjobs.RunFact{run(1+r.IntN(2), "in_progress", "")}
	case 4:
		f.Runs = []githubjobs.RunFact{run(1+r.IntN(2), "completed", []string{"failure", "cancelled"}[r.IntN(2)])}
	case 5:
		f.Pulls = []githubjobs.PullFact{{Number: 1 + r.IntN(40), Merged: r.IntN(2) == 0, MergedAt: at, At: at}}
	}
	return f
}

// A read that began after a write was answered sees it, whatever other reads are
// under way.
func readYourWrites(t *testing.T, _ *clock, s store.Store) {
	ok(t, s.Accept(t.Context(), project, Spec("a", Now)))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	defer readers.Wait()
	defer close(stop)
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := s.Facts(t.Context(), project, "a"); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 100 {
		ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Pulls: []githubjobs.PullFact{{Number: i + 1, At: Now}}}))
		f, err := s.Facts(t.Context(), project, "a")
		ok(t, err)
		if len(f.Pulls) != i+1 {
			t.Fatalf("after write %d the job has %d pulls", i+1, len(f.Pulls))
		}
	}
}

func sweep(t *testing.T, _ *clock, s store.Store) {
	for i := range 5 {
		guid := fmt.Sprint("g", i)
		d := store.Delivery{Project: project, GUID: guid, Event: "push", ReceivedAt: Now.Add(time.Duration(i) * time.Hour), Body: []byte("{}")}
		ok(t, s.RecordDelivery(t.Context(), d))
		if i != 1 {
			ok(t, s.FinishDelivery(t.Context(), project, guid, "done"))
		}
	}
	before := Now.Add(3 * time.Hour) // g0 and g2; g1 is not processed
	for _, want := range []int{1, 1, 0} {
		n, err := s.SweepDeliveries(t.Context(), before, 1)
		ok(t, err)
		if n != want {
			t.Fatalf("%d deliveries were swept, want %d", n, want)
		}
	}
	for guid, kept := range map[string]bool{"g0": false, "g1": true, "g2": false, "g3": true, "g4": true} {
		if _, err := s.Delivery(t.Context(), project, guid); (err == nil) != kept {
			t.Errorf("delivery %s: %v, want it kept: %v", guid, err, kept)
		}
	}
	CheckCounters(t, s, project)
	if c := counts(t, s); !c.LastDelivery.Equal(Now.Add(4*time.Hour)) || !c.DeliverySince.Equal(Now.Add(time.Hour)) {
		t.Errorf("counts %+v", c)
	}
}
