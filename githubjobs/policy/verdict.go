package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// GitHubFileCap is the number of files of a pull request that GitHub lists; a
// list of that length may be cut, so nothing is decided on it
// (docs.github.com, "List pull requests files").
const GitHubFileCap = 3000

// View is a pull request as GitHub shows it at one moment.
type View struct {
	HeadSHA string // the commit that is judged, and the only one that may be merged
	WantSHA string // the result commit that the agent pushed, as its own record says; or what carries it
	Unknown string // why that is not known, where somebody can tell; empty else
	// Carried are commits that make the same change as the head does: it is one of them, or the
	// result itself, on newer commits of the base. Doubt is why a head that is not the result
	// is none of these; empty where that was not looked at.
	Carried    []string
	Doubt      string
	Open       bool
	Draft      bool
	SameRepo   bool   // the head branch is in the repository itself, not in a fork
	Base       string // the branch that the pull request is to be merged into
	WantBase   string // the job's base branch, whose policy it is
	Successful bool   // the job's newest attempt succeeded
	// TotalFiles is the pull request's own count; Files must be as many.
	TotalFiles int
	Files      []File
	// Obscure says why it can't be told what a merge changes, where that is not for the number of
	// files; empty where it can.
	Obscure string
	// Bytes is the size of the files that are there after the change; BytesKnown says that
	// it was asked for, and of all of them.
	Bytes      int64
	BytesKnown bool
	// Beside are the paths on the base in the folders that get new files, the root among
	// them; BesideCut says that they are not all known.
	Beside    []string
	BesideCut bool

	// What follows has to be known for the rules that ask for it alone. Unread says of a
	// rule why it is not known, and what to do about it.
	Unread map[Rule]string
	Author string   // login of whoever opened the pull request
	Labels []string // LabelsKnown says that they are all
	// LabelsKnown and the like say that it was asked for, and of all of them.
	LabelsKnown  bool
	Checks       []Check // on the head, in any order
	ChecksKnown  bool
	Reviews      []Review // in any order
	ReviewsKnown bool
	Behind       int // how many commits of the base the head lacks
	BehindKnown  bool
	Now          time.Time // when it is judged
}

// File is one changed file.
type File struct {
	Path     string
	Previous string // the old path, where the file was renamed
	New      bool   // the path is not on the base: added, renamed or copied
	Removed  bool
}

// Rule names a rule of the gate, as people read it in a verdict.
type Rule string

// The rules, in the order in which they are judged.
const (
	RuleHold       Rule = "no label holds it"
	RuleEnabled    Rule = "merging is enabled"
	RuleSuccessful Rule = "the job succeeded"
	RuleOpen       Rule = "the pull request is open and no draft"
	RuleSameRepo   Rule = "the branch is in this repository"
	RuleBase       Rule = "it is for the job's base branch"
	RulePinned     Rule = "the head is the job's result commit"
	RuleNotEmpty   Rule = "something changed"
	RuleComplete   Rule = "all changed files are known"
	RuleMaxFiles   Rule = "the number of files is within the limit"
	RuleMaxBytes   Rule = "the size of the files is within the limit"
	RulePaths      Rule = "every path is allowed"
	RuleNames      Rule = "every name is one of its own on all systems"
	RuleUpToDate   Rule = "it is up to date with its base branch"
	RuleChecks     Rule = "the required checks have passed"
	RuleApprovals  Rule = "it has the required approvals"
	RuleWindow     Rule = "the merge window is open"
)

// Finding is one rule's judgement.
type Finding struct {
	Rule   Rule
	Passed bool
	Why    string // for a rule that failed: what failed and how to mend it
	// Adjustable says of a rule that failed that it is a bound of the policy's which
	// its owner may want to widen; the others stand whatever the policy says, or say
	// that somebody has thought of this very case.
	Adjustable bool
	// Awaits says of a rule that failed what may make it pass by itself.
	Awaits Await
	// Opens is when the merge window opens next, for the rule on it.
	Opens time.Time
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

// Failed lists the findings that forbid the merge, the one that matters most first: a
// hold, then what somebody has to mend, then what is only waited for.
func (v Verdict) Failed() []Finding {
	failed := slices.DeleteFunc(slices.Clone(v.Findings), func(f Finding) bool { return f.Passed })
	slices.SortStableFunc(failed, func(a, b Finding) int { return cmp.Compare(a.rank(), b.rank()) })
	return failed
}

// Judge applies a policy to a pull request. What is unknown counts against it.
func Judge(p Policy, v View) Verdict {
	m := p.Merge
	rules := []Finding{
		m.judgeHold(v),
		judge(RuleEnabled, m.Enabled, "set merge.enabled: true in "+Path+" on the base branch"),
		judge(RuleSuccessful, v.Successful, v.failed()),
		v.judgeOpen(),
		judge(RuleSameRepo, v.SameRepo, "the head branch belongs to a fork"),
		judge(RuleBase, v.Base != "" && v.Base == v.WantBase, fmt.Sprintf("the pull request is for the branch %s, the job for %s; somebody has changed it", v.Base, v.WantBase)),
		judge(RulePinned, v.HeadSHA != "" && v.HeadSHA == v.WantSHA, v.pushed()),
		judge(RuleNotEmpty, v.TotalFiles > 0, "the pull request changes nothing"),
		judge(RuleComplete, v.Obscure == "" && v.TotalFiles == len(v.Files) && v.TotalFiles < GitHubFileCap, incomplete(v)),
		m.judgeCount(v.TotalFiles),
		m.judgeBytes(v),
		m.Paths.judge(v.Files),
		judgeNames(v),
		m.judgeBehind(v),
		m.RequiredChecks.judge(v),
		m.judgeApprovals(v),
		m.judgeWindow(v),
	}
	return Verdict{HeadSHA: v.HeadSHA, Method: m.Method, Findings: rules}
}

func judge(rule Rule, passed bool, why string) Finding {
	if passed {
		why = ""
	}
	return Finding{Rule: rule, Passed: passed, Why: why}
}

func (v View) judgeOpen() Finding {
	if v.Open && v.Draft {
		f := judge(RuleOpen, false, "the pull request is a draft")
		f.Awaits = AwaitReady
		return f
	}
	return judge(RuleOpen, v.Open, "the pull request is closed")
}

func (v View) failed() string {
	switch {
	case v.WantSHA == "" && v.Unknown != "":
		return "nobody vouches for the job's result: " + v.Unknown
	case v.WantSHA == "":
		return "it is not known whether the newest attempt succeeded; only a job that did is merged"
	}
	return "the newest attempt did not succeed; a failed job is never merged"
}

func (v View) pushed() string {
	if v.WantSHA == "" {
		return fmt.Sprintf("the head is %s, and the job's result is not known; somebody may have pushed to the branch", short(v.HeadSHA))
	}
	why := fmt.Sprintf("the head is %s, the job's result is %s; somebody pushed to the branch", short(v.HeadSHA), short(v.WantSHA))
	if v.Doubt != "" {
		why += ": " + v.Doubt
	}
	return why
}

func incomplete(v View) string {
	if v.Obscure != "" {
		return "not every path can be judged: " + v.Obscure
	}
	if v.TotalFiles >= GitHubFileCap {
		return fmt.Sprintf("%d files changed; GitHub lists at most %d, so that not every path can be judged", v.TotalFiles, GitHubFileCap)
	}
	return fmt.Sprintf("GitHub lists %d of %d changed files, so that not every path can be judged", len(v.Files), v.TotalFiles)
}

func (m MergeRules) judgeCount(files int) Finding {
	f := judge(RuleMaxFiles, m.MaxFiles == 0 || files <= m.MaxFiles, fmt.Sprintf("%d files changed, merge.max_files allows %d", files, m.MaxFiles))
	f.Adjustable = !f.Passed
	return f
}

func (m MergeRules) judgeBytes(v View) Finding {
	switch {
	case m.MaxBytes == 0:
		return judge(RuleMaxBytes, true, "")
	case !v.BytesKnown:
		return judge(RuleMaxBytes, false, "the changed files are in so many folders, or in such large ones, that their sizes are not known, and merge.max_bytes sets a limit")
	}
	f := judge(RuleMaxBytes, v.Bytes <= int64(m.MaxBytes), fmt.Sprintf("the changed files have %d bytes, merge.max_bytes allows %d", v.Bytes, m.MaxBytes))
	f.Adjustable = !f.Passed
	return f
}

// neverAllowed are what judges and runs jobs. A job that could change them could
// allow itself anything, whatever the globs say.
var neverAllowed = []string{Path, ".github/**"}

func (r PathRules) judge(files []File) Finding {
	var never, denied, others []string
	for _, f := range files {
		// A rename takes a file away from its old path: both must be allowed.
		for _, path := range []string{f.Path, f.Previous} {
			switch {
			case path == "":
			case matches(neverAllowed, path):
				never = append(never, path)
			case matches(r.Deny, path):
				denied = append(denied, path)
			case !slices.ContainsFunc(r.Allow, func(glob string) bool { return matches([]string{within(glob)}, path) }):
				others = append(others, path)
			}
		}
	}
	var why []string
	for _, c := range []struct {
		what  string
		paths []string
	}{{"never merged for a job", never}, {"denied by merge.paths.deny", denied}, {"not among merge.paths.allow", others}} {
		if len(c.paths) > 0 {
			why = append(why, c.what+": "+list(c.paths))
		}
	}
	f := judge(RulePaths, len(why) == 0, strings.Join(why, "; "))
	f.Adjustable = len(why) > 0 && len(never)+len(denied) == 0
	return f
}

// matches says whether one of the globs matches the path. A glob that ends in /** also
// matches the folder before it: what is denied may not be replaced by a file either.
func matches(globs []string, path string) bool {
	return slices.ContainsFunc(globs, func(glob string) bool { return doublestar.MatchUnvalidated(glob, path) })
}

// maxNamed bounds how many refused paths of one kind a finding names.
const maxNamed = 10

func list(paths []string) string {
	var named []string
	for _, path := range paths {
		if !slices.Contains(named, path) {
			named = append(named, path)
		}
	}
	more := ""
	if n := len(named) - maxNamed; n > 0 {
		named, more = named[:maxNamed], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(named, ", ") + more
}

func short(sha string) string {
	if sha == "" {
		return "unknown"
	}
	return sha[:min(len(sha), 7)]
}
