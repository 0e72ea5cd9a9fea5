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
	AwaitBase      Await = "base"      // the gate brings the head onto its base, see Verdict.Lags
)

// Awaits lists what a verdict may wait for.
func Awaits() []Await {
	return []Await{AwaitChecks, AwaitApprovals, AwaitRelease, AwaitReady, AwaitWindow, AwaitBase}
}

// Waits says that the merge is not allowed and that nothing is in its way but what may
// come by itself or from people: it is worth judging again.
func (v Verdict) Waits() bool {
	failed := v.Failed()
	return len(failed) > 0 && !slices.ContainsFunc(failed, func(f Finding) bool { return f.Awaits == AwaitNothing })
}

// WaitsForChecks says that nothing but checks that have not ended keeps it from being merged.
func (v Verdict) WaitsForChecks() bool {
	failed := v.Failed()
	return len(failed) == 1 && failed[0].Rule == RuleChecks && failed[0].Awaits == AwaitChecks
}

// Lags says that the head lacks commits of the base, and that nothing else is in the way but
// checks that have not ended, which are asked of whatever head there is: it is worth bringing
// the head onto its base.
func (v Verdict) Lags() bool {
	lags := false
	for _, f := range v.Failed() {
		switch {
		case f.Rule == RuleUpToDate && f.Awaits == AwaitBase:
			lags = true
		case f.Rule != RuleChecks || f.Awaits != AwaitChecks:
			return false
		}
	}
	return lags
}

// ofTheHead are the rules that are about the head, the pull request or the clock alone: no push
// to the base makes one pass that has failed, unless it brings another policy. What the head
// changes is counted from where it has parted from the base, so that commits of others change
// nothing about that.
var ofTheHead = []Rule{RuleHold, RuleOpen, RuleMaxFiles, RuleMaxBytes, RulePaths, RuleChecks, RuleApprovals, RuleWindow}

// Stays says that a verdict stays a refusal, whatever is pushed to the base, for as long as
// these rules and the pull request are the same. Where the head has to be up to date, one that
// waits for checks has to be brought onto what was pushed, and waits for them there.
func (m MergeRules) Stays(v Verdict) bool {
	return slices.ContainsFunc(v.Failed(), func(f Finding) bool {
		return slices.Contains(ofTheHead, f.Rule) && !(m.UpToDate && f.Rule == RuleChecks && f.Awaits == AwaitChecks)
	})
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
