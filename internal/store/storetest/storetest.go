// Package storetest is the suite that every store passes. It is imported by the
// tests of the stores alone.
package storetest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Now is the time at which the suite takes place. Open must give a store whose
// clock shows the time that it is handed.
var Now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const project = "demo-reports"

// Run runs the suite. open returns an empty store with the given clock; the test
// closes it.
func Run(t *testing.T, open func(t *testing.T, now func() time.Time) store.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, *clock, store.Store)
	}{
		{"an accepted job waits until its push is known", acceptedWaits},
		{"waiting jobs come oldest first", waitingOrder},
		{"waiting jobs come by priority", waitingPriority},
		{"a delayed job waits when its delay is over", delayed},
		{"what is due comes when it is due", due},
		{"the next attempt of a job waits when it is due", attempts},
		{"an id is accepted once", acceptOnce},
		{"an unknown id is not found", unknown},
		{"projects are apart", projectsApart},
		{"facts merge in any order", mergeAnyOrder},
		{"facts before their spec are kept and hidden", factsBeforeSpec},
		{"a job that another server accepted does not wait here", othersJob},
		{"facts written at once are all kept", concurrentMerge},
		{"what GitHub may have news of", known},
		{"time alone ends a job", refresh},
		{"jobs that are not at an end, page by page", active},
		{"a delivery is recorded once and processed once", delivery},
		{"a delivery's facts arrive with its end", deliveryFacts},
		{"no text is refused", anyText},
		{"processed deliveries are swept when they are old", sweep},
		{"jobs whose branch exists, page by page", live},
		{"ended jobs are swept when nothing was learnt of them for long", sweepJobs},
		{"the key of a swept job stays taken", sweptKeys},
		{"a swept job comes back with its facts", sweptComesBack},
		{"jobs are swept while others are written", sweepStorm},
		{"jobs are listed by every filter, a page at a time", listing},
		{"a listing goes on where it ended while jobs come", listingMoves},
		{"a query that cannot be is refused", badQueries},
		{"counters say what a count says", counters},
		{"a batch is accepted as a whole, once", acceptAll},
		{"a batch that comes several times at once is accepted once", acceptAtOnce},
		{"the rest of a batch is accepted", acceptRest},
		{"a batch fails when too many of its jobs did", failingBatch},
		{"batches are listed, the newest first", listBatches},
		{"what was read is what was written last", readYourWrites},
		{"schedules are read as they were stored, and changed by who read them", schedules},
		{"a schedule and its job are stored together", scheduledJob},
		{"a schedule that is changed at once is changed once", scheduleRace},
		{"a job that depends on others is held back", dependencies},
		{"held jobs are found by what they wait for", groupsOfOrder},
		{"ends are kept for those who wait", endsOfJobs},
		{"no end is lost while jobs come that wait for it", endRace},
		{"what an attempt tells is kept once, in order", streams},
		{"a later attempt takes the stream over", streamsOfAttempts},
		{"what is kept of a job's events is bounded", streamBounds},
		{"events that come several times at once are kept once", streamRace},
		{"what a swept job has told goes with it", sweptStream},
		{"an end of a job is listed until its receipt is signed", unsigned},
		{"so are ends that are read from GitHub", manyUnsigned},
		{"receipts are kept as they were signed, and outlive their jobs", receipts},
		{"a project's memory", projectMemory},
		{"the lead is taken, held, given up and taken again", lead},
		{"check writes", func(t *testing.T, _ *clock, s store.Store) { ok(t, s.Check(t.Context())) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			clk := &clock{at: Now}
			s := open(t, clk.now)
			t.Cleanup(func() { ok(t, s.Close()) })
			c.test(t, clk, s)
		})
	}
}

// anyText: whatever stands in an event is stored, though no database takes all texts;
// a delivery that could not be finished would be tried for ever.
func anyText(t *testing.T, _ *clock, s store.Store) {
	const odd = "a\x00b\xffc\u2028d"
	spec := Spec("a", Now)
	spec.Title, spec.Labels, spec.Batch = odd, []string{odd, "fine"}, odd
	f := githubjobs.Facts{ID: "a", Spec: &spec, Branch: &githubjobs.BranchFact{Head: odd, At: Now}, Gates: []githubjobs.GateFact{{HeadSHA: odd, Title: odd, At: Now}}}
	ok(t, s.RecordDelivery(t.Context(), store.Delivery{Project: project, GUID: "g", Event: "push", ReceivedAt: Now, Body: []byte(odd)}))
	ok(t, s.FinishDelivery(t.Context(), project, "g", odd, f))
	ok(t, s.SetDefaultBranch(t.Context(), project, odd))
	d, err := s.Delivery(t.Context(), project, "g")
	ok(t, err)
	if string(d.Body) != odd || d.FinishedAt.IsZero() {
		t.Errorf("delivery %+v", d)
	}
	if j := reduced(t, s, "a"); !strings.Contains(j.Title, "\x00") {
		t.Errorf("title %q: the facts hold all that JSON can", j.Title)
	}
	p, err := s.List(t.Context(), project, store.Query{Labels: []string{"fine"}})
	ok(t, err)
	if len(p.Jobs) != 1 || !utf8.ValidString(p.Jobs[0].Title) {
		t.Errorf("page %+v", p)
	}
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Spec makes a valid spec, created at the given time.
func Spec(id string, created time.Time) githubjobs.Spec {
	s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Daily report " + id, Base: "main"}
	s.Normalize(created)
	return s
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("error %v, want %v", err, target)
	}
}

func counts(t *testing.T, s store.Store) store.Counts {
	t.Helper()
	c, err := s.Counts(t.Context(), project)
	ok(t, err)
	return c
}

func reduced(t *testing.T, s store.Store, id string) githubjobs.Job {
	t.Helper()
	f, err := s.Facts(t.Context(), project, id)
	ok(t, err)
	return githubjobs.Reduce(f, Now)
}

func unknown(t *testing.T, _ *clock, s store.Store) {
	_, err := s.Facts(t.Context(), project, "nobody")
	want(t, err, store.ErrNotFound)
	_, err = s.Delivery(t.Context(), project, "nothing")
	want(t, err, store.ErrNotFound)
}

func projectsApart(t *testing.T, _ *clock, s store.Store) {
	ok(t, s.Accept(t.Context(), "other", Spec("a", Now)))
	_, err := s.Facts(t.Context(), project, "a")
	want(t, err, store.ErrNotFound)
	if c := counts(t, s); c.Waiting != 0 || c.Active != 0 {
		t.Fatalf("counts %+v: another project's job is counted", c)
	}
	ok(t, s.Accept(t.Context(), project, Spec("a", Now)))
}

func run(attempt int, status, conclusion string) githubjobs.RunFact {
	return githubjobs.RunFact{ID: 7, Attempt: attempt, Status: status, Conclusion: conclusion, At: Now.Add(time.Duration(attempt) * time.Minute)}
}

func mergeAnyOrder(t *testing.T, _ *clock, s store.Store) {
	facts := []githubjobs.Facts{
		{Runs: []githubjobs.RunFact{run(1, "completed", "failure")}},
		{Runs: []githubjobs.RunFact{run(1, "queued", "")}},
		{Branch: &githubjobs.BranchFact{Head: "abc", At: Now}},
		{Runs: []githubjobs.RunFact{run(2, "in_progress", "")}},
	}
	for _, order := range [][]int{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2, 1, 3}} {
		id := fmt.Sprint("job-", order[0])
		ok(t, s.Accept(t.Context(), project, Spec(id, Now)))
		for _, i := range order {
			f := facts[i]
			f.ID = id
			ok(t, s.MergeFacts(t.Context(), project, f))
		}
		j := reduced(t, s, id)
		if j.Reason != githubjobs.ReasonRunning || j.Evidence.RunAttempt != 2 || j.Evidence.BranchSHA != "abc" {
			t.Errorf("order %v: %s, evidence %+v", order, j.Reason, j.Evidence)
		}
	}
}

func factsBeforeSpec(t *testing.T, _ *clock, s store.Store) {
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{run(1, "in_progress", "")}}))
	_, err := s.Facts(t.Context(), project, "a")
	want(t, err, store.ErrNotFound)
	if c := counts(t, s); c.Active != 0 {
		t.Fatalf("counts %+v: a branch without a spec is no job", c)
	}
	spec := Spec("a", Now)
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Spec: &spec}))
	if j := reduced(t, s, "a"); j.Reason != githubjobs.ReasonRunning || j.Title != spec.Title {
		t.Fatalf("job %+v: the facts that came first are lost", j)
	}
}

func othersJob(t *testing.T, _ *clock, s store.Store) {
	spec := Spec("a", Now)
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Spec: &spec}))
	if c := counts(t, s); c.Waiting != 0 || c.Active != 1 {
		t.Fatalf("counts %+v, want 0 waiting, 1 active", c)
	}
	want(t, s.Accept(t.Context(), project, spec), store.ErrExists)
}

func concurrentMerge(t *testing.T, _ *clock, s store.Store) {
	const n = 40
	ok(t, s.Accept(t.Context(), project, Spec("a", Now)))
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			p := githubjobs.PullFact{Number: i + 1, At: Now}
			if err := s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Pulls: []githubjobs.PullFact{p}}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f, err := s.Facts(t.Context(), project, "a")
	ok(t, err)
	if len(f.Pulls) != n {
		t.Fatalf("%d of %d facts were kept", len(f.Pulls), n)
	}
}

func refresh(t *testing.T, clk *clock, s store.Store) {
	ok(t, s.Accept(t.Context(), project, Spec("a", Now)))
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "a", Dispatch: &githubjobs.Dispatch{At: Now}}))
	ok(t, s.Refresh(t.Context(), project))
	if c := counts(t, s); c.Active != 1 {
		t.Fatalf("counts %+v, want 1 active", c)
	}
	clk.advance(githubjobs.NeverStarted + time.Minute)
	ok(t, s.Refresh(t.Context(), project))
	if c := counts(t, s); c.Active != 0 {
		t.Fatalf("counts %+v: a job that never started is still active", c)
	}
	// After an outage: what came of it may be on GitHub, which is not read yet.
	spec := Spec("b", Now)
	ended := run(1, "completed", "success")
	ok(t, s.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "b", Spec: &spec, Runs: []githubjobs.RunFact{ended}, Complete: Now}))
	if c := counts(t, s); c.Active != 1 {
		t.Fatalf("counts %+v: a job counts as ended that may have gone on", c)
	}
	ok(t, s.Refresh(t.Context(), project)) // GitHub was read
	if c := counts(t, s); c.Active != 0 {
		t.Fatalf("counts %+v: a job of which nothing more is known is still active", c)
	}
}

func delivery(t *testing.T, _ *clock, s store.Store) {
	d := store.Delivery{Project: project, GUID: "g1", Event: "push", ReceivedAt: Now, Body: []byte(`{"a":"\u0000"}`)}
	ok(t, s.RecordDelivery(t.Context(), d))
	want(t, s.RecordDelivery(t.Context(), d), store.ErrDuplicate)
	d2 := d
	d2.GUID = "g2"
	ok(t, s.RecordDelivery(t.Context(), d2))
	list, err := s.PendingDeliveries(t.Context(), project, 10)
	ok(t, err)
	if len(list) != 2 || list[0].GUID != "g1" || list[1].GUID != "g2" || string(list[0].Body) != string(d.Body) || list[0].Event != "push" {
		t.Fatalf("pending %+v", list)
	}
	ok(t, s.FinishDelivery(t.Context(), project, "g1", "done"))
	want(t, s.RecordDelivery(t.Context(), d), store.ErrDuplicate)
	if c := counts(t, s); c.Deliveries != 1 || !c.LastDelivery.Equal(Now) || !c.DeliverySince.Equal(Now) {
		t.Fatalf("counts %+v", c)
	}
	got, err := s.Delivery(t.Context(), project, "g1")
	ok(t, err)
	if got.Outcome != "done" || !got.FinishedAt.Equal(Now) {
		t.Fatalf("delivery %+v", got)
	}
}

func deliveryFacts(t *testing.T, _ *clock, s store.Store) {
	ok(t, s.RecordDelivery(t.Context(), store.Delivery{Project: project, GUID: "g", Event: "push", ReceivedAt: Now, Body: []byte("{}")}))
	spec := Spec("a", Now)
	ok(t, s.FinishDelivery(t.Context(), project, "g", "1 job", githubjobs.Facts{ID: "a", Spec: &spec}))
	if j := reduced(t, s, "a"); j.ID != "a" {
		t.Fatalf("job %+v", j)
	}
	if c := counts(t, s); c.Deliveries != 0 {
		t.Fatalf("counts %+v", c)
	}
}

func projectMemory(t *testing.T, _ *clock, s store.Store) {
	p, err := s.Project(t.Context(), project)
	ok(t, err)
	if p != (store.Project{}) {
		t.Fatalf("an unknown project is %+v", p)
	}
	ok(t, s.SetDefaultBranch(t.Context(), project, "main"))
	ok(t, s.SetReconciled(t.Context(), project, Now))
	ok(t, s.SetBaseHead(t.Context(), project, "abc"))
	ok(t, s.SetDefaultBranch(t.Context(), project, "trunk"))
	p, err = s.Project(t.Context(), project)
	ok(t, err)
	if p.DefaultBranch != "trunk" || p.BaseHead != "abc" || !p.ReconciledAt.Equal(Now) {
		t.Fatalf("project %+v", p)
	}
}
