package githubjobs

import (
	"testing"
	"time"
)

// forbiddenFacts are those of a job whose workflow was not allowed to open the pull request, with a label that
// is to hold it.
func forbiddenFacts(conclusion string) Facts {
	spec := Spec{ID: "a", Kind: KindReport, Base: "main", CreatedAt: at(0), PullRequest: &PullRequest{Labels: []string{"hold"}}}
	result := Result{Version: 1, ID: "a", Attempt: 1, RunID: 1, Outcome: OutcomeSuccess, FilesTotal: 1, Problem: &Problem{Reason: ReasonPRForbidden, Message: "Turn it on."}}
	return Facts{
		ID: "a", Spec: &spec, Created: []string{"c"}, Branch: &BranchFact{Head: "r", Moved: true, At: at(5)}, Dispatch: &Dispatch{At: at(0)},
		Runs:   []RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: conclusion, HeadSHA: "c", At: at(9)}},
		Result: &ResultFact{SHA: "r", Result: result, At: at(5)},
	}
}

// A pull request is not judged before it has the labels that the server is to put on it, and that
// is a step for as long as it is so: however much time has passed, and whatever was asked meanwhile.
func TestWhatIsNotLabelledIsToBe(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Facts){
		"nothing else":       func(*Facts) {},
		"judged by somebody": func(f *Facts) { f.Gates = []GateFact{{HeadSHA: "r", Conclusion: "neutral", At: at(20)}} },
		"cancelled too late": func(f *Facts) { f.Cancel = &CancelFact{By: "x", At: at(8)} },
		"GitHub has refused to cancel": func(f *Facts) {
			f.Cancel = &CancelFact{By: "x", At: at(8), Run: 1, Attempt: 1, Answer: CancelRefused, AnsweredAt: at(10)}
		},
		"expired too late": func(f *Facts) { f.Cancel = &CancelFact{By: "The server", Expired: true, At: at(8)} },
		"run deleted": func(f *Facts) {
			f.Runs[0].Status, f.Runs[0].Conclusion, f.Lost = "in_progress", "", []LostRun{{ID: 1, At: at(10)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := forbiddenFacts("success")
			f.Pulls = []PullFact{{Number: 1, Open: true, Base: "main", HeadSHA: "r", At: at(15)}}
			change(&f)
			for _, after := range []time.Duration{time.Hour, OpenWithin + time.Hour, 40 * 24 * time.Hour} {
				now := at(9).Add(after)
				if _, ok := f.ToJudge(now); ok {
					t.Errorf("after %s it is judged without its labels", after)
				}
				if step, due := f.Next(now); step != StepOpenPull || due.After(now) {
					t.Errorf("after %s: %q at %s", after, step, due)
				}
			}
		})
	}
}

// The server opens a pull request where nothing else has become of the job, and no other.
func TestWhichPullRequestIsOpened(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		conclusion string
		change     func(*Facts)
		opened     bool
	}{
		"after the end":       {"success", func(*Facts) {}, true},
		"cancelled too late":  {"success", func(f *Facts) { f.Cancel = &CancelFact{By: "x", At: at(8)} }, true},
		"cancelled on GitHub": {"cancelled", func(*Facts) {}, false},
		"by the time limit":   {"timed_out", func(*Facts) {}, false},
		"given up": {"success", func(f *Facts) {
			f.Cancel = &CancelFact{By: "x", At: at(8), Run: 1, Attempt: 1, Answer: CancelGivenUp, AnsweredAt: at(10)}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := forbiddenFacts(c.conclusion)
			c.change(&f)
			if step, _ := f.Next(at(9).Add(time.Hour)); (step == StepOpenPull) != c.opened {
				t.Errorf("%q; the job is %s", step, Reduce(f, at(9).Add(time.Hour)).Reason)
			}
		})
	}
}
