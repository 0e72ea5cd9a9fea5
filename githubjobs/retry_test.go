package githubjobs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func retrySpec(r Retry, change ...func(*Spec)) *Spec {
	s := Spec{ID: "a", Kind: KindCommand, Base: "main", CreatedAt: at(0), Retry: &r}
	for _, c := range change {
		c(&s)
	}
	s.Normalize(at(0))
	return &s
}

func TestRetryIsValidated(t *testing.T) {
	t.Parallel()
	valid := func(r *Retry) Spec {
		s := Spec{ID: "a", Kind: KindCommand, Prompt: "x", Config: []byte(`{"script":"true"}`), Base: "main", Retry: r}
		s.Normalize(at(0))
		return s
	}
	for _, r := range []*Retry{nil, {}, {BackoffLimit: 1}, {BackoffLimit: 10, BackoffSeconds: 3600, On: []string{"exit_code:1", "exit_code:255", "timed_out", "run_deleted"}}} {
		if err := valid(r).Validate(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if s := valid(&Retry{}); s.Retry != nil {
		t.Errorf("no retry at all is written as %+v", s.Retry)
	}
	s := valid(&Retry{BackoffLimit: 1})
	if want := "agent_error never_started startup_failure task_failed timed_out"; strings.Join(s.Retry.On, " ") != want || s.Retry.BackoffSeconds != 10 {
		t.Errorf("%+v, want 10 seconds and %s", s.Retry, want)
	}
	for name, c := range map[string]struct {
		retry Retry
		field string
		says  string
	}{
		"no limit":         {Retry{On: []string{"timed_out"}}, "retry.backoff_limit", "0 is out of range; give 1 to 10"},
		"a limit too high": {Retry{BackoffLimit: 11}, "retry.backoff_limit", "give 1 to 10"},
		"a limit below 0":  {Retry{BackoffLimit: -1}, "retry.backoff_limit", "give 1 to 10"},
		"long":             {Retry{BackoffLimit: 1, BackoffSeconds: 3601}, "retry.backoff_seconds", "give 1 to 3600"},
		"backwards":        {Retry{BackoffLimit: 1, BackoffSeconds: -1}, "retry.backoff_seconds", "give 1 to 3600"},
		"unknown":          {Retry{BackoffLimit: 1, On: []string{"rain"}}, "retry.retry_on[0]", "is no failure; give some of agent_error"},
		"of a person":      {Retry{BackoffLimit: 1, On: []string{"canceled"}}, "retry.retry_on[0]", "is not mended by another attempt"},
		"a success":        {Retry{BackoffLimit: 1, On: []string{"no_changes"}}, "retry.retry_on[0]", "is no failure"},
		"success":          {Retry{BackoffLimit: 1, On: []string{"exit_code:0"}}, "retry.retry_on[0]", "write exit_code:1 to exit_code:255"},
		"a strange code":   {Retry{BackoffLimit: 1, On: []string{"exit_code:01"}}, "retry.retry_on[0]", "names no exit code"},
		"a large code":     {Retry{BackoffLimit: 1, On: []string{"exit_code:256"}}, "retry.retry_on[0]", "names no exit code"},
	} {
		err := valid(&c.retry).Validate()
		if err == nil || !strings.Contains(err.Error(), c.field+": ") || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s: …%s…", name, err, c.field, c.says)
		}
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	spread := map[time.Duration]bool{}
	for i := range 200 {
		s := retrySpec(Retry{BackoffLimit: 10, BackoffSeconds: 40}, func(s *Spec) { s.ID = fmt.Sprint("job-", i) })
		for n := 1; n <= 10; n++ {
			full := min(40*time.Second<<(n-1), time.Hour)
			got := s.Backoff(n)
			if got < full/2-time.Millisecond || got > full {
				t.Fatalf("the backoff after attempt %d is %s, want half to all of %s", n, got, full)
			}
			if got != s.Backoff(n) {
				t.Fatal("the backoff is not the same twice")
			}
		}
		spread[s.Backoff(1)] = true
	}
	if len(spread) < 190 {
		t.Errorf("200 jobs have %d different backoffs", len(spread))
	}
}

// failedFacts are those of an attempt that has failed, with everything known.
func failedFacts(spec *Spec, attempt int, outcome Outcome, exit int) Facts {
	n := Name{"a", attempt}
	r := resultFact(outcome, 0, func(r *Result) { r.RunID, r.ExitCode = int64(attempt), exit })
	r.SHA = n.String() + "-r"
	return Facts{
		ID: "a", Spec: spec, Attempt: attempt, Created: []string{n.String()}, Branch: &BranchFact{Head: r.SHA, Moved: true, At: at(50)},
		Runs:   []RunFact{{ID: int64(attempt), Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: n.String(), URL: "https://hub/run", At: at(60)}},
		Result: r,
	}
}

func TestRetryDecision(t *testing.T) {
	t.Parallel()
	all, codes := retrySpec(Retry{BackoffLimit: 2}), retrySpec(Retry{BackoffLimit: 2, On: []string{"exit_code:1", "exit_code:75"}})
	with := func(f Facts, change func(*Facts)) Facts { change(&f); return f }
	conclusion := func(c string) func(*Facts) {
		return func(f *Facts) { f.Runs[0].Conclusion, f.Result = c, nil }
	}
	problem := func(f *Facts) {
		f.Result.Result.Outcome, f.Result.Result.Problem = OutcomeSuccess, &Problem{Reason: ReasonPRForbidden, Message: "no"}
	}
	pull := func(open, merged bool) func(*Facts) {
		return func(f *Facts) {
			f.Runs[0].Conclusion, f.Result.Result.Outcome, f.Result.Result.FilesTotal = "failure", OutcomeSuccess, 1
			f.Settled = []Settled{{1, 1}}
			f.Pulls = []PullFact{{Number: 1, Open: open, Merged: merged, HeadSHA: f.Result.SHA, Base: "main", At: at(55)}}
		}
	}
	for name, c := range map[string]struct {
		facts Facts
		want  Reason
	}{
		"a task that failed":                 {failedFacts(all, 1, OutcomeFailure, 1), ReasonRetrying},
		"without a policy":                   {failedFacts(&Spec{ID: "a"}, 1, OutcomeFailure, 1), ReasonTaskFailed},
		"at the limit":                       {failedFacts(all, 2, OutcomeFailure, 1), ReasonRetrying},
		"beyond the limit":                   {failedFacts(all, 3, OutcomeFailure, 1), ReasonTaskFailed},
		"an exit code that is named":         {failedFacts(codes, 1, OutcomeFailure, 75), ReasonRetrying},
		"an exit code that is not named":     {failedFacts(codes, 1, OutcomeFailure, 2), ReasonTaskFailed},
		"no exit code":                       {failedFacts(codes, 1, OutcomeFailure, -1), ReasonTaskFailed},
		"a timeout, where codes are named":   {failedFacts(codes, 1, OutcomeTimedOut, -1), ReasonTimedOut},
		"a timeout":                          {failedFacts(all, 1, OutcomeTimedOut, -1), ReasonRetrying},
		"an agent's error":                   {failedFacts(all, 1, OutcomeError, -1), ReasonRetrying},
		"a secret that is missing":           {with(failedFacts(all, 1, OutcomeError, -1), func(f *Facts) { f.Result.Result.Refused = ReasonSecretMissing }), ReasonSecretMissing},
		"a run that was cancelled on GitHub": {with(failedFacts(all, 1, OutcomeFailure, 1), conclusion("cancelled")), ReasonCanceled},
		"a startup failure":                  {with(failedFacts(all, 1, OutcomeFailure, 1), conclusion("startup_failure")), ReasonRetrying},
		"a run that nobody took":             {with(failedFacts(all, 1, OutcomeFailure, 1), conclusion("stale")), ReasonRetrying},
		"a delivery that is forbidden":       {with(failedFacts(all, 1, OutcomeFailure, 1), problem), ReasonPRForbidden},
		"an open pull request":               {with(failedFacts(all, 1, OutcomeFailure, 1), pull(true, false)), ReasonAgentError},
		"a closed pull request":              {with(failedFacts(all, 1, OutcomeFailure, 1), pull(false, false)), ReasonAgentError},
		"a merged pull request":              {with(failedFacts(all, 1, OutcomeFailure, 1), pull(false, true)), ReasonAgentError},
		"a branch that is gone":              {with(failedFacts(all, 1, OutcomeFailure, 1), func(f *Facts) { f.Branch.Deleted = true }), ReasonTaskFailed},
		"a run that was deleted":             {with(failedFacts(all, 1, OutcomeFailure, 1), func(f *Facts) { f.Runs[0].Status = "queued"; f.Result = nil; f.Lost = []LostRun{{1, at(61)}} }), ReasonRunDeleted},
		"a task that is still running":       {with(failedFacts(all, 1, OutcomeFailure, 1), func(f *Facts) { f.Runs[0].Status = "in_progress" }), ReasonPublishing},
		"a queue that took too long": {with(failedFacts(all, 1, OutcomeFailure, 1), func(f *Facts) {
			conclusion("cancelled")(f)
			f.Cancel = &CancelFact{By: "The server", Expired: true, At: at(5), Run: 1, Attempt: 1, Answer: CancelAccepted}
		}), ReasonNeverStarted},
	} {
		j := Reduce(c.facts, at(3600))
		if j.Reason != c.want || j.Terminal != (c.want.Status() == StatusFailed) || j.NextAttemptAt.IsZero() == (c.want == ReasonRetrying) {
			t.Errorf("%s: %s, terminal %t, next %s; want %s: %s", name, j.Reason, j.Terminal, j.NextAttemptAt, c.want, j.Message)
		}
	}
}

// A job that waits for its next attempt, from the failure to the push.
func TestWayToTheNextAttempt(t *testing.T) {
	t.Parallel()
	spec := retrySpec(Retry{BackoffLimit: 2, BackoffSeconds: 60, On: []string{"task_failed"}})
	f := failedFacts(spec, 1, OutcomeFailure, 3)
	next := at(60).Add(spec.Backoff(1))
	j := Reduce(f, at(61))
	if j.Attempt != 1 || j.Branch != "job/a" || !j.NextAttemptAt.Equal(next) || *j.ExitCode != 3 || j.Attempts != nil || !j.FinishedAt.IsZero() {
		t.Errorf("%+v", j)
	}
	if want := "The task failed. Attempt 2 of at most 3 begins at " + next.Format(time.RFC3339) + "."; j.Message != want {
		t.Errorf("%q, want %q", j.Message, want)
	}
	if step, due := f.Next(at(61)); step != StepRelease || !due.Equal(next) {
		t.Errorf("the next step is %q at %s", step, due)
	}
	if o, ok := f.Waits(at(61)); ok {
		t.Errorf("%+v waits before its time", o)
	}
	if step, _ := f.Next(next); step != StepNone {
		t.Errorf("the next step is %q once the time has come", step)
	}
	if o, ok := f.Waits(next); !ok || o.Attempt != 2 || !o.At.Equal(next) || o.Drop != nil || o.Asked || o.Name().Branch() != "job/a.2" {
		t.Errorf("%+v %t", o, ok)
	}
	f = Merge(f, Facts{ID: "a", Attempt: 2, Dispatch: &Dispatch{At: next}, Created: []string{"a.2"}, Branch: &BranchFact{Head: "a.2", At: next}})
	j = Reduce(f, next.Add(time.Second))
	if j.Reason != ReasonPushed || j.Attempt != 2 || j.Branch != "job/a.2" || j.RunURL != "" || j.Log != "" || j.ExitCode != nil {
		t.Errorf("%+v", j)
	}
	if len(j.Attempts) != 2 || j.Attempts[0].Reason != ReasonTaskFailed || j.Attempts[0].RunURL == "" || !j.Attempts[0].FinishedAt.Equal(at(60)) || j.Attempts[1].Reason != ReasonPushed {
		t.Errorf("%+v", j.Attempts)
	}
	if o, ok := f.Waits(next.Add(time.Hour)); ok {
		t.Errorf("%+v waits although it was pushed", o)
	}
	last := Merge(Merge(f, failedFacts(nil, 2, OutcomeFailure, 3)), failedFacts(nil, 3, OutcomeFailure, 3))
	if j := Reduce(last, at(7200)); j.Reason != ReasonTaskFailed || j.Attempt != 3 || len(j.Attempts) != 3 {
		t.Errorf("%+v", j)
	}
}

// A request to cancel a job wins over the attempt that would follow; one to attempt it
// once more over a request to cancel that came before.
func TestCancelAndRetry(t *testing.T) {
	t.Parallel()
	spec := retrySpec(Retry{BackoffLimit: 2, BackoffSeconds: 60})
	f := failedFacts(spec, 1, OutcomeFailure, 3)
	f.Cancel = &CancelFact{By: "Ada", At: at(70)}
	j := Reduce(f, at(71))
	if j.Reason != ReasonRetrying || !strings.Contains(j.Message, "Ada asked at") {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
	o, ok := f.Waits(at(71))
	if !ok || o.Drop == nil || o.Attempt != 2 {
		t.Fatalf("%+v %t; want attempt 2, to be dropped", o, ok)
	}
	if step, _ := f.Next(at(71)); step != StepNone {
		t.Errorf("the next step is %q", step)
	}
	dropped := Merge(f, Facts{ID: "a", Attempt: 2, Dispatch: &Dispatch{Dropped: true, At: at(72)}})
	if j := Reduce(dropped, at(73)); j.Reason != ReasonCanceled || j.Attempt != 2 || !strings.Contains(j.Message, "Ada asked") {
		t.Errorf("%s: %s", j.Reason, j.Message)
	}
	if err := dropped.AskAgain(at(74)); err != nil {
		t.Fatal(err)
	}
	asked := Merge(dropped, Facts{ID: "a", Attempt: 3, Asked: &AskedFact{By: "Bob", Why: "sorry", At: at(80)}})
	if o, ok := asked.Waits(at(81)); !ok || o.Drop != nil || !o.Asked || o.Attempt != 3 || !o.At.Equal(at(80)) {
		t.Errorf("%+v %t", o, ok)
	}
	if j := Reduce(asked, at(81)); j.Reason != ReasonRetrying || j.Message != "Bob asked for attempt 3 at 2026-01-01T00:01:20Z (sorry); it is stored and will be pushed." {
		t.Errorf("%s: %q", j.Reason, j.Message)
	}
	// It is the next attempt that is cancelled, where the request finds it pushed.
	pushed := Merge(f, Facts{ID: "a", Attempt: 2, Created: []string{"a.2"}, Branch: &BranchFact{Head: "a.2"}, Runs: []RunFact{{ID: 9, Attempt: 1, Status: "queued", HeadSHA: "a.2"}}})
	if step, _ := pushed.Next(at(73)); step != StepCancel || pushed.Run().ID != 9 {
		t.Errorf("the next step is %q about run %d", step, pushed.Run().ID)
	}
	// A request that GitHub was asked about for the first attempt holds for the second.
	f.Cancel = &CancelFact{By: "Ada", At: at(10), Run: 1, Attempt: 1, Answer: CancelRefused, AnsweredAt: at(11)}
	pushed = Merge(f, Facts{ID: "a", Attempt: 2, Created: []string{"a.2"}, Branch: &BranchFact{Head: "a.2"}, Runs: []RunFact{{ID: 9, Attempt: 1, Status: "queued", HeadSHA: "a.2"}}})
	if step, _ := pushed.Next(at(73)); step != StepCancel || !pushed.CancelAsked() {
		t.Errorf("the next step is %q", step)
	}
}

func TestAskAgain(t *testing.T) {
	t.Parallel()
	spec := retrySpec(Retry{BackoffLimit: 1})
	delivered := func(open, merged bool) Facts {
		f := failedFacts(&Spec{ID: "a", Base: "main"}, 1, OutcomeSuccess, 0)
		f.Runs[0].Conclusion, f.Result.Result.FilesTotal = "success", 1
		f.Pulls = []PullFact{{Number: 1, URL: "https://hub/pull/1", Open: open, Merged: merged, HeadSHA: f.Result.SHA, Base: "main"}}
		return f
	}
	for name, c := range map[string]struct {
		facts Facts
		want  string // empty: it may be asked for
	}{
		"failed":            {failedFacts(&Spec{ID: "a"}, 1, OutcomeFailure, 1), ""},
		"waits for another": {failedFacts(spec, 1, OutcomeFailure, 1), ""},
		"refused":           {Facts{ID: "a", Spec: spec, Dispatch: &Dispatch{Refused: "no"}}, ""},
		"closed":            {delivered(false, false), ""},
		"open":              {delivered(true, false), "its pull request https://hub/pull/1 is open; merge it, or close it first"},
		"merged":            {delivered(false, true), "its pull request is merged"},
		"accepted":          {Facts{ID: "a", Spec: spec}, "its attempt 1 has not ended: it is pending (accepted)"},
		"asked for":         {Merge(failedFacts(spec, 1, OutcomeFailure, 1), Facts{ID: "a", Attempt: 2, Asked: &AskedFact{}}), "its attempt 2 has not ended: it is pending (retrying)"},
		"the last":          {failedFacts(spec, MaxAttempts, OutcomeFailure, 1), "it has had 99 attempts, and no job has more"},
	} {
		if err := c.facts.AskAgain(at(7200)); fmt.Sprint(err) != c.want && (err != nil || c.want != "") {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestAttemptsOfFacts(t *testing.T) {
	t.Parallel()
	f := Merge(failedFacts(retrySpec(Retry{BackoffLimit: 1}), 1, OutcomeFailure, 1), failedFacts(nil, 2, OutcomeFailure, 2))
	if f.Name() != (Name{"a", 2}) || f.Of(1).Result.Result.ExitCode != 1 || f.Of(2).Result.Result.ExitCode != 2 || f.Of(3).Result != nil {
		t.Errorf("%+v", f)
	}
	if one := f.Present(); one.Name() != f.Name() || one.Spec != f.Spec || !one.ReadTo("a.2-r") || f.ReadTo("a-r") {
		t.Errorf("%+v", one)
	}
	if got := f.Branches(); len(got) != 2 || got[Name{"a", 1}] != "a-r" || got[Name{"a", 2}] != "a.2-r" {
		t.Errorf("%v", got)
	}
	alone := Merge(Facts{ID: "a", Attempt: 2, Branch: &BranchFact{Head: "x"}}, Facts{})
	if n := alone.Name(); n.Attempt != 1 || !slices.Equal(alone.numbers(), nil) {
		t.Errorf("a branch that carries no job counts as %v", n)
	}
}

// Facts that were stored before there were attempts are those of the first.
func TestFactsOfBefore(t *testing.T) {
	t.Parallel()
	const stored = `{"id":"a","spec":{"v":1,"id":"a","kind":"command","title":"x","timeout_seconds":60,"base":"main","created_at":"2026-01-01T00:00:00Z"},
		"created":["c"],"branch":{"head":"c","at":"2026-01-01T00:00:00Z"},
		"runs":[{"id":7,"attempt":1,"status":"in_progress","head_sha":"c","url":"https://hub/run/7","at":"2026-01-01T00:00:05Z"}],
		"cancel":{"by":"Ada","at":"2026-01-01T00:00:09Z","run":7,"attempt":1,"answer":"accepted","answered_at":"2026-01-01T00:00:10Z"}}`
	var f Facts
	if err := json.Unmarshal([]byte(stored), &f); err != nil {
		t.Fatal(err)
	}
	j := Reduce(f, at(20))
	if j.Reason != ReasonRunning || j.Attempt != 1 || j.Branch != "job/a" || !strings.Contains(j.Message, "Ada asked") {
		t.Errorf("%+v", j)
	}
	if step, due := f.Next(at(20)); step != StepForceCancel || !due.Equal(at(10).Add(ForceAfter)) {
		t.Errorf("the next step is %q at %s", step, due)
	}
	if again := encoded(Merge(f, Facts{})); !strings.HasPrefix(again, `{"id":"a","spec":{`) || strings.Contains(again, "later") {
		t.Errorf("stored as %s", again)
	}
}
