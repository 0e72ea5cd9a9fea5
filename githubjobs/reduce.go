package githubjobs

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// How long a fact that must exist may be on its way before its absence counts.
const (
	// SlowStart: GitHub starts a run within seconds; later than this, a person should look.
	SlowStart = 3 * time.Minute
	// NeverStarted is GitHub's own limit for a run in the queue (24 hours).
	NeverStarted = 24 * time.Hour
	// SlowDelivery: the result commit and the pull request exist before the run
	// ends; only the news of them can be late.
	SlowDelivery = 10 * time.Minute
)

// Reduce computes the job from what is known of it. It is a pure and total
// function: the same facts at the same time give the same job, and every set of
// facts, however incomplete, gives one.
func Reduce(f Facts, now time.Time) Job {
	v := viewOf(f)
	j := Job{ID: f.ID, Branch: Name{f.ID, v.number}.Branch(), Attempt: v.number, ChangedFiles: []string{}}
	if f.Spec != nil {
		j.Kind, j.Title, j.Schedule, j.CreatedAt = f.Spec.Kind, f.Spec.Title, f.Spec.Schedule, f.Spec.CreatedAt
		if j.Batch = f.Spec.Batch; f.Spec.Member != nil {
			j.BatchIndex = &f.Spec.Member.Index
		}
		j.DependsOn, j.ConcurrencyKey = f.Spec.DependsOn, f.Spec.ConcurrencyKey
		j.ReplayOf = f.Spec.ReplayOf
	}
	v.describe(&j)
	j.Reason, j.Message, j.NextAttemptAt = v.judge(now)
	j.Attempts = f.attempts(now)
	j.Status = j.Reason.Status()
	if j.Terminal = j.Status.Terminal(); !j.Terminal {
		// What an earlier attempt left must not be read as the outcome of this one.
		j.FinishedAt = time.Time{}
		j.Message += v.canceling()
	}
	j.Diagnosis = v.diagnose(j.Reason, now)
	j.Undo = f.undo()
	return j
}

func (v view) decide(now time.Time) (Reason, string) {
	v.known = now
	if !v.Complete.IsZero() && v.Complete.Before(now) {
		v.known = v.Complete
	}
	switch {
	case v.forGood:
		return ReasonMerged, "The pull request was merged." + v.lacking()
	case v.givenUp():
		return v.canceled("The job was cancelled. GitHub could not end its run, so its branch was deleted and whatever the run still does counts no more.")
	case v.run == nil && v.result == nil:
		return v.withoutRun(now)
	case v.run == nil:
		return v.withoutRunButResult()
	case v.lost != nil:
		return v.deleted()
	case v.run.waitsForApproval():
		return ReasonWaitingApproval, approve(v.run.URL)
	case v.run.Status == "completed":
		return v.concluded()
	case v.run.Status != "in_progress":
		return v.queued(now)
	case v.result == nil:
		return ReasonRunning, "The task is running."
	}
	return delivering()
}

func delivering() (Reason, string) {
	return ReasonPublishing, "The task has ended; its result is being delivered."
}

// withoutRunButResult decides while the run of the result is not known: it may fail
// yet. A result that was made outside a run waits for none once it is merged.
func (v view) withoutRunButResult() (Reason, string) {
	merged := v.result.Result.RunID == 0 && v.pull != nil && v.pull.Merged
	if merged || v.known.Sub(v.resultAt()) > SlowDelivery {
		return v.outcome()
	}
	return delivering()
}

func approve(url string) string {
	return "The run waits for a person's approval. Approve it at " + url + ", or let the server push with a GitHub App or a personal token, whose pushes need none."
}

func (v view) withoutRun(now time.Time) (Reason, string) {
	if reason, message := v.blocked(now); reason != "" {
		return reason, message
	}
	switch {
	case v.pull != nil && v.pull.Merged:
		return v.unseen("result commit")
	case v.Dispatch != nil && v.Dispatch.Dropped:
		return v.dropped()
	case v.Dispatch != nil && v.Dispatch.Refused != "":
		return ReasonPushRefused, sentence("The job could not be brought to GitHub", v.Dispatch.Refused)
	case v.Branch == nil && v.Dispatch == nil && v.number > 1:
		return ReasonRetrying, v.askedFor()
	case v.Branch == nil && v.Dispatch == nil && v.Spec != nil && v.Spec.Delayed(now):
		return ReasonDelayed, "The job is stored and will be pushed at " + v.Spec.DelayUntil.Format(time.RFC3339) + "."
	case v.Branch == nil && v.Dispatch == nil:
		return ReasonAccepted, "The job is stored and will be pushed."
	case v.Branch != nil && v.Branch.Deleted && v.known.Sub(v.Branch.At) <= SlowDelivery && !v.settled():
		return ReasonPushed, "The branch was deleted; news of a run or of a pull request may be on the way."
	case v.Branch != nil && v.Branch.Deleted:
		return ReasonCanceled, "The branch was deleted before a run of the job was seen."
	}
	pushed := v.pushedAt()
	switch waited := now.Sub(pushed); {
	case v.known.Sub(pushed) > NeverStarted:
		return ReasonNeverStarted, "GitHub started no run within 24 hours. " + startHelp
	case waited > SlowStart:
		return ReasonPushed, fmt.Sprintf("Pushed %s ago, and no run is known. ", waited.Round(time.Minute)) + startHelp
	}
	return ReasonPushed, "The branch is on GitHub; a run will start."
}

const startHelp = "Check that the base branch has .github/workflows/run-job.yml, that Actions is enabled for the repository and the workflow is not disabled, and that the server does not push with an Actions GITHUB_TOKEN."

// pushedAt is the later of what the branch and the push say: the branch's time is
// that of its commit, which a push may have kept waiting.
func (v view) pushedAt() (at time.Time) {
	if v.Branch != nil {
		at = v.Branch.At
	}
	if v.Dispatch != nil && v.Dispatch.At.After(at) {
		at = v.Dispatch.At
	}
	return at
}

func (v view) queued(now time.Time) (Reason, string) {
	if waited := now.Sub(v.run.At); waited > SlowStart {
		return ReasonQueued, fmt.Sprintf("The run has waited for a runner for %s. Check that a runner with the labels of the workflow is online and that the account's limit of concurrent jobs is not reached.", waited.Round(time.Minute))
	}
	return ReasonQueued, "The run waits for a runner."
}

// concluded decides a job whose newest attempt has ended on GitHub.
func (v view) concluded() (Reason, string) {
	switch v.run.Conclusion {
	case "success":
		return v.outcome()
	case "startup_failure":
		return ReasonStartupFailure, "GitHub could not start the workflow; see " + v.run.URL + ". Mostly the workflow file is invalid."
	case "skipped":
		return ReasonNeverStarted, "The workflow ran no job: its condition was not met. See " + v.run.URL + "."
	case "stale":
		return ReasonNeverStarted, "GitHub gave the run up before a runner took it."
	case "cancelled":
		return v.canceled("The run was cancelled on GitHub.")
	case "timed_out":
		return ReasonTimedOut, "The run reached the time limit of the workflow."
	}
	if v.result != nil && (v.result.Result.Outcome != OutcomeSuccess || v.result.Result.Problem != nil) {
		return v.outcome()
	}
	if v.recent() {
		return ReasonPublishing, "The run has failed; news of its result may be on the way."
	}
	return ReasonAgentError, "The run failed outside the task, or its runner was lost; see " + v.run.URL + ". Re-run it on GitHub, or submit the job again."
}

// deleted decides a job whose run was deleted on GitHub, which deletes only what has
// ended: by what the run has left.
func (v view) deleted() (Reason, string) {
	merged := v.pull != nil && v.pull.Merged
	switch {
	case v.known.Sub(v.lost.At) <= SlowDelivery:
		return ReasonPublishing, "The run was deleted on GitHub; news of its end may be on the way."
	case v.result == nil && !merged:
		return ReasonRunDeleted, "The run was deleted on GitHub, and has left no result. Submit the job again."
	}
	return v.outcome()
}

// outcome decides by the result commit and the pull request.
func (v view) outcome() (Reason, string) {
	if v.result == nil {
		return v.unseen("result commit")
	}
	r := v.result.Result
	switch r.Outcome {
	case OutcomeFailure:
		return ReasonTaskFailed, sentence("The task failed", r.Error)
	case OutcomeTimedOut:
		return ReasonTimedOut, sentence("The task reached its deadline and was stopped", r.Error)
	case OutcomeCanceled:
		return v.canceled("The run was cancelled on GitHub.")
	case OutcomeError:
		if r.Refused == ReasonPolicyDenied || r.Refused == ReasonSecretMissing {
			return r.Refused, sentence("The task was not begun", r.Error)
		}
		return ReasonAgentError, sentence("The agent could not do its work", r.Error)
	}
	switch {
	case v.forbidden() && v.pull == nil:
		return v.unopened()
	case v.forbidden():
		// Whoever has opened it in place of the workflow.
	case r.Problem != nil && r.Problem.Reason.Status() == StatusFailed && (v.pull == nil || !v.pull.Merged):
		return r.Problem.Reason, r.Problem.Message
	case r.FilesTotal == 0:
		return ReasonNoChanges, "The task succeeded and changed nothing."
	case v.pull == nil && v.stray != nil && v.standsFor(v.stray.HeadSHA, v.result.SHA) && (len(v.Gates) > 0 || !v.recent()):
		return ReasonPRClosed, fmt.Sprintf("The pull request %s leads to %q, which is not the base of the job.", v.stray.URL, v.stray.Base)
	case v.pull == nil:
		return v.unseen("pull request")
	}
	return v.delivered()
}

// recent says that news of what happened before the end may be on the way still.
func (v view) recent() bool { return v.known.Sub(v.endedAt()) <= SlowDelivery && !v.settled() }

// delivered decides a successful attempt that has a pull request.
func (v view) delivered() (Reason, string) {
	if v.pull.Merged {
		return ReasonMerged, "The pull request was merged." + v.lacking()
	}
	ours := v.standsFor(v.pull.HeadSHA, v.result.SHA)
	if !ours && v.recent() && v.outdated(*v.pull) {
		return ReasonPublishing, "The run has ended; news of its pull request is on the way."
	}
	if !v.pull.Open {
		return ReasonPRClosed, "The pull request was closed without a merge."
	}
	if g := v.gate(); g != nil && g.Conclusion != "success" {
		return ReasonMergeBlocked, strings.TrimSpace(g.Title+"\n\n"+g.Summary) + v.lacking()
	}
	if ours && v.recent() && !v.forbidden() && !v.changedAfter(*v.pull) {
		// The gate has merged this head, or said why not, before the run ended.
		return ReasonPublishing, "The run has ended; news of its merge, or of what keeps it from that, is on the way."
	}
	if v.pull.Draft {
		return ReasonPROpen, "The pull request is a draft: nothing merges it before somebody marks it as ready for review." + v.lacking()
	}
	return ReasonPROpen, "The pull request is open." + v.lacking()
}

// outdated says that the attempt has changed or replaced a pull request since it was
// last told of: that was before it began, or says that it was closed before it ended.
func (v view) outdated(p PullFact) bool {
	return v.run != nil && (p.At.Before(v.run.StartedAt) || !p.Open && p.At.Before(v.run.At))
}

// changedAfter says that the head was brought onto the base after the run: its verdict is to come.
func (v view) changedAfter(p PullFact) bool {
	return v.run != nil && p.HeadSHA != v.result.SHA && p.At.After(v.run.At)
}

// gate is the verdict on the pull request as it stands; nil when there is none.
func (v view) gate() *GateFact {
	for i, g := range v.Gates {
		if v.pull != nil && g.HeadSHA == v.pull.HeadSHA {
			return &v.Gates[i]
		}
	}
	return nil
}

// unseen decides a run that succeeded while something that it made is not known
// yet. GitHub tells of these in any order.
func (v view) unseen(what string) (Reason, string) {
	switch {
	case v.recent():
		return ReasonPublishing, "The run has ended; news of its " + what + " is on the way."
	case v.pull != nil && v.pull.Merged:
		return ReasonMerged, "The pull request was merged."
	}
	return ReasonAgentError, "The run ended well, but its " + what + " is not to be found on GitHub."
}

func sentence(what, why string) string {
	if why = strings.TrimSpace(why); why == "" {
		return what + "."
	}
	return what + ": " + why
}

// describe fills the fields of the job that stand for facts as they are.
func (v view) describe(j *Job) {
	e := &j.Evidence
	observe := func(t time.Time) {
		if t.After(e.ObservedAt) {
			e.ObservedAt = t
		}
	}
	if b := v.Branch; b != nil {
		e.BranchSHA, e.BranchDeleted = b.Head, b.Deleted || v.gone
		if !b.Deleted { // GitHub does not keep when a branch was deleted
			observe(b.At)
		}
	}
	if d := v.Dispatch; d != nil && (d.Refused != "" || d.Dropped) {
		j.FinishedAt = d.At
		observe(d.At)
	}
	if r := v.run; r != nil {
		j.RunURL, j.StartedAt = r.URL, later(j.CreatedAt, r.StartedAt)
		e.RunID, e.RunAttempt, e.RunStatus, e.RunConclusion = r.ID, r.Attempt, r.Status, r.Conclusion
		if r.Status == "completed" {
			j.FinishedAt = r.At
		}
		observe(r.At)
	}
	p := cmp.Or(v.pull, v.stray)
	if v.pull != nil {
		j.PullURL = p.URL
	}
	if p != nil {
		e.Pull, e.PullHeadSHA, e.MergeSHA = p.Number, p.HeadSHA, p.MergeSHA
		observe(p.At)
	}
	if r := v.result; r != nil {
		v.describeResult(j)
		e.ResultSHA = r.SHA
		observe(r.At)
	}
}

func (v view) describeResult(j *Job) {
	r := v.result.Result
	j.Log, j.Summary, j.FilesTotal, j.Usage = v.result.Log, v.result.Summary, r.FilesTotal, r.Usage
	if r.ExitCode >= 0 {
		j.ExitCode = &r.ExitCode
	}
	if r.ChangedFiles != nil {
		j.ChangedFiles = r.ChangedFiles
	}
	if !r.StartedAt.IsZero() {
		j.StartedAt = r.StartedAt
	}
	// GitHub's times are in whole seconds, the agent's are not.
	j.FinishedAt = later(j.FinishedAt, r.FinishedAt)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
