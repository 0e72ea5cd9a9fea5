package githubjobs

import (
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func run(attempt int, status, conclusion string, seconds int) RunFact {
	return RunFact{ID: 7, Attempt: attempt, Status: status, Conclusion: conclusion, HeadSHA: "c", URL: "https://hub/run/7", At: at(seconds)}
}

func resultFact(outcome Outcome, files int, change ...func(*Result)) *ResultFact {
	r := Result{Version: 1, ID: "a", RunID: 7, Attempt: 1, Outcome: outcome, FilesTotal: files}
	for _, c := range change {
		c(&r)
	}
	return &ResultFact{SHA: "r", Result: r, At: at(50)}
}

func withProblem(reason Reason) func(*Result) {
	return func(r *Result) { r.Problem = &Problem{Reason: reason, Message: "because"} }
}

func refused(reason Reason) func(*Result) { return func(r *Result) { r.Refused = reason } }

func TestReduce(t *testing.T) {
	t.Parallel()
	open := []PullFact{{Number: 1, URL: "https://hub/pull/1", Open: true, HeadSHA: "r"}}
	merged := []PullFact{{Number: 1, URL: "https://hub/pull/1", Merged: true, MergedAt: at(55), HeadSHA: "r", MergeSHA: "m"}}
	pushedOn := []PullFact{{Number: 1, URL: "https://hub/pull/1", Open: true, HeadSHA: "p"}}
	closed := []PullFact{{Number: 1, HeadSHA: "r"}}
	pushed := &BranchFact{Head: "c", At: at(0)}
	success := []RunFact{run(1, "completed", "success", 60)}
	failure := []RunFact{run(1, "completed", "failure", 60)}
	good, bad := resultFact(OutcomeSuccess, 1), resultFact(OutcomeFailure, 0)
	soon, late := at(61), at(60+3600)
	for name, c := range map[string]struct {
		facts Facts
		now   time.Time
		want  Reason
	}{
		"nothing is known":                      {Facts{}, soon, ReasonAccepted},
		"refused":                               {Facts{Dispatch: &Dispatch{Refused: "rule"}}, soon, ReasonPushRefused},
		"pushed":                                {Facts{Branch: pushed}, soon, ReasonPushed},
		"pushed, not yet seen":                  {Facts{Dispatch: &Dispatch{At: at(0)}}, soon, ReasonPushed},
		"pushed late":                           {Facts{Branch: pushed, Dispatch: &Dispatch{At: at(48 * 3600)}}, at(48*3600 + 1), ReasonPushed},
		"pushed an hour ago":                    {Facts{Branch: pushed}, late, ReasonPushed},
		"pushed two days ago":                   {Facts{Branch: pushed}, at(48 * 3600), ReasonNeverStarted},
		"branch gone":                           {Facts{Branch: &BranchFact{Deleted: true}}, soon, ReasonCanceled},
		"branch gone, merged":                   {Facts{Branch: &BranchFact{Deleted: true}, Pulls: merged}, late, ReasonMerged},
		"branch gone, just merged":              {Facts{Branch: &BranchFact{Deleted: true}, Pulls: merged}, soon, ReasonPublishing},
		"requested":                             {Facts{Runs: []RunFact{run(1, "requested", "", 1)}}, soon, ReasonQueued},
		"queued":                                {Facts{Runs: []RunFact{run(1, "queued", "", 1)}}, soon, ReasonQueued},
		"waiting":                               {Facts{Runs: []RunFact{run(1, "waiting", "", 1)}}, soon, ReasonWaitingApproval},
		"approval required":                     {Facts{Runs: []RunFact{run(1, "completed", "action_required", 1)}}, soon, ReasonWaitingApproval},
		"running":                               {Facts{Runs: []RunFact{run(1, "in_progress", "", 1)}}, soon, ReasonRunning},
		"result while running":                  {Facts{Runs: []RunFact{run(1, "in_progress", "", 1)}, Result: good}, soon, ReasonPublishing},
		"merged while running":                  {Facts{Runs: []RunFact{run(1, "in_progress", "", 1)}, Result: good, Pulls: merged}, soon, ReasonPublishing},
		"result, no run known":                  {Facts{Branch: pushed, Result: good, Pulls: open}, soon, ReasonPublishing},
		"result, no run known, long ago":        {Facts{Branch: pushed, Result: good, Pulls: open}, late, ReasonPROpen},
		"merged, its run not yet known":         {Facts{Branch: pushed, Result: good, Pulls: merged}, soon, ReasonPublishing},
		"merged, its run never known":           {Facts{Branch: pushed, Result: good, Pulls: merged}, late, ReasonMerged},
		"merged, made outside a run":            {Facts{Branch: pushed, Result: resultFact(OutcomeSuccess, 1, func(r *Result) { r.RunID = 0 }), Pulls: merged}, soon, ReasonMerged},
		"merged, failed result, no run known":   {Facts{Branch: pushed, Result: bad, Pulls: merged}, late, ReasonTaskFailed},
		"the result of a run not yet known":     {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 1, func(r *Result) { r.Attempt = 2 }), Pulls: open}, soon, ReasonPublishing},
		"a later push started a run":            {Facts{Runs: []RunFact{success[0], {ID: 8, Attempt: 1, Status: "completed", Conclusion: "skipped", HeadSHA: "x", At: at(90)}}, Result: good, Pulls: open}, late, ReasonPROpen},
		"only the run of the result is known":   {Facts{Runs: []RunFact{{ID: 8, Attempt: 1, Status: "completed", Conclusion: "skipped", HeadSHA: "r", At: at(90)}}, Result: good, Pulls: open}, soon, ReasonPublishing},
		"success, open":                         {Facts{Runs: success, Result: good, Pulls: open}, late, ReasonPROpen},
		"success, open, verdict on the way":     {Facts{Runs: success, Result: good, Pulls: open}, soon, ReasonPublishing},
		"success, open, merge on the way":       {Facts{Runs: success, Result: good, Pulls: open, Gates: []GateFact{{HeadSHA: "r", Conclusion: "success"}}}, soon, ReasonPublishing},
		"success, a person pushed":              {Facts{Runs: success, Result: good, Pulls: pushedOn}, soon, ReasonPROpen},
		"success, merged":                       {Facts{Runs: success, Result: good, Pulls: merged}, soon, ReasonMerged},
		"a later push started another run":      {Facts{Runs: []RunFact{success[0], {ID: 9, Attempt: 1, Status: "completed", Conclusion: "skipped", HeadSHA: "x", At: at(70)}}, Result: good, Pulls: open}, late, ReasonPROpen},
		"the branch was restored after a merge": {Facts{Runs: []RunFact{success[0], {ID: 9, Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: "c", At: at(70)}}, Result: good, Pulls: merged}, at(71), ReasonMerged},
		"re-run of a merged job":                {Facts{Runs: []RunFact{success[0], run(2, "in_progress", "", 70)}, Result: good, Pulls: merged}, at(71), ReasonMerged},
		"failed re-run of a merged job":         {Facts{Runs: []RunFact{success[0], run(2, "completed", "failure", 70)}, Result: good, Pulls: merged}, at(71), ReasonMerged},
		"success, merged, result unknown":       {Facts{Runs: success, Pulls: merged}, late, ReasonMerged},
		"success, just merged, result unknown":  {Facts{Runs: success, Pulls: merged}, soon, ReasonPublishing},
		"success, closed":                       {Facts{Runs: success, Result: good, Pulls: closed}, soon, ReasonPRClosed},
		"success, gate says no":                 {Facts{Runs: success, Result: good, Pulls: open, Gates: []GateFact{{HeadSHA: "r", Conclusion: "action_required"}}}, soon, ReasonMergeBlocked},
		"success, gate spoke of another head":   {Facts{Runs: success, Result: good, Pulls: open, Gates: []GateFact{{HeadSHA: "x", Conclusion: "action_required"}}}, late, ReasonPROpen},
		"success, no change":                    {Facts{Runs: success, Result: resultFact(OutcomeSuccess, 0)}, soon, ReasonNoChanges},
		"success, pull on the way":              {Facts{Runs: success, Result: good}, soon, ReasonPublishing},
		"success, pull never came":              {Facts{Runs: success, Result: good}, late, ReasonAgentError},
		"success, result on the way":            {Facts{Runs: success}, soon, ReasonPublishing},
		"success, result never came":            {Facts{Runs: success}, late, ReasonAgentError},
		"pull requests forbidden":               {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden))}, soon, ReasonPublishing},
		"forbidden, the server may not either":  {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden)), Opened: &OpenFact{Result: "r", Refused: "no", At: at(70)}}, soon, ReasonPRForbidden},
		"forbidden, tried for another result":   {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden)), Opened: &OpenFact{Result: "q", Refused: "no", At: at(40)}}, soon, ReasonPublishing},
		"forbidden, nobody has tried":           {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden))}, late, ReasonPRForbidden},
		"forbidden, opened by another":          {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden)), Pulls: []PullFact{{Number: 1, Open: true, HeadSHA: "r", At: at(70)}}}, soon, ReasonPROpen},
		"forbidden, and nothing to merge":       {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 0, withProblem(ReasonPRForbidden))}, soon, ReasonPRForbidden},
		"forbidden, a person opened and merged": {Facts{Runs: success, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden)), Pulls: merged}, soon, ReasonMerged},
		"change denied":                         {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 0, withProblem(ReasonPolicyDenied))}, soon, ReasonPolicyDenied},
		"secret missing":                        {Facts{Runs: failure, Result: resultFact(OutcomeError, 0, refused(ReasonSecretMissing))}, soon, ReasonSecretMissing},
		"not allowed what it needs":             {Facts{Runs: failure, Result: resultFact(OutcomeError, 0, refused(ReasonPolicyDenied))}, soon, ReasonPolicyDenied},
		"refused for something else":            {Facts{Runs: failure, Result: resultFact(OutcomeError, 0, refused(ReasonMerged))}, soon, ReasonAgentError},
		"a success is refused for nothing":      {Facts{Runs: success, Result: resultFact(OutcomeSuccess, 0, refused(ReasonSecretMissing))}, soon, ReasonNoChanges},
		"task failed":                           {Facts{Runs: failure, Result: bad}, soon, ReasonTaskFailed},
		"task failed, merged by hand":           {Facts{Runs: failure, Result: bad, Pulls: merged}, soon, ReasonTaskFailed},
		"run failed, merged":                    {Facts{Runs: failure, Result: good, Pulls: merged}, late, ReasonAgentError},
		"run just failed, merged":               {Facts{Runs: failure, Result: good, Pulls: merged}, soon, ReasonPublishing},
		"task timed out":                        {Facts{Runs: failure, Result: resultFact(OutcomeTimedOut, 0)}, soon, ReasonTimedOut},
		"run timed out":                         {Facts{Runs: []RunFact{run(1, "completed", "timed_out", 60)}}, soon, ReasonTimedOut},
		"cancelled":                             {Facts{Runs: []RunFact{run(1, "completed", "cancelled", 60)}}, soon, ReasonCanceled},
		"no result":                             {Facts{Runs: failure}, late, ReasonAgentError},
		"no result yet":                         {Facts{Runs: failure}, soon, ReasonPublishing},
		"no result, and GitHub was read":        {Facts{Runs: failure, Settled: []Settled{{7, 1}}}, soon, ReasonAgentError},
		"GitHub was read before the re-run":     {Facts{Runs: []RunFact{run(2, "completed", "failure", 60)}, Settled: []Settled{{7, 1}}}, soon, ReasonPublishing},
		"the branch was just deleted":           {Facts{Branch: &BranchFact{Deleted: true, At: at(60)}}, soon, ReasonPushed},
		"deleted, and GitHub was read":          {Facts{Branch: &BranchFact{Deleted: true, At: at(60)}, Settled: []Settled{{}}}, soon, ReasonCanceled},
		"the branch was deleted":                {Facts{Branch: &BranchFact{Deleted: true, At: at(60)}}, late, ReasonCanceled},
		"startup failure":                       {Facts{Runs: []RunFact{run(1, "completed", "startup_failure", 60)}}, soon, ReasonStartupFailure},
		"skipped":                               {Facts{Runs: []RunFact{run(1, "completed", "skipped", 60)}}, soon, ReasonNeverStarted},
		"stale":                                 {Facts{Runs: []RunFact{run(1, "completed", "stale", 60)}}, soon, ReasonNeverStarted},
		"re-run after a failure":                {Facts{Runs: []RunFact{failure[0], run(2, "in_progress", "", 90)}, Result: bad}, at(91), ReasonRunning},
		"re-run succeeded":                      {Facts{Runs: []RunFact{failure[0], run(2, "completed", "success", 90)}, Result: resultFact(OutcomeSuccess, 1, func(r *Result) { r.Attempt = 2 }), Pulls: merged}, at(91), ReasonMerged},
		"re-run, only the old result is known":  {Facts{Runs: []RunFact{failure[0], run(2, "completed", "success", 90)}, Result: bad}, at(91), ReasonPublishing},
	} {
		c.facts.ID = "a"
		j := Reduce(c.facts, c.now)
		if j.Reason != c.want || j.Status != c.want.Status() {
			t.Errorf("%s: %s/%s (%s), want %s", name, j.Status, j.Reason, j.Message, c.want)
		}
	}
}

// TestReduceIsTotal walks the product of everything that a job may consist of.
func TestATaskThatNeverRanHasNoExitCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]bool{-1: false, 0: true, 255: true} {
		result := resultFact(OutcomeCanceled, 0, func(r *Result) { r.ExitCode = code })
		job := Reduce(Facts{ID: "a", Runs: []RunFact{run(1, "completed", "cancelled", 60)}, Result: result}, at(61))
		if got := job.ExitCode; (got != nil) != want || want && *got != code {
			t.Errorf("%d became %v", code, got)
		}
	}
}

func TestReduceIsTotal(t *testing.T) {
	t.Parallel()
	branches := []*BranchFact{nil, {Head: "c", At: at(0)}, {Deleted: true, At: at(0)}}
	runs := [][]RunFact{nil}
	for _, s := range []string{"", "requested", "queued", "pending", "waiting", "in_progress", "unheard_of"} {
		runs = append(runs, []RunFact{run(1, s, "", 1)}, []RunFact{run(1, "completed", "failure", 1), run(2, s, "", 2)})
	}
	for _, c := range []string{"", "success", "failure", "cancelled", "skipped", "timed_out", "action_required", "neutral", "stale", "startup_failure", "unheard_of"} {
		runs = append(runs, []RunFact{run(1, "completed", c, 1)})
	}
	results := []*ResultFact{nil}
	for _, o := range append(Outcomes(), "unheard_of") {
		results = append(results, resultFact(o, 0), resultFact(o, 2), resultFact(o, 2, withProblem(ReasonPRForbidden)), resultFact(o, 2, withProblem("unheard_of")))
	}
	pulls := [][]PullFact{nil, {{Number: 1, Open: true}}, {{Number: 1}}, {{Number: 1, Merged: true}}, {{Number: 1, Merged: true}, {Number: 2, Open: true}}}
	for _, b := range branches {
		for _, rs := range runs {
			for _, res := range results {
				for _, ps := range pulls {
					for _, now := range []time.Time{{}, at(10), at(1e6)} {
						f := Facts{ID: "a", Branch: b, Runs: rs, Result: res, Pulls: ps}
						j := Reduce(f, now)
						if err := j.Reason.Validate(); err != nil || j.Status == "" || j.Message == "" || j.ChangedFiles == nil {
							t.Fatalf("%+v at %s: %+v, %v", f, now, j, err)
						}
						if failed := res != nil && res.Result.Outcome == OutcomeFailure && len(rs) == 0; failed && j.Status == StatusMerged {
							t.Fatalf("a failed attempt is merged: %+v", f)
						}
					}
				}
			}
		}
	}
}
