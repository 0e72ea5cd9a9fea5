package githubjobs

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// drawFacts draws facts of few values, so that equal keys, ranks and times happen.
func drawFacts(t *rapid.T) Facts {
	when := func() time.Time {
		return rapid.SampledFrom([]time.Time{{}, at(0), at(1), at(2), at(1).Add(time.Nanosecond)}).Draw(t, "at")
	}
	some := func(what string) bool { return rapid.Bool().Draw(t, what) }
	word := func(words ...string) string { return rapid.SampledFrom(words).Draw(t, "word") }
	few := func() int64 { return rapid.Int64Range(0, 2).Draw(t, "n") }
	f := Facts{ID: word("", "a"), Attempt: rapid.IntRange(0, 3).Draw(t, "attempt")}
	if some("spec") {
		f.Spec = &Spec{Version: 1, ID: "a", Title: word("x", "y"), CreatedAt: when()}
	}
	if some("dispatch") {
		f.Dispatch = &Dispatch{Refused: word("", "no"), Dropped: some("dropped"), Unmet: word("", "b"), At: when()}
	}
	if some("hold") {
		f.Hold = &HoldFact{Met: some("met"), Unmet: word("", "b"), Queued: some("queued"), Open: some("open"), After: []string{word("b", "c")}, Attempt: int(few()), At: when()}
	}
	if some("cancel") {
		f.Cancel = &CancelFact{By: word("x", "y"), At: when(), Answer: CancelAnswer(word("", "accepted", "refused", "forced", "given_up")), AnsweredAt: when()}
	}
	if some("asked") {
		f.Asked = &AskedFact{By: word("x", "y"), At: when()}
	}
	if some("opened") {
		f.Opened = &OpenFact{Result: word("c", "r"), Refused: word("", "no"), At: when()}
	}
	if some("deadline") {
		f.Deadline = &DeadlineFact{Until: when(), At: when()}
	}
	if some("findings") {
		f.Findings = &Findings{Actions: Answer(word("", "no")), Labels: []string{word("x", "y")}, At: when()}
	}
	if some("branch") {
		f.Branch = &BranchFact{Head: word("", "c", "r"), Deleted: some("deleted"), Moved: some("moved"), At: when(), Seen: when(), Read: some("read")}
	}
	if some("result") {
		f.Result = resultFact(rapid.SampledFrom(Outcomes()).Draw(t, "outcome"), int(few()))
		f.Result.At, f.Result.Result.RunID, f.Result.Result.Attempt = when(), few(), int(few())
		if some("problem") {
			f.Result.Result.Problem = &Problem{Reason: ReasonPRForbidden, Message: word("x", "y")}
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "more") {
		f = Merge(f, Facts{
			Attempt: rapid.IntRange(0, 3).Draw(t, "attempt"), Created: []string{word("c", "d")}, Lost: []LostRun{{ID: few(), At: when()}}, Settled: []Settled{{few(), int(few())}},
			Runs:  []RunFact{{ID: few(), Attempt: int(few()), Status: word("", "queued", "waiting", "in_progress", "completed"), Conclusion: word("", "success", "action_required"), At: when()}},
			Pulls: []PullFact{{Number: int(few()), Open: some("open"), Merged: some("merged"), At: when()}},
			Gates: []GateFact{{HeadSHA: word("", "c", "r"), Conclusion: word("success", "neutral"), At: when()}},
		})
	}
	return Merge(f, Facts{}) // as facts are kept
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
		equal("absorption", Merge(Merge(a, b), b), Merge(a, b))
		equal("the empty facts", Merge(a, Facts{}), a)
	})
}

// TestMergeOrder holds which of two versions of one fact wins, whichever came first.
func TestMergeOrder(t *testing.T) {
	t.Parallel()
	result := func(attempt int, seconds int, change ...func(*Result)) Facts {
		r := resultFact(OutcomeSuccess, 1, change...)
		r.Result.Attempt, r.At = attempt, at(seconds)
		return Facts{Result: r}
	}
	runs := func(status, conclusion string, seconds int) Facts {
		return Facts{Runs: []RunFact{run(1, status, conclusion, seconds)}}
	}
	otherRun := func(f Facts) Facts { f.Result.Result.RunID++; return f }
	branch := func(b BranchFact, seconds int) Facts { b.At = at(seconds); return Facts{Branch: &b} }
	for name, c := range map[string]struct{ loses, wins Facts }{
		"the older spec":                           {Facts{Spec: &Spec{CreatedAt: at(1)}}, Facts{Spec: &Spec{CreatedAt: at(0)}}},
		"a spec with a time":                       {Facts{Spec: &Spec{Title: "z"}}, Facts{Spec: &Spec{CreatedAt: at(0)}}},
		"specs of the same time, by their bytes":   {Facts{Spec: &Spec{Title: "a", CreatedAt: at(0)}}, Facts{Spec: &Spec{Title: "b", CreatedAt: at(0)}}},
		"a push that went through":                 {Facts{Dispatch: &Dispatch{Refused: "no", At: at(9)}}, Facts{Dispatch: &Dispatch{At: at(1)}}},
		"a push, without a time":                   {Facts{Dispatch: &Dispatch{Refused: "no", At: at(9)}}, Facts{Dispatch: &Dispatch{}}},
		"the later request to cancel":              {Facts{Cancel: &CancelFact{At: at(1), Answer: CancelAccepted, AnsweredAt: at(5)}}, Facts{Cancel: &CancelFact{At: at(2)}}},
		"the answer to a request":                  {Facts{Cancel: &CancelFact{At: at(1)}}, Facts{Cancel: &CancelFact{At: at(1), Answer: CancelRefused, AnsweredAt: at(1)}}},
		"the later deadline, also a shorter one":   {Facts{Deadline: &DeadlineFact{Until: at(9), At: at(1)}}, Facts{Deadline: &DeadlineFact{Until: at(5), At: at(2)}}},
		"the later findings":                       {Facts{Findings: &Findings{Actions: No, At: at(1)}}, Facts{Findings: &Findings{Actions: Yes, At: at(2)}}},
		"a fact with a time":                       {Facts{Findings: &Findings{Actions: No}}, Facts{Findings: &Findings{At: at(0)}}},
		"a time before 1970":                       {Facts{Findings: &Findings{}}, Facts{Findings: &Findings{At: time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC)}}},
		"a time that nanoseconds cannot count":     {Facts{Findings: &Findings{At: at(0)}}, Facts{Findings: &Findings{At: time.Date(2600, 1, 1, 0, 0, 0, 0, time.UTC)}}},
		"the result commit, by a clock behind":     {branch(BranchFact{Head: "c"}, 60), branch(BranchFact{Head: "r", Moved: true}, 1)},
		"a deletion, by a clock behind":            {branch(BranchFact{Head: "r", Moved: true}, 60), branch(BranchFact{Deleted: true}, 1)},
		"a deletion that tells the head":           {branch(BranchFact{Deleted: true}, 1), branch(BranchFact{Head: "r", Deleted: true}, 1)},
		"a branch restored, by a clock behind":     {branch(BranchFact{Head: "r", Deleted: true, Seen: at(1)}, 9), branch(BranchFact{Head: "r", Moved: true, Seen: at(2)}, 1)},
		"a branch deleted once more":               {branch(BranchFact{Head: "r", Seen: at(2)}, 9), branch(BranchFact{Head: "r", Deleted: true, Seen: at(3)}, 1)},
		"a head that GitHub saw":                   {branch(BranchFact{Head: "c"}, 60), branch(BranchFact{Head: "r", Seen: at(50)}, -500)},
		"a run that waits, then is queued":         {runs("waiting", "", 1), runs("queued", "", 2)},
		"queued after requested in one second":     {runs("requested", "", 1), runs("queued", "", 1)},
		"in progress, also when queued is later":   {runs("queued", "", 2), runs("in_progress", "", 1)},
		"completed, also when in progress is late": {runs("in_progress", "", 2), runs("completed", "success", 1)},
		"in progress after an approval":            {runs("completed", "action_required", 5), runs("in_progress", "", 4)},
		"the later end":                            {runs("completed", "cancelled", 1), runs("completed", "failure", 2)},
		"the result of the later attempt":          {result(1, 9, withProblem(ReasonPRForbidden)), result(2, 1)},
		"the result of the later run":              {result(2, 9), otherRun(result(1, 1))},
		"a run first missed":                       {Facts{Lost: []LostRun{{ID: 7, At: at(2)}}}, Facts{Lost: []LostRun{{ID: 7, At: at(1)}}}},
		"a branch that was read":                   {branch(BranchFact{Head: "r", Seen: at(1)}, 1), branch(BranchFact{Head: "r", Seen: at(1), Read: true}, 1)},
		"the result that tells of a problem":       {result(1, 9), result(1, 1, withProblem(ReasonPRForbidden))},
		"a merged pull request":                    {Facts{Pulls: []PullFact{{Number: 1, Open: true, At: at(9)}}}, Facts{Pulls: []PullFact{{Number: 1, Merged: true, At: at(1)}}}},
		"a pull request reopened":                  {Facts{Pulls: []PullFact{{Number: 1, At: at(1)}}}, Facts{Pulls: []PullFact{{Number: 1, Open: true, At: at(2)}}}},
		"a pull request closed in the same second": {Facts{Pulls: []PullFact{{Number: 1, Open: true, At: at(1)}}}, Facts{Pulls: []PullFact{{Number: 1, At: at(1)}}}},
		"the later verdict on a head":              {Facts{Gates: []GateFact{{HeadSHA: "r", Conclusion: "neutral", At: at(1)}}}, Facts{Gates: []GateFact{{HeadSHA: "r", Conclusion: "success", At: at(2)}}}},
	} {
		for _, got := range []Facts{Merge(c.loses, c.wins), Merge(c.wins, c.loses)} {
			if !reflect.DeepEqual(got, c.wins) {
				t.Errorf("%s wins:\ngot  %s\nwant %s", name, encoded(got), encoded(c.wins))
			}
		}
	}
}

// A verdict on another head, also a later one, does not take the place of that on
// the head of the pull request.
func TestVerdictsOfSeveralHeads(t *testing.T) {
	t.Parallel()
	gate := func(head, conclusion string, seconds int) Facts {
		return Facts{Gates: []GateFact{{HeadSHA: head, Conclusion: conclusion, Title: "Not merged.", At: at(seconds)}}}
	}
	f := Facts{ID: "a", Runs: []RunFact{run(1, "completed", "success", 60)}, Result: resultFact(OutcomeSuccess, 1), Pulls: []PullFact{{Number: 1, Open: true, HeadSHA: "r"}}}
	f = Merge(Merge(f, gate("r", "action_required", 1)), gate("c", "success", 2))
	if j := Reduce(f, at(61)); j.Reason != ReasonMergeBlocked || fmt.Sprint(j.Diagnosis) == "[]" {
		t.Errorf("%+v", j)
	}
}
