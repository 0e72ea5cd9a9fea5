package githubjobs

import (
	"fmt"
	"strings"
	"time"
)

// Diagnosis is one thing that is wrong with a job, and how to mend it.
type Diagnosis struct {
	Code    DiagnosisCode `json:"code"`
	Message string        `json:"message"` // what is wrong
	Mend    string        `json:"mend"`    // what to do
	URL     string        `json:"url,omitempty"`
}

// DiagnosisCode names what is wrong. The set is closed; see DiagnosisCodes.
type DiagnosisCode string

const (
	DiagnosisWorkflowMissing  DiagnosisCode = "workflow_missing"      // the job's commit has no workflow file
	DiagnosisWorkflowDisabled DiagnosisCode = "workflow_disabled"     // the workflow is switched off
	DiagnosisWorkflowInvalid  DiagnosisCode = "workflow_invalid"      // GitHub cannot read the workflow file
	DiagnosisActionsDisabled  DiagnosisCode = "actions_disabled"      // the repository has no Actions
	DiagnosisActionsToken     DiagnosisCode = "push_by_actions_token" // the server pushes with a token that starts nothing
	DiagnosisSkippedByMessage DiagnosisCode = "skipped_by_message"    // the commit's message says that nothing is to start
	DiagnosisRunLimit         DiagnosisCode = "run_limit"             // GitHub dropped the run, as it does above its limit
	DiagnosisWaitsForApproval DiagnosisCode = "waits_for_approval"    // a person must approve the run
	DiagnosisNoRunner         DiagnosisCode = "no_runner"             // no runner that fits is online
	DiagnosisRunnersBusy      DiagnosisCode = "runners_busy"          // all runners that fit have other work
	DiagnosisZombieRun        DiagnosisCode = "zombie_run"            // the run stands still beyond GitHub's limits
	DiagnosisNoHeartbeat      DiagnosisCode = "no_heartbeat"          // the agent is silent while its run goes on
	DiagnosisPullsForbidden   DiagnosisCode = "pr_forbidden"          // workflows may open no pull requests
	DiagnosisBranchProtected  DiagnosisCode = "branch_protected"      // a rule of the repository refuses a branch or a merge
	DiagnosisMergeRefused     DiagnosisCode = "merge_refused"         // the merge gate, or GitHub, did not merge
	DiagnosisMergeWaits       DiagnosisCode = "merge_waits"           // the merge gate, or GitHub's merge queue, will merge when something has come
	DiagnosisMergeConflict    DiagnosisCode = "merge_conflict"        // the base has changed what the job has changed too
	DiagnosisPolicyMissing    DiagnosisCode = "policy_missing"        // the base branch has no policy
	DiagnosisPolicyInvalid    DiagnosisCode = "policy_invalid"        // the policy cannot be read
	DiagnosisWebhooksSilent   DiagnosisCode = "webhooks_silent"       // GitHub's webhooks do not arrive
	DiagnosisNotVisible       DiagnosisCode = "settings_not_visible"  // the server's token may not see what is to be looked up
)

// DiagnosisCodes lists every code.
func DiagnosisCodes() []DiagnosisCode {
	return []DiagnosisCode{
		DiagnosisWorkflowMissing, DiagnosisWorkflowDisabled, DiagnosisWorkflowInvalid, DiagnosisActionsDisabled,
		DiagnosisActionsToken, DiagnosisSkippedByMessage, DiagnosisRunLimit, DiagnosisWaitsForApproval,
		DiagnosisNoRunner, DiagnosisRunnersBusy, DiagnosisZombieRun, DiagnosisNoHeartbeat, DiagnosisPullsForbidden,
		DiagnosisBranchProtected, DiagnosisMergeRefused, DiagnosisMergeConflict, DiagnosisMergeWaits, DiagnosisPolicyMissing, DiagnosisPolicyInvalid,
		DiagnosisWebhooksSilent, DiagnosisNotVisible,
	}
}

// How long GitHub lets a run be.
const (
	// runLimit is the cap of the workflow, and of a hosted runner (6 hours), and a
	// little for the news of the end to come in.
	runLimit = 6*time.Hour + 30*time.Minute
	// cancelLimit: a cancelled run has five minutes for its always() steps.
	cancelLimit = 15 * time.Minute
)

// diagnose says what is wrong with a job that has this reason; nil when nothing is
// known to be.
func (v view) diagnose(reason Reason, now time.Time) []Diagnosis {
	switch reason {
	case ReasonPushed:
		if _, stuck := Ask(v.Facts, now); stuck {
			return v.notStarted()
		}
	case ReasonNeverStarted:
		if v.run == nil {
			return v.notStarted()
		}
		return v.gaveUp()
	case ReasonQueued:
		return v.notTaken(now)
	case ReasonRunning, ReasonPublishing:
		return v.zombie(now)
	case ReasonWaitingApproval:
		return one(DiagnosisWaitsForApproval, "The run waits for a person's approval.",
			"Approve it on its page, or let the server push with a GitHub App or a personal token, whose pushes need none.", v.run.URL)
	case ReasonStartupFailure:
		return one(DiagnosisWorkflowInvalid, "GitHub could not start the workflow: mostly its file is invalid, or asks for what the repository does not allow.",
			"Mend the workflow file on the base branch as the run's page says, and submit the job again.", v.run.URL)
	case ReasonPRForbidden:
		return one(DiagnosisPullsForbidden, "The repository lets no workflow open pull requests.",
			`Turn on "Allow GitHub Actions to create and approve pull requests" in the repository's Settings → Actions → General, and re-run the job; or open the pull request from its branch by hand.`, "")
	case ReasonPushRefused:
		return v.refused()
	case ReasonMergeBlocked:
		return v.notMerged()
	}
	return nil
}

// inFull ends a sentence that quotes GitHub.
func inFull(what, why string) string { return strings.TrimSuffix(sentence(what, why), ".") + "." }

func one(code DiagnosisCode, message, mend, url string) []Diagnosis {
	return []Diagnosis{{Code: code, Message: message, Mend: mend, URL: url}}
}

// notStarted explains why GitHub has started no run, by what was found.
func (v view) notStarted() (list []Diagnosis) {
	f := v.Findings
	if f == nil {
		return nil
	}
	add := func(is bool, code DiagnosisCode, message, mend string) {
		if is {
			list = append(list, Diagnosis{Code: code, Message: message, Mend: mend})
		}
	}
	path := f.Path
	add(f.Actions == No, DiagnosisActionsDisabled, "GitHub Actions is disabled for the repository.", enableActions)
	add(strings.HasPrefix(f.Workflow, "disabled"), DiagnosisWorkflowDisabled, "The workflow "+path+" is disabled ("+f.Workflow+").", enableWorkflow)
	add(f.File == No, DiagnosisWorkflowMissing, "The job's branch has no "+path+".",
		"Put the file on the base branch, and submit the job again: a job runs with the workflow of the commit from which it starts.")
	add(f.RunToken == Yes, DiagnosisActionsToken, "The server pushes with a token of the kind of an Actions GITHUB_TOKEN, whose pushes start no workflow.",
		"Give the server a personal access token or a GitHub App, and submit the job again.")
	add(f.Skip == Yes, DiagnosisSkippedByMessage, "The message of the job's commit tells GitHub to start no workflow.",
		"Submit the job again through this server, which writes no such message.")
	dropped := len(list) == 0 && f.OtherRun.After(v.pushedAt().Add(-time.Minute)) && f.File == Yes && f.Skip == No
	add(dropped, DiagnosisRunLimit, "GitHub started runs of other jobs since and none of this one: it drops what exceeds 500 runs in 10 seconds.",
		"Submit the job again, and let nothing else start that many runs in this repository.")
	add(len(list) == 0 && len(f.Unknown) > 0, DiagnosisNotVisible, "What keeps the job could not be looked up in full: "+strings.Join(f.Unknown, "; ")+".", seeSettings)
	return append(list, v.silent()...)
}

const (
	enableActions  = "Enable it in the repository's Settings → Actions → General, and submit the job again: GitHub does not start later what it did not start."
	enableWorkflow = `Enable it: the repository's Actions tab → the workflow → "Enable workflow"; and submit the job again.`
	seeSettings    = "Give the server's token, or its GitHub App, read access to Actions and Administration, or look it up in the repository's Settings → Actions."
)

// silent tells of webhooks that do not arrive. It keeps no job, and delays all.
func (v view) silent() []Diagnosis {
	if v.Findings == nil || v.Findings.Webhooks != No {
		return nil
	}
	return one(DiagnosisWebhooksSilent, "No webhook has arrived since the job was pushed; its state changes only when GitHub is read.",
		"See under Settings → Webhooks whether there is one for this server's /webhooks/github, with the secret of WEBHOOK_SECRET, and what its recent deliveries were answered.", "")
}

// notTaken explains why no runner takes the run.
func (v view) notTaken(now time.Time) []Diagnosis {
	waited := now.Sub(v.run.At)
	if z := v.zombie(now); z != nil {
		return z
	}
	f := v.Findings
	if waited <= SlowStart || f == nil {
		return nil
	}
	if f.Actions == No {
		return append(one(DiagnosisActionsDisabled, "GitHub Actions is disabled for the repository.", enableActions, v.run.URL), v.silent()...)
	}
	return append(v.runners(f), v.silent()...)
}

func (v view) runners(f *Findings) []Diagnosis {
	labels := strings.Join(f.Labels, ", ")
	r := f.Runners
	switch {
	case len(f.Labels) == 0 || r == nil && !hosted(f.Labels):
		if len(f.Unknown) == 0 {
			return nil
		}
		return one(DiagnosisNotVisible, "What keeps the job could not be looked up in full: "+strings.Join(f.Unknown, "; ")+".", seeSettings, v.run.URL)
	case r != nil && r.Online > r.Busy:
		return nil // it may be taken at any moment
	case r != nil && r.Online > 0:
		return one(DiagnosisRunnersBusy, fmt.Sprintf("All %d runners with the labels %s have other work.", r.Online, labels),
			"Wait, or add runners with these labels.", v.run.URL)
	case hosted(f.Labels):
		return one(DiagnosisNoRunner, "GitHub gives the run no hosted runner with the label "+labels+".",
			"See in the account's Settings → Billing whether the minutes or the spending limit are used up; the account's limit of concurrent jobs may be reached, and githubstatus.com may tell of a delay.", v.run.URL)
	case r.All > 0:
		return one(DiagnosisNoRunner, fmt.Sprintf("None of the repository's %d runners with the labels %s is online.", r.All, labels),
			"Start a runner; the repository's Settings → Actions → Runners lists them. Runners of the organisation are not seen from here.", v.run.URL)
	}
	return one(DiagnosisNoRunner, "The repository has no runner with the labels "+labels+".",
		"Add one under Settings → Actions → Runners, or name labels that there are in the variable GITHUBJOBS_RUNS_ON, and submit the job again. Runners of the organisation are not seen from here.", v.run.URL)
}

// gaveUp explains a run that ended before a runner took it.
func (v view) gaveUp() []Diagnosis {
	if v.run.Conclusion != "stale" {
		return nil
	}
	return one(DiagnosisNoRunner, "GitHub gave the run up: no runner took it in time.",
		"See that a runner with the labels of the workflow is online, and re-run the job on GitHub.", v.run.URL)
}

// zombie tells of a run that GitHub has lost hold of.
func (v view) zombie(now time.Time) []Diagnosis {
	if v.run == nil || v.run.Status == "completed" {
		return nil
	}
	const again = "Force-cancel the run (POST /repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel), delete the branch, and submit the job again; where GitHub refuses that too, only its support can end the run."
	stood, c := now.Sub(v.run.At), v.cancel()
	switch {
	case c != nil && c.Answer == CancelRefused:
		return one(DiagnosisZombieRun, inFull("GitHub refused to cancel the run, and the run goes on", c.Detail), again, v.run.URL)
	case c != nil && (c.Answer == CancelAccepted || c.Answer == CancelForced) && now.Sub(c.AnsweredAt) > cancelLimit:
		return one(DiagnosisZombieRun, "GitHub took the request to cancel the run, and the run has not ended since.", again, v.run.URL)
	case v.run.Status == "in_progress" && stood > runLimit:
		return one(DiagnosisZombieRun, fmt.Sprintf("The run is in progress for %s, longer than the workflow allows.", stood.Round(time.Minute)), again, v.run.URL)
	case v.run.Status != "in_progress" && stood > NeverStarted:
		return one(DiagnosisZombieRun, fmt.Sprintf("The run waits for a runner for %s; GitHub should have given it up after 24 hours.", stood.Round(time.Minute)), again, v.run.URL)
	case v.Deadline != nil && now.After(v.Deadline.Until):
		return one(DiagnosisZombieRun, "The run goes on beyond the job's deadline, "+v.Deadline.Until.UTC().Format(time.RFC3339)+".", "Cancel the run on its page. If it does not end: "+again, v.run.URL)
	}
	return nil
}

// refused explains a push that GitHub did not take, where a rule was the reason.
func (v view) refused() []Diagnosis {
	why := ""
	switch {
	case v.result != nil && v.result.Result.Problem != nil:
		why = v.result.Result.Problem.Message
	case v.Dispatch != nil:
		why = v.Dispatch.Refused
	}
	lower := strings.ToLower(why)
	for _, word := range []string{"rule", "protected", "declined"} {
		if strings.Contains(lower, word) {
			return one(DiagnosisBranchProtected, inFull("A rule of the repository refuses the push", why),
				"Let the rule admit it (Settings → Rules, Settings → Branches): the server must be able to create job/**, and the workflow to push to it. Then submit the job again.", "")
		}
	}
	return nil
}

// notMerged explains why the merge gate did not merge, as the gate itself says.
func (v view) notMerged() []Diagnosis {
	g := v.gate()
	const byHand = "Merge the pull request by hand, or "
	mend := map[DiagnosisCode]string{
		DiagnosisPolicyMissing:   byHand + "put a policy that enables merging on the base branch and re-run the job.",
		DiagnosisPolicyInvalid:   "Mend the policy on the base branch and re-run the job; or merge the pull request by hand.",
		DiagnosisBranchProtected: "Fulfil what the rule asks for and merge by hand; or let the rule admit what jobs merge (Settings → Rules, Settings → Branches).",
		DiagnosisMergeWaits:      "Nothing needs to be mended: it is merged when what the message names has come. Or merge the pull request by hand.",
		DiagnosisMergeConflict:   "Resolve the conflict in the pull request, whose comment names the files and the commits, and merge it by hand; or submit the job again, which then starts from the newest state of the base.",
		DiagnosisMergeRefused:    "Do what the comment in the pull request says; mostly: review it and merge it by hand, or submit the job again.",
	}
	code := g.Code
	if mend[code] == "" {
		if g.Conclusion == "neutral" {
			return nil // the repository has chosen so
		}
		code = DiagnosisMergeRefused
	}
	return one(code, strings.TrimSpace(g.Title), mend[code], v.pull.URL)
}
