package githubjobs

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func codes(j Job) (list []DiagnosisCode) {
	for _, d := range j.Diagnosis {
		list = append(list, d.Code)
	}
	return list
}

func TestDiagnosis(t *testing.T) {
	t.Parallel()
	pushed := &BranchFact{Head: "c", At: at(0)}
	found := func(change func(*Findings)) *Findings {
		f := &Findings{Path: ".github/workflows/run-job.yml", Actions: Yes, Workflow: "active", File: Yes, Skip: No, RunToken: No, Webhooks: Yes, At: at(200)}
		change(f)
		return f
	}
	noRun := func(change func(*Findings)) Facts { return Facts{Branch: pushed, Findings: found(change)} }
	queued := func(change func(*Findings)) Facts {
		return Facts{Branch: pushed, Runs: []RunFact{run(1, "queued", "", 1)}, Findings: found(change)}
	}
	labelled := func(label string, r *RunnerCount) Facts {
		return queued(func(f *Findings) { f.Labels, f.Runners = []string{label}, r })
	}
	running := func(c *CancelFact) Facts { return Facts{Runs: []RunFact{run(1, "in_progress", "", 1)}, Cancel: c} }
	blocked := func(code DiagnosisCode, conclusion string) Facts {
		return Facts{Runs: []RunFact{run(1, "completed", "success", 60)}, Result: resultFact(OutcomeSuccess, 1),
			Pulls: []PullFact{{Number: 1, Open: true, HeadSHA: "r"}}, Gates: []GateFact{{HeadSHA: "r", Conclusion: conclusion, Title: "Not merged.", Code: code}}}
	}
	soon, stuck, day := at(100), at(600), at(25*3600)
	for name, c := range map[string]struct {
		facts Facts
		now   time.Time
		want  []DiagnosisCode
		says  string
	}{
		"nothing was looked up":          {Facts{Branch: pushed}, stuck, nil, ""},
		"nothing is wrong":               {noRun(func(*Findings) {}), stuck, nil, ""},
		"not stuck yet":                  {noRun(func(f *Findings) { f.Actions = No }), soon, nil, ""},
		"Actions disabled":               {noRun(func(f *Findings) { f.Actions = No }), stuck, []DiagnosisCode{DiagnosisActionsDisabled}, "Settings → Actions"},
		"Actions disabled, a day later":  {noRun(func(f *Findings) { f.Actions = No }), day, []DiagnosisCode{DiagnosisActionsDisabled}, ""},
		"workflow disabled":              {noRun(func(f *Findings) { f.Workflow = "disabled_inactivity" }), stuck, []DiagnosisCode{DiagnosisWorkflowDisabled}, "disabled_inactivity"},
		"workflow missing":               {noRun(func(f *Findings) { f.File = No }), stuck, []DiagnosisCode{DiagnosisWorkflowMissing}, "run-job.yml"},
		"a run's token":                  {noRun(func(f *Findings) { f.RunToken = Yes }), stuck, []DiagnosisCode{DiagnosisActionsToken}, "personal access token"},
		"skipped by its message":         {noRun(func(f *Findings) { f.Skip = Yes }), stuck, []DiagnosisCode{DiagnosisSkippedByMessage}, ""},
		"others start":                   {noRun(func(f *Findings) { f.OtherRun = at(5) }), stuck, []DiagnosisCode{DiagnosisRunLimit}, "500 runs"},
		"others started before":          {noRun(func(f *Findings) { f.OtherRun = at(-3600) }), stuck, nil, ""},
		"others start, the file is gone": {noRun(func(f *Findings) { f.File, f.OtherRun = No, at(5) }), stuck, []DiagnosisCode{DiagnosisWorkflowMissing}, ""},
		"not visible":                    {noRun(func(f *Findings) { f.Actions, f.Unknown = "", []string{"whether Actions is enabled (403)"} }), stuck, []DiagnosisCode{DiagnosisNotVisible}, "403"},
		"not visible, and another cause": {noRun(func(f *Findings) { f.File, f.Unknown = No, []string{"x"} }), stuck, []DiagnosisCode{DiagnosisWorkflowMissing}, ""},
		"no webhooks":                    {noRun(func(f *Findings) { f.Webhooks = No }), stuck, []DiagnosisCode{DiagnosisWebhooksSilent}, "WEBHOOK_SECRET"},
		"no webhooks, Actions disabled":  {noRun(func(f *Findings) { f.Webhooks, f.Actions = No, No }), stuck, []DiagnosisCode{DiagnosisActionsDisabled, DiagnosisWebhooksSilent}, ""},
		"queued, Actions disabled":       {queued(func(f *Findings) { f.Actions = No }), stuck, []DiagnosisCode{DiagnosisActionsDisabled}, ""},
		"no runner with the label":       {labelled("gpu", &RunnerCount{}), stuck, []DiagnosisCode{DiagnosisNoRunner}, "no runner with the labels gpu"},
		"no runner online":               {labelled("gpu", &RunnerCount{All: 2}), stuck, []DiagnosisCode{DiagnosisNoRunner}, "None of the repository's 2 runners"},
		"all runners busy":               {labelled("gpu", &RunnerCount{All: 2, Online: 1, Busy: 1}), stuck, []DiagnosisCode{DiagnosisRunnersBusy}, "All 1 runners"},
		"a runner is free":               {labelled("gpu", &RunnerCount{All: 2, Online: 2, Busy: 1}), stuck, nil, ""},
		"no hosted runner":               {labelled("ubuntu-latest", nil), stuck, []DiagnosisCode{DiagnosisNoRunner}, "Billing"},
		"runners not visible":            {queued(func(f *Findings) { f.Labels, f.Unknown = []string{"gpu"}, []string{"the runners (403)"} }), stuck, []DiagnosisCode{DiagnosisNotVisible}, "the runners (403)"},
		"queued for a day":               {labelled("gpu", &RunnerCount{}), day, []DiagnosisCode{DiagnosisZombieRun}, "force-cancel"},
		"given up":                       {Facts{Runs: []RunFact{run(1, "completed", "stale", 1)}}, soon, []DiagnosisCode{DiagnosisNoRunner}, ""},
		"in progress":                    {running(nil), at(3600), nil, ""},
		"in progress for seven hours":    {running(nil), at(7 * 3600), []DiagnosisCode{DiagnosisZombieRun}, "7h0m0s"},
		"cancel refused":                 {running(&CancelFact{By: "x", At: at(5), Answer: CancelRefused, Detail: "Cannot cancel"}), soon, []DiagnosisCode{DiagnosisZombieRun}, "Cannot cancel"},
		"cancel of an earlier attempt":   {running(&CancelFact{By: "x", At: at(5), Run: 7, Attempt: 2, Answer: CancelRefused}), soon, nil, ""},
		"cancel just accepted":           {running(&CancelFact{By: "x", At: at(5), Run: 7, Attempt: 1, Answer: CancelAccepted, AnsweredAt: at(5)}), soon, nil, ""},
		"cancel accepted, in vain":       {running(&CancelFact{By: "x", At: at(5), Run: 7, Attempt: 1, Answer: CancelAccepted, AnsweredAt: at(5)}), at(3600), []DiagnosisCode{DiagnosisZombieRun}, "has not ended"},
		"beyond the deadline":            {Facts{Runs: []RunFact{run(1, "in_progress", "", 1)}, Deadline: &DeadlineFact{Until: at(50)}}, soon, []DiagnosisCode{DiagnosisZombieRun}, "deadline"},
		"waits for approval":             {Facts{Runs: []RunFact{run(1, "completed", "action_required", 1)}}, soon, []DiagnosisCode{DiagnosisWaitsForApproval}, "https://hub/run/7"},
		"startup failure":                {Facts{Runs: []RunFact{run(1, "completed", "startup_failure", 1)}}, soon, []DiagnosisCode{DiagnosisWorkflowInvalid}, "https://hub/run/7"},
		"pull requests forbidden":        {Facts{Runs: []RunFact{run(1, "completed", "failure", 60)}, Result: resultFact(OutcomeSuccess, 1, withProblem(ReasonPRForbidden)), Opened: &OpenFact{Result: "r", Refused: "no"}}, soon, []DiagnosisCode{DiagnosisPullsForbidden}, "Allow GitHub Actions"},
		"refused by a rule":              {Facts{Dispatch: &Dispatch{Refused: "push declined due to repository rule violations"}}, soon, []DiagnosisCode{DiagnosisBranchProtected}, "rule violations"},
		"refused for another reason":     {Facts{Dispatch: &Dispatch{Refused: `the repository has no branch "x"`}}, soon, nil, ""},
		"merge blocked by a rule":        {blocked(DiagnosisBranchProtected, "action_required"), soon, []DiagnosisCode{DiagnosisBranchProtected}, "Not merged."},
		"merge waits":                    {blocked(DiagnosisMergeWaits, "neutral"), soon, []DiagnosisCode{DiagnosisMergeWaits}, ""},
		"merge blocked by a conflict":    {blocked(DiagnosisMergeConflict, "action_required"), soon, []DiagnosisCode{DiagnosisMergeConflict}, "submit the job again"},
		"merge blocked, no code":         {blocked("", "action_required"), soon, []DiagnosisCode{DiagnosisMergeRefused}, ""},
		"merging is not enabled":         {blocked("", "neutral"), soon, nil, ""},
		"no policy":                      {blocked(DiagnosisPolicyMissing, "neutral"), soon, []DiagnosisCode{DiagnosisPolicyMissing}, "by hand"},
		"invalid policy":                 {blocked(DiagnosisPolicyInvalid, "action_required"), soon, []DiagnosisCode{DiagnosisPolicyInvalid}, ""},
		"the task failed":                {Facts{Runs: []RunFact{run(1, "completed", "failure", 60)}, Result: resultFact(OutcomeFailure, 0)}, soon, nil, ""},
	} {
		c.facts.ID = "a"
		j := Reduce(c.facts, c.now)
		if !slices.Equal(codes(j), c.want) || !strings.Contains(encoded(j.Diagnosis), c.says) {
			t.Errorf("%s: %s (%s) has %+v, want %v with %q", name, j.Status, j.Reason, j.Diagnosis, c.want, c.says)
		}
		for _, d := range j.Diagnosis {
			if !slices.Contains(DiagnosisCodes(), d.Code) || !strings.HasSuffix(d.Message, ".") || d.Mend == "" {
				t.Errorf("%s: %+v", name, d)
			}
		}
	}
}

func TestAsk(t *testing.T) {
	t.Parallel()
	pushed := Facts{ID: "a", Branch: &BranchFact{Head: "c", At: at(0)}}
	queued := Merge(pushed, Facts{Runs: []RunFact{run(1, "queued", "", 60)}})
	late := Merge(pushed, Facts{Dispatch: &Dispatch{At: at(500)}})
	for name, c := range map[string]struct {
		facts Facts
		now   time.Time
		want  Question
	}{
		"just pushed":   {pushed, at(60), Question{}},
		"no run":        {pushed, at(600), Question{ID: "a", Attempt: 1, Head: "c", Since: at(0)}},
		"pushed late":   {late, at(600), Question{}},
		"queued":        {queued, at(120), Question{}},
		"queued long":   {queued, at(600), Question{ID: "a", Attempt: 1, Run: 7, Since: at(0)}},
		"never started": {pushed, at(48 * 3600), Question{}},
		"not pushed":    {Facts{ID: "a"}, at(600), Question{}},
	} {
		got, ok := Ask(c.facts, c.now)
		if ok != (c.want != Question{}) || ok && got != c.want {
			t.Errorf("%s: %+v, %t, want %+v", name, got, ok, c.want)
		}
	}
}

// What GitHub reads as an order to start nothing is recognised, and the server's own
// commits hold nothing of the kind, whatever they were asked for.
func TestSkipsActions(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		"Fix [skip ci]": true, "[CI SKIP] x": true, "x\n\n[no ci]": true, "a [skip actions] b": true, "[actions skip]": true,
		"x\n\nskip-checks: true": true, "x\n\nskip-checks:true\n": true,
		"skip ci": false, "[skip tests]": false, "see skip-checks: true of GitHub": false, "": false,
	} {
		if got := SkipsActions(message); got != want {
			t.Errorf("%q: %t, want %t", message, got, want)
		}
		s := Spec{ID: "a", Kind: KindReport, Prompt: message + " x", Base: "main"}
		s.Normalize(at(0))
		if m := FormatSpec(s); SkipsActions(m) {
			t.Errorf("a job's commit skips Actions:\n%s", m)
		}
	}
}

func TestCancelIsTold(t *testing.T) {
	t.Parallel()
	f := Facts{ID: "a", Runs: []RunFact{run(1, "in_progress", "", 1)}, Cancel: &CancelFact{By: "Alice", At: at(5), Answer: CancelAccepted, AnsweredAt: at(6)}}
	if j := Reduce(f, at(10)); j.Status != StatusRunning || !strings.Contains(j.Message, "Alice asked at 2026-01-01T00:00:05Z to cancel it; GitHub has taken the request.") {
		t.Errorf("%s", j.Message)
	}
	f.Runs[0] = run(1, "completed", "cancelled", 60)
	if j := Reduce(f, at(61)); j.Reason != ReasonCanceled || !strings.Contains(j.Message, "Alice asked for that") {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
}
