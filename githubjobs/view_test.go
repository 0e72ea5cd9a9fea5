package githubjobs

import (
	"testing"
	"time"
)

// A job is merged only by a pull request that leads to its base and holds its result.
func TestOtherPullRequestsMergeNothing(t *testing.T) {
	t.Parallel()
	to := func(base, head string, merged bool) PullFact {
		return PullFact{Number: 1, URL: "https://hub/pull/1", Open: !merged, Merged: merged, MergedAt: at(55), HeadSHA: head, Base: base, At: at(55)}
	}
	ours := to("main", "r", true)
	ours.Number = 2
	for name, c := range map[string]struct {
		base  string
		pulls []PullFact
		soon  Reason
		late  Reason
	}{
		"to the base":                      {"main", []PullFact{to("main", "r", true)}, ReasonMerged, ReasonMerged},
		"a person pushed before the merge": {"main", []PullFact{to("main", "p", true)}, ReasonMerged, ReasonMerged},
		"to another branch":                {"main", []PullFact{to("next", "r", true)}, ReasonPublishing, ReasonPRClosed},
		"to another branch, open":          {"main", []PullFact{to("next", "r", false)}, ReasonPublishing, ReasonPRClosed},
		"of the creation commit":           {"main", []PullFact{to("main", "c", true)}, ReasonPublishing, ReasonAgentError},
		"to another branch, and ours":      {"main", []PullFact{to("next", "r", true), ours}, ReasonMerged, ReasonMerged},
		"of the creation commit, and ours": {"main", []PullFact{to("main", "c", true), ours}, ReasonMerged, ReasonMerged},
		"no base, and not to the default":  {"", []PullFact{to("next", "r", true)}, ReasonPublishing, ReasonPRClosed},
		"no base is told":                  {"main", []PullFact{to("", "r", true)}, ReasonMerged, ReasonMerged},
	} {
		f := Facts{ID: "a", Spec: &Spec{ID: "a", Base: c.base}, Created: []string{"c"}, Runs: []RunFact{run(1, "completed", "success", 60)}, Result: resultFact(OutcomeSuccess, 1), Pulls: c.pulls}
		if j := Reduce(f, at(61)); j.Reason != c.soon {
			t.Errorf("%s: %s (%s), want %s", name, j.Reason, j.Message, c.soon)
		}
		if j := Reduce(f, at(3600)); j.Reason != c.late || j.Evidence.Pull == 0 {
			t.Errorf("%s, late: %s (%s), want %s", name, j.Reason, j.Message, c.late)
		}
		f.Runs, f.Result = nil, nil
		if j := Reduce(f, at(3600)); (j.Status == StatusMerged) != (c.late == ReasonMerged) {
			t.Errorf("%s, nothing else is known: %s (%s)", name, j.Reason, j.Message)
		}
	}
	toDefault := to("trunk", "r", true)
	toDefault.ToDefault = true
	f := Facts{ID: "a", Spec: &Spec{ID: "a"}, Created: []string{"c"}, Runs: []RunFact{run(1, "completed", "success", 60)}, Result: resultFact(OutcomeSuccess, 1), Pulls: []PullFact{toDefault}}
	if j := Reduce(f, at(61)); j.Reason != ReasonMerged {
		t.Errorf("to the default branch: %s (%s)", j.Reason, j.Message)
	}
}

// A run that was deleted on GitHub ends its job by what it has left.
func TestDeletedRuns(t *testing.T) {
	t.Parallel()
	lost := []LostRun{{ID: 7, At: at(100)}}
	running := []RunFact{run(1, "in_progress", "", 10)}
	open := []PullFact{{Number: 1, Open: true, HeadSHA: "r"}}
	merged := []PullFact{{Number: 1, Merged: true, MergedAt: at(55), HeadSHA: "r"}}
	for name, c := range map[string]struct {
		facts Facts
		now   int
		want  Reason
	}{
		"just now":                  {Facts{Runs: running, Lost: lost}, 101, ReasonPublishing},
		"nothing left":              {Facts{Runs: running, Lost: lost}, 3600, ReasonRunDeleted},
		"another run was deleted":   {Facts{Runs: running, Lost: []LostRun{{ID: 6, At: at(100)}}}, 3600, ReasonRunning},
		"its end is known":          {Facts{Runs: []RunFact{run(1, "completed", "cancelled", 20)}, Lost: lost}, 3600, ReasonCanceled},
		"it was heard of since":     {Facts{Runs: []RunFact{run(1, "in_progress", "", 200)}, Lost: lost}, 3600, ReasonRunning},
		"the task failed":           {Facts{Runs: running, Lost: lost, Result: resultFact(OutcomeFailure, 0)}, 3600, ReasonTaskFailed},
		"a pull request":            {Facts{Runs: running, Lost: lost, Result: resultFact(OutcomeSuccess, 1), Pulls: open}, 3600, ReasonPROpen},
		"merged":                    {Facts{Runs: running, Lost: lost, Result: resultFact(OutcomeSuccess, 1), Pulls: merged}, 3600, ReasonMerged},
		"merged, its result is not": {Facts{Runs: running, Lost: lost, Pulls: merged}, 3600, ReasonMerged},
	} {
		c.facts.ID = "a"
		if j := Reduce(c.facts, at(c.now)); j.Reason != c.want {
			t.Errorf("%s: %s (%s), want %s", name, j.Reason, j.Message, c.want)
		}
		known := c.want == ReasonRunning
		if (c.facts.Unfinished() == 7) != known {
			t.Errorf("%s: GitHub is asked for run %d", name, c.facts.Unfinished())
		}
	}
}

// A branch that was created anew starts another run, which is the next attempt.
func TestBranchCreatedAnew(t *testing.T) {
	t.Parallel()
	second := func(status, conclusion string) RunFact {
		return RunFact{ID: 9, Attempt: 1, Status: status, Conclusion: conclusion, HeadSHA: "c", URL: "https://hub/run/9", At: at(100)}
	}
	first := run(1, "completed", "failure", 60)
	bad, good := resultFact(OutcomeFailure, 0), resultFact(OutcomeSuccess, 0, func(r *Result) { r.RunID = 9 })
	skipped := RunFact{ID: 11, Attempt: 1, Status: "completed", Conclusion: "skipped", HeadSHA: "p", At: at(120)}
	for name, c := range map[string]struct {
		facts Facts
		want  Reason
		run   int64
	}{
		"the first":                       {Facts{Created: []string{"c"}, Runs: []RunFact{first}, Result: bad}, ReasonTaskFailed, 7},
		"the second is in progress":       {Facts{Created: []string{"c"}, Runs: []RunFact{first, second("in_progress", "")}, Result: bad}, ReasonRunning, 9},
		"the second succeeded":            {Facts{Created: []string{"c"}, Runs: []RunFact{first, second("completed", "success")}, Result: Merge(Facts{Result: bad}, Facts{Result: good}).Result}, ReasonNoChanges, 9},
		"its run is not known yet":        {Facts{Created: []string{"c"}, Runs: []RunFact{first}, Result: good}, ReasonNoChanges, 0},
		"a later push":                    {Facts{Created: []string{"c"}, Runs: []RunFact{first, skipped}, Result: bad}, ReasonTaskFailed, 7},
		"a later push, creation unknown":  {Facts{Runs: []RunFact{first, skipped}, Result: bad}, ReasonTaskFailed, 7},
		"only the run of a later push":    {Facts{Created: []string{"c"}, Runs: []RunFact{skipped}, Branch: &BranchFact{Head: "p2", Moved: true, At: at(700)}}, ReasonPushed, 0},
		"merged before it began":          {Facts{Created: []string{"c"}, Runs: []RunFact{first, second("in_progress", "")}, Pulls: []PullFact{{Number: 1, Merged: true, HeadSHA: "r"}}}, ReasonMerged, 9},
		"another commit with the spec":    {Facts{Created: []string{"c", "d"}, Runs: []RunFact{first, {ID: 9, Attempt: 1, Status: "queued", HeadSHA: "d", At: at(700)}}, Result: bad}, ReasonQueued, 9},
		"the result of neither, long ago": {Facts{Created: []string{"c"}, Runs: []RunFact{first, second("completed", "failure")}, Result: bad}, ReasonAgentError, 9},
	} {
		c.facts.ID = "a"
		if j := Reduce(c.facts, at(720)); j.Reason != c.want || j.Evidence.RunID != c.run {
			t.Errorf("%s: %s (%s) by run %d, want %s by run %d", name, j.Reason, j.Message, j.Evidence.RunID, c.want, c.run)
		}
	}
}

// After an outage much is old and not known yet: what is missing counts only as of the
// time until which everything is known.
func TestWhatIsMissingAfterAnOutage(t *testing.T) {
	t.Parallel()
	pushed := &BranchFact{Head: "c", At: at(0)}
	success, failure := []RunFact{run(1, "completed", "success", 60)}, []RunFact{run(1, "completed", "failure", 60)}
	good := resultFact(OutcomeSuccess, 1)
	open := []PullFact{{Number: 1, Open: true, HeadSHA: "r"}}
	days := 3 * 24 * 3600
	for name, c := range map[string]struct {
		facts           Facts
		before, settled Reason
	}{
		"the result":            {Facts{Runs: success}, ReasonPublishing, ReasonAgentError},
		"of a failed run":       {Facts{Runs: failure}, ReasonPublishing, ReasonAgentError},
		"the pull request":      {Facts{Runs: success, Result: good}, ReasonPublishing, ReasonAgentError},
		"the verdict":           {Facts{Runs: success, Result: good, Pulls: open}, ReasonPublishing, ReasonPROpen},
		"the run of the result": {Facts{Branch: pushed, Result: good, Pulls: open}, ReasonPublishing, ReasonPROpen},
		"the run":               {Facts{Branch: pushed}, ReasonPushed, ReasonNeverStarted},
		"of a deleted branch":   {Facts{Branch: &BranchFact{Deleted: true, At: at(60)}}, ReasonPushed, ReasonCanceled},
	} {
		for complete, want := range map[time.Time]Reason{time.Unix(1, 0): c.before, at(30): c.before, at(days): c.settled, at(2 * days): c.settled, {}: c.settled} {
			c.facts.Complete = complete
			if j := Reduce(c.facts, at(days)); j.Reason != want {
				t.Errorf("%s, complete until %s: %s (%s), want %s", name, complete, j.Reason, j.Message, want)
			}
		}
	}
}
