package githubjobs

import (
	"math/rand"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return epoch.Add(time.Duration(seconds) * time.Second) }

func run(attempt int, status, conclusion string, seconds int) RunFact {
	return RunFact{ID: 7, Attempt: attempt, Status: status, Conclusion: conclusion, URL: "https://hub/run/7", At: at(seconds)}
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

func TestReduce(t *testing.T) {
	t.Parallel()
	open := []PullFact{{Number: 1, URL: "https://hub/pull/1", Open: true, HeadSHA: "r"}}
	merged := []PullFact{{Number: 1, URL: "https://hub/pull/1", Merged: true, MergedAt: at(55), HeadSHA: "r", MergeSHA: "m"}}
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
		"merged, no run known":                  {Facts{Branch: pushed, Result: good, Pulls: merged}, soon, ReasonMerged},
		"merged, failed result, no run known":   {Facts{Branch: pushed, Result: bad, Pulls: merged}, soon, ReasonTaskFailed},
		"success, open":                         {Facts{Runs: success, Result: good, Pulls: open}, soon, ReasonPROpen},
		"success, merged":                       {Facts{Runs: success, Result: good, Pulls: merged}, soon, ReasonMerged},
		"a later push started another run":      {Facts{Runs: []RunFact{success[0], {ID: 9, Attempt: 1, Status: "completed", Conclusion: "skipped", At: at(70)}}, Result: good, Pulls: open}, at(71), ReasonPROpen},
		"the branch was restored after a merge": {Facts{Runs: []RunFact{success[0], {ID: 9, Attempt: 1, Status: "completed", Conclusion: "failure", At: at(70)}}, Result: good, Pulls: merged}, at(71), ReasonMerged},
		"re-run of a merged job":                {Facts{Runs: []RunFact{success[0], run(2, "in_progress", "", 70)}, Result: good, Pulls: merged}, at(71), ReasonMerged},
		"failed re-run of a merged job":         {Facts{Runs: []RunFact{success[0], run(2, "completed", "failure", 70)}, Result: good, Pulls: merged}, at(71), ReasonMerged},
		"success, merged, result unknown":       {Facts{Runs: success, Pulls: merged}, late, ReasonMerged},
		"success, just merged, result unknown":  {Facts{Runs: success, Pulls: merged}, soon, ReasonPublishing},
		"success, closed":                       {Facts{Runs: success, Result: good, Pulls: closed}, soon, ReasonPRClosed},
		"success, gate says no":                 {Facts{Runs: success, Result: good, Pulls: open, Gate: &GateFact{HeadSHA: "r", Conclusion: "action_required"}}, soon, ReasonMergeBlocked},
		"success, gate spoke of another head":   {Facts{Runs: success, Result: good, Pulls: open, Gate: &GateFact{HeadSHA: "x", Conclusion: "action_required"}}, soon, ReasonPROpen},
		"success, no change":                    {Facts{Runs: success, Result: resultFact(OutcomeSuccess, 0)}, soon, ReasonNoChanges},
		"success, pull on the way":              {Facts{Runs: success, Result: good}, soon, ReasonPublishing},
		"success, pull never came":              {Facts{Runs: success, Result: good}, late, ReasonAgentError},
		"success, result on the way":            {Facts{Runs: success}, soon, ReasonPublishing},
		"success, result never came":            {Facts{Runs: success}, late, ReasonAgentError},
		"pull requests forbidden":               {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden))}, soon, ReasonPRForbidden},
		"forbidden, a person opened and merged": {Facts{Runs: success, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden)), Pulls: merged}, soon, ReasonMerged},
		"change denied":                         {Facts{Runs: failure, Result: resultFact(OutcomeSuccess, 0, withProblem(ReasonPolicyDenied))}, soon, ReasonPolicyDenied},
		"task failed":                           {Facts{Runs: failure, Result: bad}, soon, ReasonTaskFailed},
		"task failed, merged by hand":           {Facts{Runs: failure, Result: bad, Pulls: merged}, soon, ReasonTaskFailed},
		"run failed, merged":                    {Facts{Runs: failure, Result: good, Pulls: merged}, soon, ReasonAgentError},
		"task timed out":                        {Facts{Runs: failure, Result: resultFact(OutcomeTimedOut, 0)}, soon, ReasonTimedOut},
		"run timed out":                         {Facts{Runs: []RunFact{run(1, "completed", "timed_out", 60)}}, soon, ReasonTimedOut},
		"cancelled":                             {Facts{Runs: []RunFact{run(1, "completed", "cancelled", 60)}}, soon, ReasonCanceled},
		"no result":                             {Facts{Runs: failure}, soon, ReasonAgentError},
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

func drawFacts(t *rapid.T) Facts {
	second := rapid.IntRange(0, 3) // few values, so that equal times happen
	f := Facts{ID: "a"}
	if rapid.Bool().Draw(t, "dispatch?") {
		f.Dispatch = &Dispatch{Refused: rapid.SampledFrom([]string{"", "no"}).Draw(t, "refused"), At: at(second.Draw(t, "t"))}
	}
	if rapid.Bool().Draw(t, "branch?") {
		f.Branch = &BranchFact{Head: rapid.SampledFrom([]string{"c", "r"}).Draw(t, "head"), Deleted: rapid.Bool().Draw(t, "deleted"), At: at(second.Draw(t, "t"))}
		if rapid.Bool().Draw(t, "seen?") {
			f.Branch.Seen = at(second.Draw(t, "t"))
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "runs") {
		r := run(rapid.IntRange(1, 2).Draw(t, "attempt"), rapid.SampledFrom([]string{"queued", "in_progress", "completed"}).Draw(t, "status"), "", second.Draw(t, "t"))
		if r.Status == "completed" {
			r.Conclusion = rapid.SampledFrom([]string{"success", "failure"}).Draw(t, "conclusion")
		}
		f = Merge(f, Facts{Runs: []RunFact{r}})
	}
	for range rapid.IntRange(0, 3).Draw(t, "pulls") {
		p := PullFact{Number: rapid.IntRange(1, 2).Draw(t, "number"), Open: rapid.Bool().Draw(t, "open"), Merged: rapid.Bool().Draw(t, "merged"), At: at(second.Draw(t, "t"))}
		f = Merge(f, Facts{Pulls: []PullFact{p}})
	}
	if rapid.Bool().Draw(t, "result?") {
		f.Result = resultFact(rapid.SampledFrom(Outcomes()).Draw(t, "outcome"), rapid.IntRange(0, 1).Draw(t, "files"))
		f.Result.At = at(second.Draw(t, "t"))
	}
	if rapid.Bool().Draw(t, "gate?") {
		f.Gate = &GateFact{HeadSHA: "r", Conclusion: rapid.SampledFrom([]string{"success", "neutral"}).Draw(t, "gate"), At: at(second.Draw(t, "t"))}
	}
	return f
}

func TestMergeIsAJoin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawFacts(t), drawFacts(t), drawFacts(t)
		equal := func(law string, x, y Facts) {
			if !reflect.DeepEqual(x, y) {
				t.Fatalf("%s does not hold:\n%s\n%s", law, encoded(x), encoded(y))
			}
		}
		equal("idempotence", Merge(a, a), a)
		equal("commutativity", Merge(a, b), Merge(b, a))
		equal("associativity", Merge(Merge(a, b), c), Merge(a, Merge(b, c)))
	})
}

// TestAnyOrderOfNewsGivesTheSameJob delivers the news of one job's life in random
// order, with repetitions.
func TestAnyOrderOfNewsGivesTheSameJob(t *testing.T) {
	t.Parallel()
	news := []Facts{
		{Dispatch: &Dispatch{At: at(0)}},
		{Branch: &BranchFact{Head: "c", At: at(70)}}, // the server's clock is ahead of GitHub's
		{Branch: &BranchFact{Head: "c", At: at(70), Seen: at(1)}},
		{Runs: []RunFact{run(1, "queued", "", 2)}},
		{Runs: []RunFact{run(1, "in_progress", "", 2)}},
		{Branch: &BranchFact{Head: "r", At: at(-500), Seen: at(50)}, Result: resultFact(OutcomeSuccess, 1)},
		{Pulls: []PullFact{{Number: 1, Open: true, HeadSHA: "r", At: at(51)}}},
		{Pulls: []PullFact{{Number: 1, Merged: true, HeadSHA: "r", At: at(51)}}},
		{Branch: &BranchFact{Head: "r", Deleted: true, At: at(52), Seen: at(52)}},
		{Runs: []RunFact{run(1, "completed", "success", 53)}},
	}
	for seed := range int64(200) {
		r := rand.New(rand.NewSource(seed))
		all := append(append([]Facts{}, news...), news[r.Intn(len(news))], news[r.Intn(len(news))])
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		f := Facts{ID: "a"}
		for _, n := range all {
			f = Merge(f, n)
		}
		if j := Reduce(f, at(60)); j.Status != StatusMerged || !j.Terminal || !j.Evidence.BranchDeleted || j.Evidence.BranchSHA != "r" {
			t.Fatalf("seed %d: %+v", seed, j)
		}
	}
}
