package hold

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func TestOneAtATime(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, id := range []string{"a", "b", "c"} {
		w.accept(id, key("k", githubjobs.ConcurrencyQueue))
	}
	w.accept("other", key("k2", ""))
	w.settle()
	w.expect("a", "accepted", "b", "blocked_by_concurrency", "c", "blocked_by_concurrency", "other", "accepted")
	if j := w.job("c"); !strings.Contains(j.Message, `of the jobs with concurrency_key "k" one at a time is on GitHub. When it came, a was before it.`) {
		t.Error(j.Message)
	}
	w.push("a")
	w.settle()
	w.expect("b", "blocked_by_concurrency")
	w.end("a", githubjobs.OutcomeFailure) // how it ends is no matter
	w.settle()
	w.expect("b", "accepted", "c", "blocked_by_concurrency")
	w.ok(w.store.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "b", Cancel: &githubjobs.CancelFact{By: "x", At: w.now()}}))
	w.settle()
	w.expect("b", "canceled", "c", "accepted")
}

func TestKeepNewest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, id := range []string{"a", "b", "c"} {
		w.accept(id, key("k", githubjobs.ConcurrencyNewest))
		w.settle()
	}
	w.expect("a", "accepted", "b", "canceled", "c", "blocked_by_concurrency")
	if j := w.job("b"); !strings.Contains(j.Message, `The job c asked for that at`) || !strings.Contains(j.Message, `it is newer, and has the concurrency_key "k" too`) {
		t.Error(j.Message)
	}
	w.end("a", githubjobs.OutcomeSuccess)
	w.settle()
	w.expect("c", "accepted")
}

func TestCancelInProgress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.accept("a", key("k", githubjobs.ConcurrencyCancel))
	w.settle()
	w.push("a")
	w.accept("b", key("k", githubjobs.ConcurrencyCancel))
	w.settle()
	w.accept("c", key("k", githubjobs.ConcurrencyCancel))
	w.settle()
	f, err := w.store.Facts(t.Context(), "p", "a")
	w.ok(err)
	if f.Cancel == nil || f.Cancel.By != "The job b" { // the controller cancels its run
		t.Errorf("cancel %+v", f.Cancel)
	}
	w.expect("a", "pushed", "b", "canceled", "c", "blocked_by_concurrency")
	w.end("a", githubjobs.OutcomeCanceled)
	w.settle()
	w.expect("c", "accepted")
}

// An attempt that somebody asks for takes its place in the queue.
func TestRetryOfAKey(t *testing.T) {
	t.Parallel()
	w := setup(t)
	retry := func(id string) {
		w.ok(w.store.MergeFacts(t.Context(), "p", githubjobs.Name{ID: id, Attempt: 2}.Facts(githubjobs.Facts{Asked: &githubjobs.AskedFact{By: "x", At: w.now()}})))
		w.settle()
	}
	for _, id := range []string{"a", "b", "c"} {
		w.accept(id, key("k", githubjobs.ConcurrencyQueue))
	}
	w.settle()
	w.end("a", githubjobs.OutcomeFailure)
	w.settle()
	w.push("b")
	retry("a")
	w.expect("a", "blocked_by_concurrency", "b", "pushed", "c", "blocked_by_concurrency")
	w.end("b", githubjobs.OutcomeSuccess)
	w.settle()
	w.expect("a", "retrying", "c", "blocked_by_concurrency") // it is the older one
	if got := w.waiting(); got != "a " {
		t.Errorf("waiting %q", got)
	}
	w.accept("old", key("k2", githubjobs.ConcurrencyNewest))
	w.settle()
	w.end("old", githubjobs.OutcomeFailure)
	w.settle()
	w.accept("new", key("k2", githubjobs.ConcurrencyNewest))
	w.settle()
	retry("old")
	w.expect("old", "canceled", "new", "accepted")
}

// A thousand jobs of one key cost two writes each at most, however they come, and one of
// them goes at a time.
func TestManyOfOneKey(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]githubjobs.ConcurrencyPolicy{"queue": "", "newest": githubjobs.ConcurrencyNewest, "cancel": githubjobs.ConcurrencyCancel} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			const n = 1000
			var specs []githubjobs.Spec
			for _, id := range ids("j%04d", n) {
				s := w.spec(id, key("k", policy))
				s.CreatedAt = s.CreatedAt.Add(time.Duration(len(specs)) * time.Millisecond)
				specs = append(specs, s)
			}
			for part := range slices.Chunk(specs, 100) {
				if _, err := w.store.AcceptAll(t.Context(), "p", part); err != nil {
					t.Fatal(err)
				}
				w.settle()
			}
			began, served := time.Now(), 0
			for len(w.waiting()) > 0 && served < n/50 {
				id := strings.TrimSpace(w.waiting())
				if served++; strings.Contains(id, " ") {
					t.Fatalf("%q are released at the same time", id)
				}
				w.end(id, githubjobs.OutcomeSuccess)
				w.settle()
			}
			t.Logf("%d served in %s; %d facts in %d transactions", served, time.Since(began).Round(time.Millisecond), w.store.facts, w.store.transactions)
			if w.store.facts > n+n/50 || policy == "" && served != n/50 {
				t.Errorf("%d served, %d facts", served, w.store.facts)
			}
			if policy == "" {
				w.expect(specs[n-1].ID, "blocked_by_concurrency")
			} else {
				w.expect(specs[n-1].ID, "no_changes")
			}
		})
	}
}
