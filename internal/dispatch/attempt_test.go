package dispatch

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// addFailed adds a job whose first attempt has just failed; the second is due in 5 to 10 seconds.
func (m *memory) addFailed(id string) githubjobs.Facts {
	s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main", Retry: &githubjobs.Retry{BackoffLimit: 2, BackoffSeconds: 10}}
	s.Normalize(time.Now())
	f := githubjobs.Facts{
		ID: id, Spec: &s, Dispatch: &githubjobs.Dispatch{At: time.Now()}, Created: []string{"c"}, Branch: &githubjobs.BranchFact{Head: "r", Moved: true, At: time.Now()},
		Runs:   []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: "c", At: time.Now()}},
		Result: &githubjobs.ResultFact{SHA: "r", At: time.Now(), Result: githubjobs.Result{Version: 1, ID: id, RunID: 1, Attempt: 1, Outcome: githubjobs.OutcomeFailure, ExitCode: 1}},
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.jobs = append(m.jobs, s)
	m.facts[id] = f
	return f
}

// The next attempt goes out when it is due, and only after a read that began then.
func TestNextAttemptAfterARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, g, r := &memory{facts: map[string]githubjobs.Facts{}}, &github{}, &reader{}
		d := start(t, g, m, r)
		due := time.Now().Add(m.addFailed("a").Spec.Backoff(1))
		d.Wake()
		synctest.Wait()
		if len(g.pushes) != 0 || r.reads != 0 {
			t.Fatalf("before its time: pushes %v, %d reads", g.pushes, r.reads)
		}
		time.Sleep(time.Until(due))
		d.Wake()
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		if len(g.pushes) != 1 || !slices.Equal(g.pushes[0].ids, []string{"a.2"}) || r.reads != 1 {
			t.Fatalf("pushes %v after %d reads, want a.2 after one", g.pushes, r.reads)
		}
		f := m.facts["a"]
		if one := f.Of(2); one.Dispatch == nil || len(one.Created) != 1 || one.Created[0] != "sha-a.2" || !one.Branch.At.Equal(due.Truncate(time.Second)) || f.Dispatch.At.After(due) {
			t.Errorf("%+v", one)
		}
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(g.pushes) != 1 {
			t.Errorf("it was pushed again: %v", g.pushes)
		}
	})
}

// What the read finds decides: the attempt that had failed runs again, or a server before
// this one has pushed the next.
func TestReadChangesTheNextAttempt(t *testing.T) {
	t.Parallel()
	for name, found := range map[string]githubjobs.Facts{
		"it runs again": {ID: "a", Runs: []githubjobs.RunFact{{ID: 1, Attempt: 2, Status: "in_progress", HeadSHA: "c"}}},
		"it was pushed": {ID: "a", Attempt: 2, Created: []string{"d"}, Branch: &githubjobs.BranchFact{Head: "d"}},
		"it was merged": {ID: "a", Pulls: []githubjobs.PullFact{{Number: 1, Merged: true, HeadSHA: "r", Base: "main"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m, g := &memory{facts: map[string]githubjobs.Facts{}}, &github{}
				r := &reader{finds: func() {
					if found.Branch != nil {
						found.Branch.At = time.Now()
					}
					if err := m.MergeFacts(t.Context(), "p", found); err != nil {
						t.Error(err)
					}
				}}
				d := start(t, g, m, r)
				m.addFailed("a")
				time.Sleep(time.Minute)
				d.Wake()
				time.Sleep(time.Minute)
				synctest.Wait()
				if len(g.pushes) != 0 || r.reads != 1 {
					t.Errorf("pushes %v after %d reads", g.pushes, r.reads)
				}
			})
		})
	}
}

// An attempt that somebody asks for goes at once; one that is cancelled never.
func TestAskedAndCancelledAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, g, r := &memory{facts: map[string]githubjobs.Facts{}}, &github{}, &reader{}
		d := start(t, g, m, r)
		asked := githubjobs.Facts{ID: "asked", Attempt: 2, Asked: &githubjobs.AskedFact{By: "x", At: time.Now()}}
		m.addFailed("asked")
		m.addFailed("canceled")
		if err := m.MergeFacts(t.Context(), "p", asked, githubjobs.Facts{ID: "canceled", Cancel: &githubjobs.CancelFact{By: "x", At: time.Now()}}); err != nil {
			t.Fatal(err)
		}
		d.Wake()
		time.Sleep(time.Second)
		synctest.Wait()
		if len(g.pushes) != 1 || !slices.Equal(g.pushes[0].ids, []string{"asked.2"}) {
			t.Errorf("pushes %v, want asked.2", g.pushes)
		}
		f := m.facts["canceled"]
		if one := f.Of(2); one.Dispatch == nil || !one.Dispatch.Dropped {
			t.Errorf("%+v", one)
		}
		if j := githubjobs.Reduce(f, time.Now()); j.Reason != githubjobs.ReasonCanceled || !j.Terminal {
			t.Errorf("%s: %s", j.Reason, j.Message)
		}
	})
}
