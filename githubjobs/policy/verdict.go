package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// GitHubFileCap is the number of files of a pull request that GitHub lists; a
// list of that length may be cut, so nothing is decided on it
// (docs.github.com, "List pull requests files").
const GitHubFileCap = 3000

// View is a pull request as GitHub shows it at one moment.
type View struct {
	HeadSHA    string // the commit that is judged, and the only one that may be merged
	WantSHA    string // the result commit that the agent pushed, as its own record says
	Open       bool
	Draft      bool
	SameRepo   bool // the head branch is in the repository itself, not in a fork
	Successful bool // the job's newest attempt succeeded
	// TotalFiles is the pull request's own count; Files must be as many.
	TotalFiles int
	Files      []File
}

// File is one changed file.
type File struct {
	Path     string
	Previous string // the old path, where the file was renamed
}

// Rule names a rule of the gate, as people read it in a verdict.
type Rule string

// The rules, in the order in which they are judged.
const (
	RuleEnabled    Rule = "merging is enabled"
	RuleSuccessful Rule = "the job succeeded"
	RuleOpen       Rule = "the pull request is open and no draft"
	RuleSameRepo   Rule = "the branch is in this repository"
	RulePinned     Rule = "the head is the job's result commit"
	RuleNotEmpty   Rule = "something changed"
	RuleComplete   Rule = "all changed files are known"
	RuleMaxFiles   Rule = "the number of files is within the limit"
	RulePaths      Rule = "every path is allowed"
)

// Finding is one rule's judgement.
type Finding struct {
	Rule   Rule
	Passed bool
	Why    string // for a rule that failed: what failed and how to mend it
}

// Verdict is the judgement on one pull request at one head commit.
type Verdict struct {
	HeadSHA  string
	Method   Method
	Findings []Finding
}

// Allowed says whether every rule passed. A verdict without findings allows nothing.
func (v Verdict) Allowed() bool {
	return len(v.Findings) > 0 && !slices.ContainsFunc(v.Findings, func(f Finding) bool { return !f.Passed })
}

// Failed lists the findings that forbid the merge.
func (v Verdict) Failed() []Finding {
	return slices.DeleteFunc(slices.Clone(v.Findings), func(f Finding) bool { return f.Passed })
}

// Judge applies a policy to a pull request. What is unknown counts against it.
func Judge(p Policy, v View) Verdict {
	m := p.Merge
	rules := []Finding{
		judge(RuleEnabled, m.Enabled, "set merge.enabled: true in "+Path+" on the base branch"),
		judge(RuleSuccessful, v.Successful, "the newest attempt did not succeed; a failed job is never merged"),
		judge(RuleOpen, v.Open && !v.Draft, "the pull request is closed or a draft"),
		judge(RuleSameRepo, v.SameRepo, "the head branch belongs to a fork"),
		judge(RulePinned, v.HeadSHA != "" && v.HeadSHA == v.WantSHA, fmt.Sprintf("the head is %s, the job's result is %s; somebody pushed to the branch", short(v.HeadSHA), short(v.WantSHA))),
		judge(RuleNotEmpty, v.TotalFiles > 0, "the pull request changes nothing"),
		judge(RuleComplete, v.TotalFiles == len(v.Files) && v.TotalFiles < GitHubFileCap, fmt.Sprintf("GitHub lists %d of %d files, and never more than %d", len(v.Files), v.TotalFiles, GitHubFileCap)),
		judge(RuleMaxFiles, m.MaxFiles == 0 || v.TotalFiles <= m.MaxFiles, fmt.Sprintf("%d files changed, merge.max_files allows %d", v.TotalFiles, m.MaxFiles)),
		m.Paths.judge(v.Files),
	}
	return Verdict{HeadSHA: v.HeadSHA, Method: m.Method, Findings: rules}
}

func judge(rule Rule, passed bool, why string) Finding {
	if passed {
		why = ""
	}
	return Finding{Rule: rule, Passed: passed, Why: why}
}

// maxNamed bounds how many refused paths a finding names.
const maxNamed = 10

func (r PathRules) judge(files []File) Finding {
	var refused []string
	for _, f := range files {
		// A rename takes a file away from its old path: both must be allowed.
		for _, path := range []string{f.Path, f.Previous} {
			if path != "" && !r.allows(path) && !slices.Contains(refused, path) {
				refused = append(refused, path)
			}
		}
	}
	if len(refused) == 0 {
		return judge(RulePaths, true, "")
	}
	more := ""
	if n := len(refused) - maxNamed; n > 0 {
		refused, more = refused[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return judge(RulePaths, false, fmt.Sprintf("not allowed by merge.paths: %s%s", strings.Join(refused, ", "), more))
}

// neverAllowed are what judges and runs jobs. A job that could change them could
// allow itself anything, whatever the globs say.
var neverAllowed = []string{Path, ".github/**"}

func (r PathRules) allows(path string) bool {
	matches := func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) }
	return !slices.ContainsFunc(neverAllowed, matches) && slices.ContainsFunc(r.Allow, matches) && !slices.ContainsFunc(r.Deny, matches)
}

func short(sha string) string {
	if sha == "" {
		return "unknown"
	}
	return sha[:min(len(sha), 7)]
}
