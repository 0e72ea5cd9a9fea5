package hub

import (
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// GateCheck is the name of the check run in which the merge gate gives its verdict.
const GateCheck = "githubjobs/merge"

// WorkflowRun is a run as GitHub sends it. It adds the path of the workflow, which
// go-github leaves out; decode webhooks into it as well.
type WorkflowRun struct {
	github.WorkflowRun
	Path string `json:"path"`
}

// RunFact makes a fact of a run, and names the attempt of the job that it is of. It refuses (ok is false) runs of other workflows,
// of branches that carry no job, of forks and of other repositories.
func (r *Repository) RunFact(run *WorkflowRun) (of githubjobs.Name, fact githubjobs.RunFact, ok bool) {
	if run == nil || !r.isOurs(run.GetRepository()) || !r.isOurs(run.GetHeadRepository()) {
		return of, fact, false
	}
	// Runs are shown as "path" or "path@ref".
	path, _, _ := strings.Cut(run.Path, "@")
	if of, ok = githubjobs.ParseBranch(run.GetHeadBranch()); !ok || path != r.cfg.WorkflowPath {
		return githubjobs.Name{}, fact, false
	}
	return of, githubjobs.RunFact{
		ID: run.GetID(), Attempt: max(run.GetRunAttempt(), 1), Status: run.GetStatus(), Conclusion: run.GetConclusion(),
		HeadSHA: run.GetHeadSHA(), URL: run.GetHTMLURL(),
		StartedAt: utc(run.GetRunStartedAt()), At: utc(run.GetUpdatedAt()),
	}, true
}

// PullFact makes a fact of a pull request, likewise. It refuses pull requests from forks and
// from branches that carry no job.
func (r *Repository) PullFact(pull *github.PullRequest) (of githubjobs.Name, fact githubjobs.PullFact, ok bool) {
	// The head's repository is null when the fork was deleted.
	if pull == nil || !r.isOurs(pull.GetHead().GetRepo()) || !r.isOurs(pull.GetBase().GetRepo()) {
		return of, fact, false
	}
	if of, ok = githubjobs.ParseBranch(pull.GetHead().GetRef()); !ok {
		return githubjobs.Name{}, fact, false
	}
	return of, pullFact(pull), true
}

func pullFact(pull *github.PullRequest) githubjobs.PullFact {
	fact := githubjobs.PullFact{
		Number: pull.GetNumber(), URL: pull.GetHTMLURL(), Open: pull.GetState() == "open",
		// Lists leave out merged and give merged_at.
		Merged: pull.GetMerged() || pull.MergedAt != nil, MergedAt: utc(pull.GetMergedAt()),
		Base: pull.GetBase().GetRef(), ToDefault: pull.GetBase().GetRef() == pull.GetBase().GetRepo().GetDefaultBranch(),
		HeadSHA: pull.GetHead().GetSHA(), Draft: pull.GetDraft(), At: utc(pull.GetUpdatedAt()),
	}
	if fact.Merged {
		// Before the merge it is the SHA of a test merge.
		fact.MergeSHA = pull.GetMergeCommitSHA()
	}
	return fact
}

// UndoFact makes a fact of a pull request that takes back what a job has merged, likewise, and
// names the job.
func (r *Repository) UndoFact(pull *github.PullRequest) (id string, fact githubjobs.PullFact, ok bool) {
	if pull == nil || !r.isOurs(pull.GetHead().GetRepo()) || !r.isOurs(pull.GetBase().GetRepo()) {
		return "", fact, false
	}
	if id, ok = githubjobs.ParseUndoBranch(pull.GetHead().GetRef()); !ok {
		return "", fact, false
	}
	return id, pullFact(pull), true
}

// GateFact makes a fact of the merge gate's check run, likewise. It refuses other checks and
// checks that are not completed.
func GateFact(check *github.CheckRun) (of githubjobs.Name, fact githubjobs.GateFact, ok bool) {
	of, ok = githubjobs.ParseName(check.GetExternalID())
	if check.GetName() != GateCheck || check.GetStatus() != "completed" || !ok {
		return githubjobs.Name{}, fact, false
	}
	return of, githubjobs.GateFact{
		HeadSHA: check.GetHeadSHA(), Conclusion: check.GetConclusion(),
		Title: check.GetOutput().GetTitle(), Summary: check.GetOutput().GetSummary(), At: utc(check.GetCompletedAt()),
		Code: codeOf(check.GetOutput().GetText()),
	}, true
}

// The gate's code stands in a comment before the text, which GitHub does not show.
const codeBefore, codeAfter = "<!-- githubjobs: ", " -->\n"

func withCode(text string, code githubjobs.DiagnosisCode) string {
	if code == "" {
		return text
	}
	return codeBefore + string(code) + codeAfter + text
}

// codeOf is the code of a text; empty for one that is not known.
func codeOf(text string) githubjobs.DiagnosisCode {
	rest, found := strings.CutPrefix(strings.ReplaceAll(text, "\r\n", "\n"), codeBefore)
	code, _, closed := strings.Cut(rest, strings.TrimSuffix(codeAfter, "\n"))
	if !found || !closed || !slices.Contains(githubjobs.DiagnosisCodes(), githubjobs.DiagnosisCode(code)) {
		return ""
	}
	return githubjobs.DiagnosisCode(code)
}

// ResultFact makes a fact of a commit of a job's branch; ok is false when it is no
// result commit. The committer date is the fact's time.
func ResultFact(sha, message string, committed time.Time) (fact githubjobs.ResultFact, ok bool) {
	result, err := githubjobs.ParseResult(message)
	if err != nil {
		return fact, false
	}
	fact = githubjobs.ResultFact{SHA: sha, Result: result, Log: result.Log, Summary: result.Summary, At: committed.UTC()}
	// The texts stand once, beside the result.
	fact.Result.Log, fact.Result.Summary = "", ""
	return fact, true
}

// UpdateFact makes a fact of a commit that brings a result of this job onto newer commits of
// its base; ok is false for any other.
func UpdateFact(sha, id, message string) (fact githubjobs.UpdateFact, ok bool) {
	of, result, err := githubjobs.ParseUpdate(message)
	return githubjobs.UpdateFact{SHA: sha, Result: result}, err == nil && of == id
}

// isOurs compares as GitHub does: names differ in case and are the same.
func (r *Repository) isOurs(repo *github.Repository) bool {
	return strings.EqualFold(repo.GetFullName(), r.FullName())
}

func utc(t github.Timestamp) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
