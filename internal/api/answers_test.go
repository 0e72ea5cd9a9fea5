package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Of the same facts, jobs that agree in what the time decides have the same encoding:
// an encoded answer may stand for both.
func TestMomentDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := someFacts(t)
		at := rapid.Int64Range(-3600, 30*3600)
		one := githubjobs.Reduce(facts, now.Add(time.Duration(at.Draw(t, "one"))*time.Second))
		two := githubjobs.Reduce(facts, now.Add(time.Duration(at.Draw(t, "two"))*time.Second))
		plain := len(one.Diagnosis)+len(two.Diagnosis) == 0
		if plain && momentOf(one) == momentOf(two) && encoded(t, one) != encoded(t, two) {
			t.Fatalf("%s\n%s", encoded(t, one), encoded(t, two))
		}
	})
}

// A field that a job gets must be put where it belongs: among those that the facts
// alone decide, or into moment.
func TestEveryFieldIsAccountedFor(t *testing.T) {
	t.Parallel()
	const moment = "Status Terminal Reason Message Diagnosis StartedAt FinishedAt"
	const facts = "ID Branch Attempt NextAttemptAt Attempts ReplayOf PullURL RunURL Log Summary ChangedFiles FilesTotal ExitCode Usage Kind Title Schedule DependsOn ConcurrencyKey Batch BatchIndex CreatedAt Evidence Undo"
	const live = "Phase Progress Metadata HeartbeatAt" // Reduce knows nothing of them, see encode
	job := reflect.TypeFor[githubjobs.Job]()
	for i := range job.NumField() {
		if name := job.Field(i).Name; !slices.Contains(strings.Fields(moment+" "+facts+" "+live), name) {
			t.Errorf("Job has a field %s: can the passing of time change it? Then moment needs it", name)
		}
	}
}

func encoded(t *rapid.T, j githubjobs.Job) string {
	raw, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// someFacts draws facts, most of them of jobs that the passing of time changes.
func someFacts(t *rapid.T) githubjobs.Facts {
	spec := githubjobs.Spec{ID: "a", Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	spec.Normalize(now)
	f := githubjobs.Facts{ID: "a", Spec: &spec}
	yes := func(what string) bool { return rapid.Bool().Draw(t, what) }
	if yes("held") {
		spec.DependsOn, spec.ConcurrencyKey = []string{"b"}, "k"
		f.Hold = &githubjobs.HoldFact{Met: yes("met"), Queued: yes("queued"), Open: yes("open"), After: []string{"b"}, At: now}
	}
	if yes("dispatch") {
		f.Dispatch = &githubjobs.Dispatch{At: now}
	}
	if yes("branch") {
		f.Branch = &githubjobs.BranchFact{Head: "abc", Deleted: yes("deleted"), At: now}
	}
	if yes("run") {
		f.Runs = []githubjobs.RunFact{{
			ID: 1, Attempt: 1, At: now, Status: rapid.SampledFrom([]string{"queued", "waiting", "in_progress", "completed"}).Draw(t, "status"),
			Conclusion: rapid.SampledFrom([]string{"", "success", "failure", "cancelled", "skipped"}).Draw(t, "conclusion"),
		}}
	}
	if yes("pull") {
		f.Pulls = []githubjobs.PullFact{{Number: 1, Open: yes("open"), Merged: yes("merged"), MergedAt: now, At: now}}
	}
	if yes("result") {
		f.Result = &githubjobs.ResultFact{SHA: "def", At: now, Result: githubjobs.Result{
			ID: "a", Attempt: 1, RunID: 1, Outcome: rapid.SampledFrom([]githubjobs.Outcome{githubjobs.OutcomeSuccess, githubjobs.OutcomeFailure}).Draw(t, "outcome"),
			StartedAt: now, FinishedAt: now.Add(time.Minute), FilesTotal: rapid.IntRange(0, 1).Draw(t, "files")}}
	}
	return f
}

// A job's answer follows what is learnt and what the time brings, also when it was
// asked for a moment before.
func TestStatusIsNeverOld(t *testing.T) {
	t.Parallel()
	at := now
	s := setup(t, func(o *Options) { o.Now = func() time.Time { return at } })
	spec := githubjobs.Spec{ID: "a", Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	spec.Normalize(now)
	learn := func(f githubjobs.Facts) {
		t.Helper()
		f.ID = "a"
		if err := s.store.MergeFacts(t.Context(), "p", f); err != nil {
			t.Fatal(err)
		}
	}
	says := func(reason githubjobs.Reason, text string) {
		t.Helper()
		for range 3 {
			var j githubjobs.Job
			res := s.do(t, "GET", "/api/jobs/status?job_id=a", "")
			if err := json.Unmarshal([]byte(res.body), &j); err != nil || j.Reason != reason || !strings.Contains(res.body, text) {
				t.Fatalf("%s %v, want %s and %q", res.body, err, reason, text)
			}
		}
	}
	learn(githubjobs.Facts{Spec: &spec})
	says(githubjobs.ReasonAccepted, "")
	learn(githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: "abc", At: now}})
	says(githubjobs.ReasonPushed, "abc")
	learn(githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: "def", At: now.Add(time.Second)}})
	says(githubjobs.ReasonPushed, "def")
	at = now.Add(10 * time.Minute)
	says(githubjobs.ReasonPushed, "10m0s ago")
	at = now.Add(11 * time.Minute)
	says(githubjobs.ReasonPushed, "11m0s ago")
	at = now.Add(25 * time.Hour)
	says(githubjobs.ReasonNeverStarted, "")
}

func TestJobIDOf(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"job_id=abc": "abc", "x=1&job_id=abc": "abc", "job_id=a%62c": "abc", "job_id=a+b": "a b", "job_id=a&job_id=b": "a",
		"": "", "job_id=": "", "id=abc": "", "job_id=a;b": "", "%zz&job_id=abc": "abc",
	} {
		if got := jobIDOf(query); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}
