package githubjobs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Status is where a job stands, in the words of the status contract.
type Status string

const (
	// StatusPending: accepted, pushed, or waiting at GitHub. Entered at creation;
	// left when a run starts, or when it becomes clear that none will. Entered again
	// when an attempt has failed and another follows.
	StatusPending Status = "pending"
	// StatusRunning: a run of the job is in progress, or its result is on its way.
	StatusRunning Status = "running"
	// StatusCompleted: the task succeeded; its pull request is open or closed, or
	// there was nothing to change, or to do. Left only for merged, or by a re-run.
	StatusCompleted Status = "completed"
	// StatusFailed: the last attempt failed. Left only by a re-run, or when somebody asks
	// for another attempt.
	StatusFailed Status = "failed"
	// StatusMerged: the pull request of a successful attempt was merged. Final.
	StatusMerged Status = "merged"
)

// Statuses lists every status in the order of a job's life.
func Statuses() []Status {
	return []Status{StatusPending, StatusRunning, StatusCompleted, StatusFailed, StatusMerged}
}

// Terminal says that nothing more happens by itself: only a new attempt moves the
// job, or a person who merges, closes or reopens its pull request.
func (s Status) Terminal() bool {
	return s == StatusCompleted || s == StatusFailed || s == StatusMerged
}

// Reason says why a job has its status. The set is closed: each reason belongs to
// one status, given by Reason.Status.
type Reason string

const (
	ReasonAccepted             Reason = "accepted"               // stored here, not yet pushed
	ReasonDelayed              Reason = "delayed"                // stored, and not to be pushed before its time
	ReasonBlockedByDependency  Reason = "blocked_by_dependency"  // jobs that it depends on are not done
	ReasonBlockedByConcurrency Reason = "blocked_by_concurrency" // it waits for its turn among the jobs of its concurrency key
	ReasonRetrying             Reason = "retrying"               // an attempt has failed, and another follows
	ReasonPushed               Reason = "pushed"                 // the branch is on GitHub, no run is known yet
	ReasonQueued               Reason = "queued"                 // the run waits for a runner
	ReasonWaitingApproval      Reason = "waiting_approval"       // the run waits for a person on GitHub

	ReasonRunning    Reason = "running"    // the task is being done
	ReasonPublishing Reason = "publishing" // the task is done, its result is being delivered

	ReasonPROpen       Reason = "pr_open"       // the pull request is open
	ReasonNoChanges    Reason = "no_changes"    // the task changed nothing
	ReasonPRClosed     Reason = "pr_closed"     // the pull request was closed without a merge
	ReasonMergeBlocked Reason = "merge_blocked" // the pull request is open; the merge gate says no
	ReasonSkipped      Reason = "skipped"       // a job that it depends on has failed, and so it was never started

	ReasonTaskFailed     Reason = "task_failed"     // the task ended with an error
	ReasonTimedOut       Reason = "timed_out"       // the task, or the run, took too long
	ReasonCanceled       Reason = "canceled"        // the run was cancelled or the branch deleted
	ReasonNeverStarted   Reason = "never_started"   // GitHub started no run
	ReasonStartupFailure Reason = "startup_failure" // GitHub could not start the workflow
	ReasonPolicyDenied   Reason = "policy_denied"   // the job asks for what the policy does not allow, or its change holds what no job may change
	ReasonSecretMissing  Reason = "secret_missing"  // a secret that the job needs is not set, or can't be handed to it
	ReasonPRForbidden    Reason = "pr_forbidden"    // the repository lets no workflow open pull requests
	ReasonPushRefused    Reason = "push_refused"    // GitHub refused a push of the job or its result
	ReasonAgentError     Reason = "agent_error"     // the run failed outside the task
	ReasonRunDeleted     Reason = "run_deleted"     // the run was deleted on GitHub and left no result

	ReasonDependencyFailed Reason = "dependency_failed" // a job that it depends on has failed

	ReasonMerged Reason = "merged" // the pull request was merged
)

// reasonStatus is the closed set, and the only place that ties a reason to a status.
var reasonStatus = map[Reason]Status{
	ReasonAccepted: StatusPending, ReasonDelayed: StatusPending, ReasonPushed: StatusPending, ReasonQueued: StatusPending,
	ReasonWaitingApproval: StatusPending, ReasonBlockedByDependency: StatusPending, ReasonBlockedByConcurrency: StatusPending,
	ReasonRetrying: StatusPending,
	ReasonRunning:  StatusRunning, ReasonPublishing: StatusRunning,
	ReasonPROpen: StatusCompleted, ReasonNoChanges: StatusCompleted, ReasonPRClosed: StatusCompleted,
	ReasonMergeBlocked: StatusCompleted, ReasonSkipped: StatusCompleted,
	ReasonTaskFailed: StatusFailed, ReasonTimedOut: StatusFailed, ReasonCanceled: StatusFailed,
	ReasonNeverStarted: StatusFailed, ReasonStartupFailure: StatusFailed, ReasonPolicyDenied: StatusFailed,
	ReasonPRForbidden: StatusFailed, ReasonPushRefused: StatusFailed, ReasonAgentError: StatusFailed,
	ReasonRunDeleted: StatusFailed, ReasonSecretMissing: StatusFailed, ReasonDependencyFailed: StatusFailed,
	ReasonMerged: StatusMerged,
}

// Reasons lists every reason, by the order of the statuses and then by name.
func Reasons() []Reason {
	return slices.SortedFunc(maps.Keys(reasonStatus), func(a, b Reason) int {
		place := func(r Reason) int { return slices.Index(Statuses(), r.Status()) }
		return cmp.Or(place(a)-place(b), strings.Compare(string(a), string(b)))
	})
}

// Status is the status that the reason explains; empty for an unknown reason.
func (r Reason) Status() Status { return reasonStatus[r] }

// Validate says whether the reason is one of the closed set.
func (r Reason) Validate() error {
	if r.Status() == "" {
		return fmt.Errorf("reason %q is unknown", string(r))
	}
	return nil
}
