package policy

import (
	"slices"
	"time"
)

// Await is what may make a rule pass that has failed, without a change of the pull
// request or of the policy. The zero value says that waiting does not help.
type Await string

// What a verdict may wait for, and which event on GitHub tells that it has come.
const (
	AwaitNothing   Await = ""
	AwaitChecks    Await = "checks"    // check_run, status
	AwaitApprovals Await = "approvals" // pull_request_review
	AwaitRelease   Await = "release"   // a label is taken off: pull_request, unlabeled
	AwaitReady     Await = "ready"     // a draft is made ready: pull_request, ready_for_review
	AwaitWindow    Await = "window"    // no event: time, see Verdict.OpensAt
)

// Waits says that the merge is not allowed and that nothing is in its way but what may
// come by itself or from people: it is worth judging again.
func (v Verdict) Waits() bool {
	failed := v.Failed()
	return len(failed) > 0 && !slices.ContainsFunc(failed, func(f Finding) bool { return f.Awaits == AwaitNothing })
}

// OpensAt is when the merge window opens next; zero where it is open or there is none.
func (v Verdict) OpensAt() time.Time {
	for _, f := range v.Findings {
		if !f.Opens.IsZero() {
			return f.Opens
		}
	}
	return time.Time{}
}

// rank sorts the findings that failed: a hold wins over everything, and what somebody
// has to mend comes before what is only waited for.
func (f Finding) rank() int {
	switch {
	case f.Rule == RuleHold:
		return 0
	case f.Awaits == AwaitNothing:
		return 1
	}
	return 2
}

// unknown is the finding on a rule whose facts could not be read.
func (v View) unknown(rule Rule, why string) Finding {
	if because := v.Unread[rule]; because != "" {
		why += ": " + because
	}
	return judge(rule, false, why)
}
