package githubjobs

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestUpdateMessages(t *testing.T) {
	t.Parallel()
	sha := strings.Repeat("ab", 20)
	message := FormatUpdate(Name{"abc", 2}, "release/#12", sha)
	id, result, err := ParseUpdate(message)
	if err != nil || id != "abc" || result != sha || strings.Contains(message, "#1") || SkipsActions(message) || !strings.HasPrefix(message, "Bring job/abc.2 onto the newest release/") {
		t.Errorf("%q %q %v of %q", id, result, err, message)
	}
	if _, err := ParseResult(message); !errors.Is(err, ErrNoResult) {
		t.Errorf("it is a result: %v", err)
	}
	if _, _, err := ParseUpdate(FormatSpec(Spec{ID: "abc"})); !errors.Is(err, ErrNoUpdate) {
		t.Errorf("a creation commit: %v", err)
	}
	for name, line := range map[string]string{
		"no JSON": "x", "no result": `{"v":1,"id":"abc"}`, "a short result": `{"v":1,"id":"abc","result":"abc"}`, "no id": `{"v":1,"result":"` + sha + `"}`, "another version": `{"v":2,"id":"abc","result":"` + sha + `"}`,
	} {
		if _, _, err := ParseUpdate("x\n\nJob-Update: " + line + "\n"); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// brought are the facts of a job whose result was brought onto a newer base by a commit x.
func brought(attempt int, pull PullFact) Facts {
	at := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	spec := Spec{ID: "a", Base: "main", CreatedAt: at}
	pull.Number, pull.HeadSHA, pull.Base = 1, "x", "main"
	return Facts{
		ID: "a", Spec: &spec, Created: []string{"c"}, Branch: &BranchFact{Head: "x", Moved: true, At: at, Seen: at.Add(time.Minute), Read: true},
		Runs:    []RunFact{{ID: 7, Attempt: attempt, Status: "completed", Conclusion: "success", HeadSHA: "c", StartedAt: at, At: at.Add(2 * time.Minute)}},
		Result:  &ResultFact{SHA: "r", Result: Result{ID: "a", RunID: 7, Attempt: attempt, Outcome: OutcomeSuccess, FilesTotal: 1}, Log: "log", At: at},
		Updates: []UpdateFact{{SHA: "x", Result: "r"}},
		Pulls:   []PullFact{pull},
	}
}

// A pull request whose head carries the result is that result's.
func TestWhatCarriesAResultIsThatResult(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 22, 8, 3, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		attempt int
		pull    PullFact
		reason  Reason
	}{
		"its merge is on the way":    {1, PullFact{Open: true, At: end.Add(-2 * time.Minute)}, ReasonPublishing},
		"brought there afterwards":   {1, PullFact{Open: true, At: end}, ReasonPROpen},
		"merged":                     {1, PullFact{Merged: true, At: end}, ReasonMerged},
		"merged of a run run again":  {2, PullFact{Merged: true, At: end}, ReasonMerged},
		"brought there, a later run": {2, PullFact{Open: true, At: end}, ReasonPROpen},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := brought(test.attempt, test.pull)
			j := Reduce(f, end)
			if j.Reason != test.reason || j.Evidence.ResultSHA != "r" || j.Log != "log" {
				t.Errorf("%s, result %q, log %q", j.Reason, j.Evidence.ResultSHA, j.Log)
			}
			// The run that the push has started does nothing, and changes nothing.
			f = Merge(f, Facts{ID: "a", Runs: []RunFact{{ID: 9, Attempt: 1, Status: "completed", Conclusion: "skipped", HeadSHA: "x", At: end}}})
			if k := Reduce(f, end); k.Reason != j.Reason || k.Evidence.RunID != 7 {
				t.Errorf("after the skipped run: %s, run %d", k.Reason, k.Evidence.RunID)
			}
			f.Created = nil // which only a read tells
			if k := Reduce(f, end); k.Reason != j.Reason || k.Evidence.RunID != 7 {
				t.Errorf("without the creation: %s, run %d", k.Reason, k.Evidence.RunID)
			}
			f.Runs = f.Runs[1:]
			if k := Reduce(f, end); k.Evidence.RunID != 0 {
				t.Errorf("the skipped run is taken for the job's")
			}
		})
	}
}

// Nobody has lost the pull request whose base was changed after the gate had brought it onto a newer
// one.
func TestAStrayThatCarriesTheResult(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 11, 22, 8, 3, 0, 0, time.UTC)
	f := brought(1, PullFact{Open: true, At: end, URL: "https://github.com/alice/reports/pull/1"})
	f.Pulls[0].Base = "release"
	j := Reduce(f, end.Add(48*time.Hour))
	if j.Reason != ReasonPRClosed || !strings.Contains(j.Message, `/pull/1 leads to "release"`) {
		t.Errorf("%s/%s: %s", j.Status, j.Reason, j.Message)
	}
	f.Updates = nil // it may be anybody's commit
	if j := Reduce(f, end.Add(48*time.Hour)); j.Reason == ReasonPRClosed {
		t.Errorf("a head that nobody knows: %s", j.Message)
	}
}

func TestABranchThatCarriesAResultIsKnownAndSpent(t *testing.T) {
	t.Parallel()
	f := brought(1, PullFact{Merged: true})
	f.Branch.Read = false
	if !f.ReadTo("x") || f.ReadTo("y") {
		t.Error("what the commits tell is not known")
	}
	f.Pulls = nil
	if !f.spent() {
		t.Error("the branch is kept")
	}
	f.Updates = nil
	if f.ReadTo("x") || f.spent() {
		t.Error("a commit that nobody knows is taken for the result")
	}
}
