package control

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// unopened are the facts of a job whose workflow was not allowed to open the pull request.
func unopened() githubjobs.Facts {
	spec := githubjobs.Spec{ID: "a", Kind: githubjobs.KindReport, Title: "Report for @bob", Base: "main", CreatedAt: time.Now(),
		PullRequest: &githubjobs.PullRequest{Labels: []string{"report"}}}
	return githubjobs.Facts{
		ID: "a", Spec: &spec, Created: []string{"c"}, Branch: &githubjobs.BranchFact{Head: "r", Moved: true, At: time.Now()},
		Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: "c", URL: "https://hub/runs/7", At: time.Now()}},
		Result: &githubjobs.ResultFact{SHA: "r", At: time.Now(), Log: "the log", Summary: "It is **done**", Result: githubjobs.Result{
			Version: 1, ID: "a", RunID: 7, Attempt: 1, Outcome: githubjobs.OutcomeSuccess, FilesTotal: 2, ChangedFiles: []string{"a", "b"},
			Changes: []githubjobs.Change{{Path: "b", From: "a", Status: githubjobs.ChangeRenamed, Bytes: 5}},
			Problem: &githubjobs.Problem{Reason: githubjobs.ReasonPRForbidden, Message: "Turn it on."},
		}},
	}
}

func TestOpenPull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m := run(t, g, unopened())
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []string{"open job/a after 0s", "label 3 [report] after 0s"}; !slices.Equal(g.calls, want) {
			t.Errorf("calls %q, want %q", g.calls, want)
		}
		if r := m.reason("a"); r != githubjobs.ReasonPROpen {
			t.Error(r)
		}
		p := g.opened
		if p.Head != "job/a" || p.Base != "main" || strings.Contains(p.Title, "@bob") {
			t.Errorf("%+v", p)
		}
		for _, part := range []string{"It is **done**", "| renamed | `b` from `a` | 5 B |", "the log", "https://hub/runs/7"} {
			if !strings.Contains(p.Body, part) {
				t.Errorf("the body lacks %q:\n%s", part, p.Body)
			}
		}
	})
}

func TestOpenPullIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refuse string
		closed bool
		reason githubjobs.Reason
		says   string
		calls  int
	}{
		"nothing":       {"open", false, githubjobs.ReasonPRForbidden, "Turn it on. The server could not open it either: ", 1},
		"labels":        {"label", false, githubjobs.ReasonPROpen, `It lacks the labels ["report"]`, 2},
		"switched off":  {"", true, githubjobs.ReasonPRForbidden, "OPEN_PULL_REQUESTS=false", 0},
		"not answering": {"busy", false, githubjobs.ReasonPROpen, "open.", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &github{closed: c.closed}
				g.answer = func(call string) error {
					switch {
					case c.refuse == "busy" && len(g.calls) == 1:
						return &hub.Error{Kind: hub.ErrUnavailable}
					case c.refuse != "" && strings.HasPrefix(call, c.refuse):
						return &hub.Error{Kind: hub.ErrForbidden, Message: "no"}
					}
					return nil
				}
				m := run(t, g, unopened())
				time.Sleep(time.Minute)
				synctest.Wait()
				j := githubjobs.Reduce(m.jobs["a"], time.Now())
				if j.Reason != c.reason || !strings.Contains(j.Message, c.says) || len(g.calls) != c.calls {
					t.Errorf("%s: %s, after %q", j.Reason, j.Message, g.calls)
				}
			})
		})
	}
}

// What is not the server's to open, it leaves.
func TestOpenPullNot(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*githubjobs.Facts){
		"opened by a person": func(f *githubjobs.Facts) {
			f.Pulls, f.Spec.PullRequest = []githubjobs.PullFact{{Number: 1, Open: true, HeadSHA: "r", Base: "main"}}, nil
		},
		"merged by a person": func(f *githubjobs.Facts) {
			f.Pulls = []githubjobs.PullFact{{Number: 1, Merged: true, HeadSHA: "r", Base: "main"}}
		},
		"the branch has moved": func(f *githubjobs.Facts) { f.Branch.Head = "x" },
		"the branch is gone":   func(f *githubjobs.Facts) { f.Branch.Deleted = true },
		"long ago":             func(f *githubjobs.Facts) { f.Result.At = f.Result.At.Add(-githubjobs.OpenWithin - time.Second) },
		"nothing to merge":     func(f *githubjobs.Facts) { f.Result.Result.FilesTotal = 0 },
		"another problem":      func(f *githubjobs.Facts) { f.Result.Result.Problem.Reason = githubjobs.ReasonPolicyDenied },
		"the task failed":      func(f *githubjobs.Facts) { f.Result.Result.Outcome = githubjobs.OutcomeFailure },
		"tried":                func(f *githubjobs.Facts) { f.Opened = &githubjobs.OpenFact{Result: "r", Refused: "no"} },
		"a later attempt": func(f *githubjobs.Facts) {
			f.Later = []githubjobs.Facts{{Attempt: 2, Asked: &githubjobs.AskedFact{By: "x", At: time.Now()}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, f := &github{}, unopened()
				change(&f)
				run(t, g, f)
				time.Sleep(time.Hour)
				synctest.Wait()
				if len(g.calls) != 0 {
					t.Errorf("%q", g.calls)
				}
			})
		})
	}
}

// A pull request that is open already, since a server died after it had opened it, gets its labels;
// it is not judged before, for one of them may be to hold it.
func TestLabelsOfAnOpenedPull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, f := &github{}, unopened()
		f.Runs[0].Conclusion = "success"
		f.Pulls = []githubjobs.PullFact{{Number: 3, Open: true, HeadSHA: "r", Base: "main", At: time.Now()}}
		time.Sleep(githubjobs.SlowDelivery + time.Second)
		if _, ok := f.ToJudge(time.Now()); ok {
			t.Error("it is judged without its labels")
		}
		m := run(t, g, f)
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(g.calls) != 2 || !strings.HasPrefix(g.calls[1], "label 3 [report]") {
			t.Errorf("calls %q", g.calls)
		}
		if _, ok := m.jobs["a"].ToJudge(time.Now()); !ok {
			t.Errorf("it is not judged: %+v", githubjobs.Reduce(m.jobs["a"], time.Now()))
		}
	})
}
