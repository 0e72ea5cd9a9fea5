package hold

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

var epoch = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// counting counts what is written.
type counting struct {
	store.Store
	transactions, facts int
	fail                error // of the next write
}

func (c *counting) MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error {
	c.transactions, c.facts = c.transactions+1, c.facts+len(facts)
	if err := c.fail; err != nil {
		c.fail = nil
		return err
	}
	return c.Store.MergeFacts(ctx, project, facts...)
}

// leader holds the lead, until lost is set.
type leader struct{ lost error }

func (l *leader) Hold(context.Context) error { return l.lost }

// world is a real store with a keeper, whose rounds the test calls, and a clock.
type world struct {
	*testing.T
	store    *counting
	keeper   *Keeper
	lead     *leader
	mu       sync.Mutex
	at       time.Time
	complete time.Time
	released int
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, at: epoch, lead: &leader{}}
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), w.now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.store = &counting{Store: s}
	w.keeper = New(Options{
		Project: "p", Store: w.store, Complete: func() time.Time { return w.complete }, Released: func() { w.released++ },
		Log: slog.New(slog.DiscardHandler), Now: w.now,
	})
	w.keeper.lead, w.keeper.swept = w.lead, epoch.Add(1000*time.Hour) // no sweeps but where they are tested
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// accept stores a job, a millisecond after the one before.
func (w *world) accept(id string, change func(*githubjobs.Spec)) {
	w.Helper()
	w.mu.Lock()
	w.at = w.at.Add(time.Millisecond)
	w.mu.Unlock()
	w.ok(w.store.Accept(w.Context(), "p", w.spec(id, change)))
}

func (w *world) spec(id string, change func(*githubjobs.Spec)) githubjobs.Spec {
	s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	if change != nil {
		change(&s)
	}
	s.Normalize(w.now())
	return s
}

func after(ids ...string) func(*githubjobs.Spec) {
	return func(s *githubjobs.Spec) { s.DependsOn = ids }
}

func key(k string, policy githubjobs.ConcurrencyPolicy) func(*githubjobs.Spec) {
	return func(s *githubjobs.Spec) { s.ConcurrencyKey, s.ConcurrencyPolicy = k, policy }
}

// settle lets the keeper look until there is nothing to be done, and the dispatcher
// drop what it is left. It returns how many rounds that took.
func (w *world) settle() (rounds int) {
	w.Helper()
	for {
		more, err := w.keeper.round(w.Context())
		w.ok(err)
		if rounds++; rounds > mostRounds {
			w.Fatalf("there is no end of it after %d rounds", rounds)
		}
		dropped := w.drop()
		if !more && dropped == 0 {
			return rounds
		}
	}
}

// drop does what the dispatcher does about jobs that are not to be pushed any more.
func (w *world) drop() (n int) {
	w.Helper()
	waiting, err := w.store.Waiting(w.Context(), "p", 100_000)
	w.ok(err)
	var facts []githubjobs.Facts
	for _, f := range waiting {
		if o, _ := f.Waits(w.now()); o.Drop != nil {
			facts = append(facts, o.Name().Facts(githubjobs.Facts{Dispatch: o.Drop}))
		}
	}
	w.ok(w.store.Store.MergeFacts(w.Context(), "p", facts...))
	return len(facts)
}

func (w *world) job(id string) githubjobs.Job {
	w.Helper()
	f, err := w.store.Facts(w.Context(), "p", id)
	w.ok(err)
	return githubjobs.Reduce(f, w.now())
}

// expect holds jobs to reasons, in pairs.
func (w *world) expect(pairs ...string) {
	w.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if j := w.job(pairs[i]); string(j.Reason) != pairs[i+1] {
			w.Errorf("%s is %s (%s), want %s", j.ID, j.Reason, j.Message, pairs[i+1])
		}
	}
}

// waiting are the jobs that the dispatcher would push.
func (w *world) waiting() string {
	w.Helper()
	list, err := w.store.Waiting(w.Context(), "p", 100_000)
	w.ok(err)
	ids := ""
	for _, f := range list {
		ids += f.ID + " "
	}
	return ids
}

// push is what is known when a job was pushed; end when it has ended well or not.
func (w *world) push(id string) {
	w.Helper()
	w.ok(w.store.Store.MergeFacts(w.Context(), "p", githubjobs.Facts{ID: id, Dispatch: &githubjobs.Dispatch{At: w.now()}, Created: []string{"c"}, Branch: &githubjobs.BranchFact{Head: "c", At: w.now()}}))
}

func (w *world) end(id string, outcome githubjobs.Outcome) {
	w.Helper()
	w.push(id)
	w.ok(w.store.Store.MergeFacts(w.Context(), "p", githubjobs.Facts{ID: id,
		Runs:    []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: "c", At: w.now()}},
		Result:  &githubjobs.ResultFact{SHA: "r", Result: githubjobs.Result{Version: 1, ID: id, RunID: 7, Attempt: 1, Outcome: outcome}, At: w.now()},
		Settled: []githubjobs.Settled{{Run: 7, Attempt: 1}}}))
}

func ids(format string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}
