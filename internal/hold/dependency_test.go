package hold

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

func TestDiamond(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.accept("a", nil)
	w.accept("b", after("a"))
	w.accept("c", after("a"))
	w.accept("d", after("b", "c"))
	w.settle()
	w.expect("a", "accepted", "b", "blocked_by_dependency", "c", "blocked_by_dependency", "d", "blocked_by_dependency")
	if got := w.waiting(); got != "a " {
		t.Errorf("waiting %q", got)
	}
	w.end("a", githubjobs.OutcomeSuccess)
	w.settle()
	if got := w.waiting(); got != "b c " || w.released == 0 {
		t.Errorf("waiting %q, released %d times", got, w.released)
	}
	w.end("c", githubjobs.OutcomeSuccess)
	w.settle()
	if j := w.job("d"); j.Reason != githubjobs.ReasonBlockedByDependency || !strings.Contains(j.Message, "all that it depends on is done; it waits for b.") {
		t.Errorf("%s %s", j.Reason, j.Message)
	}
	w.end("b", githubjobs.OutcomeSuccess)
	w.settle()
	w.expect("d", "accepted")
}

// What depends on a job that has failed ends too, by the policy of each.
func TestFailureCascades(t *testing.T) {
	t.Parallel()
	w := setup(t)
	skip := func(ids ...string) func(*githubjobs.Spec) {
		return func(s *githubjobs.Spec) {
			s.DependsOn, s.OnDependencyFailure = ids, githubjobs.DependencySkip
		}
	}
	w.accept("a", nil)
	w.accept("fine", nil)
	w.accept("b", skip("a"))
	w.accept("c", after("a", "fine"))
	w.accept("d", after("b", "c"))
	w.accept("e", skip("d"))
	w.accept("apart", after("fine"))
	w.settle()
	w.end("a", githubjobs.OutcomeFailure)
	w.settle()
	w.expect("a", "task_failed", "b", "skipped", "c", "dependency_failed", "d", "dependency_failed", "e", "skipped", "apart", "blocked_by_dependency")
	if j := w.job("c"); j.Message != "The job a, which it depends on, is failed (task_failed). So this one was never started." {
		t.Error(j.Message)
	}
	if j := w.job("e"); j.Message != "The job d, which it depends on, is failed (dependency_failed). So this one was skipped, as its on_dependency_failure says." {
		t.Error(j.Message)
	}
	w.accept("late", after("c"))
	w.accept("later", skip("b", "fine"))
	w.settle()
	w.expect("late", "dependency_failed", "later", "skipped")
	if ends, err := w.store.Ends(t.Context(), "p", 10); err != nil || len(ends) > 0 {
		t.Errorf("ends %+v, %v", ends, err)
	}
}

// A chain ends in one go, in few transactions, and so does what many depend on.
func TestLongChainAndManyDependents(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const n = 1000
	chain, fan := ids("c%04d", n), ids("f%04d", n)
	var specs []githubjobs.Spec
	for i, id := range chain {
		s := w.spec(id, nil)
		if i > 0 {
			s.DependsOn = []string{chain[i-1]}
		}
		specs = append(specs, s)
	}
	for _, id := range fan {
		specs = append(specs, w.spec(id, after(chain[0])))
	}
	specs = append(specs, w.spec("last", after(fan[:githubjobs.MaxDependencies]...)))
	if _, err := w.store.AcceptAll(t.Context(), "p", specs); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.store.transactions, w.store.facts = 0, 0
	w.end(chain[0], githubjobs.OutcomeFailure)
	began := time.Now()
	rounds := w.settle()
	t.Logf("%d jobs ended in %d rounds and %d transactions, %s", w.store.facts, rounds, w.store.transactions, time.Since(began).Round(time.Millisecond))
	w.expect(chain[1], "dependency_failed", chain[n-1], "dependency_failed", fan[0], "dependency_failed", fan[n-1], "dependency_failed", "last", "dependency_failed")
	if want := 2 * n; w.store.facts != want || w.store.transactions > want/batch+2 || rounds > 4 {
		t.Errorf("%d facts in %d transactions, %d rounds; want %d facts", w.store.facts, w.store.transactions, rounds, want)
	}
}

// A long chain that goes well takes a round and two writes a job.
func TestChainGoesOn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	chain := ids("c%02d", 20)
	for i, id := range chain {
		w.accept(id, after(chain[max(0, i-1):i]...))
	}
	w.settle()
	w.store.facts = 0
	for i, id := range chain {
		if got := w.waiting(); got != id+" " {
			t.Fatalf("waiting %q, want %s", got, id)
		}
		w.end(id, githubjobs.OutcomeSuccess)
		w.settle()
		if w.store.facts > i+1 {
			t.Fatalf("%d facts after %d jobs", w.store.facts, i+1)
		}
	}
}

// Of many dependencies only those are looked at that may change something.
func TestManyDependenciesCostLittle(t *testing.T) {
	t.Parallel()
	w := setup(t)
	on := ids("b%03d", githubjobs.MaxDependencies)
	for _, id := range on {
		w.accept(id, nil)
	}
	w.accept("a", after(on...))
	w.settle()
	w.store.facts = 0
	for _, id := range slices.Backward(on) {
		w.end(id, githubjobs.OutcomeSuccess)
		w.settle()
	}
	w.expect("a", "accepted")
	if w.store.facts > 4 {
		t.Errorf("%d facts: the first three of them were named, and the others changed nothing", w.store.facts)
	}
}

func TestHoldsWorkTogether(t *testing.T) {
	t.Parallel()
	w := setup(t)
	all := func(s *githubjobs.Spec) {
		s.DependsOn, s.ConcurrencyKey, s.DelayUntil, s.QueueTTLSeconds = []string{"a"}, "k", epoch.Add(time.Minute), 3600
	}
	w.accept("a", nil)
	w.accept("holder", key("k", ""))
	w.accept("b", all)
	w.accept("canceled", all)
	w.accept("expired", all)
	w.settle()
	w.expect("b", "blocked_by_dependency", "holder", "accepted")
	w.ok(w.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "canceled", Cancel: &githubjobs.CancelFact{By: "x", At: w.now()}}))
	w.end("a", githubjobs.OutcomeSuccess)
	w.settle()
	w.expect("b", "delayed", "canceled", "canceled", "expired", "delayed")
	w.mu.Lock()
	w.at = w.at.Add(time.Minute)
	w.mu.Unlock()
	w.ok(w.store.RefreshJobs(t.Context(), "p", "b", "expired")) // as the controller does then
	w.settle()
	w.expect("b", "blocked_by_concurrency", "expired", "blocked_by_concurrency")
	due, err := w.store.Due(t.Context(), "p", epoch.Add(2*time.Hour), 10)
	if err != nil || len(due) != 2 {
		t.Fatalf("due %+v, %v", due, err)
	}
	w.ok(w.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "expired", Cancel: &githubjobs.CancelFact{By: "The server", Expired: true, At: w.now()}}))
	w.settle()
	w.expect("expired", "never_started")
	w.end("holder", githubjobs.OutcomeSuccess)
	w.settle()
	w.expect("b", "accepted")
	if got := w.waiting(); got != "b " {
		t.Errorf("waiting %q", got)
	}
}

// A job of which nothing is known is waited for until GitHub was read.
func TestLostDependency(t *testing.T) {
	t.Parallel()
	w := setup(t)
	spec := w.spec("b", after("lost"))
	w.ok(w.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "b", Spec: &spec})) // as a row whose dependency was removed
	w.settle()
	w.expect("b", "blocked_by_dependency")
	w.complete, w.keeper.swept = w.now().Add(time.Hour), time.Time{}
	if _, err := w.keeper.round(t.Context()); err != nil {
		t.Fatal(err)
	}
	if j := w.job("b"); !strings.Contains(j.Message, "The job lost, which it depends on, is not known any more") {
		t.Errorf("%+v", j)
	}
}

// A round that fails, or whose lead is lost, changes nothing, and the next one does it all.
func TestRoundThatFails(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.accept("a", nil)
	w.accept("b", after("a"))
	w.settle()
	w.end("a", githubjobs.OutcomeSuccess)
	w.store.fail = errors.New("no")
	if _, err := w.keeper.round(t.Context()); err == nil {
		t.Error("the round went through")
	}
	w.lead.lost = fmt.Errorf("wrapped: %w", store.ErrLost)
	if err := w.keeper.Run(t.Context(), w.lead); !errors.Is(err, store.ErrLost) {
		t.Errorf("%v", err)
	}
	w.expect("b", "blocked_by_dependency")
	w.lead.lost = nil
	w.settle()
	w.expect("b", "accepted")
}

// A sweep finds what nobody has told of.
func TestSweep(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.accept("a", nil)
	w.accept("b", after("a"))
	w.accept("k1", key("k", ""))
	w.accept("k2", key("k", ""))
	w.settle()
	w.end("a", githubjobs.OutcomeSuccess)
	w.end("k1", githubjobs.OutcomeSuccess)
	ends, err := w.store.Ends(t.Context(), "p", 10)
	w.ok(err)
	w.ok(w.store.Forget(t.Context(), "p", ends...))
	w.settle()
	w.expect("b", "blocked_by_dependency", "k2", "blocked_by_concurrency")
	w.keeper.swept = w.now().Add(-sweepEvery)
	w.settle()
	w.expect("b", "accepted", "k2", "accepted")
}
