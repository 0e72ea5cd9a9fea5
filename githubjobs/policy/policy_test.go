package policy

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte("merge:\n  enabled: true\n  paths:\n    allow: ['reports/**']\n"))
	if err != nil || !p.Merge.Enabled || p.Merge.Method != Squash || len(p.Merge.Paths.Allow) != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, empty := range []string{"", "# nothing\n", "merge:\n", "---\n"} {
		if p, err := Parse([]byte(empty)); err != nil || p.Merge.Enabled {
			t.Errorf("%q: %+v, %v; want the policy that merges nothing", empty, p, err)
		}
	}
	for document, want := range map[string]string{
		"merge: {enabeld: true}":                 "line 1: enabeld is not a setting",
		"merge: {enabled: maybe}":                "line 1: `maybe` stands where true or false must stand",
		"merge: {method: fast}":                  `merge.method "fast" is unknown`,
		"merge: {max_bytes: -1}":                 "is not a size",
		"merge: {max_bytes: much}":               `line 1: "much" is not a size; write it like 500KB or 10MB`,
		"merge: {max_bytes: 1.5MB}":              "is not a size",
		"merge: {max_bytes: 9000000000GB}":       "is not a size",
		"merge: {max_bytes: [1]}":                "is not a size",
		"merge: {max_files: -1}":                 "must not be negative",
		"merge: {paths: {allow: ['[']}}":         "not a valid glob",
		"merge: {paths: {allow: ['']}}":          "not a valid glob",
		"merge: {paths: {deny: ['/etc/**']}}":    `write it from the root of the repository`,
		"merge: {paths: {allow: ['reports/']}}":  `"reports/**"`,
		"merge: {}\n---\nmerge: {enabled: true}": "single YAML document",
		"merge: [":                               "yaml",
		"merge: \xff":                            "yaml",
	} {
		if _, err := Parse([]byte(document)); err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), Path+": ") {
			t.Errorf("%q: %v, want an error with %q", document, err, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	rules := Policy{Merge: MergeRules{Enabled: true, Method: Squash, MaxFiles: 3, Paths: PathRules{
		Allow: []string{"reports/**", "logs/*.txt"}, Deny: []string{"**/*.secret"},
	}}}
	good := View{HeadSHA: "abc", WantSHA: "abc", Open: true, SameRepo: true, Base: "main", WantBase: "main", Successful: true, TotalFiles: 1, Files: []File{{Path: "reports/a.md"}}}
	files := func(f ...File) func(*Policy, *View) {
		return func(_ *Policy, v *View) { v.Files, v.TotalFiles = f, len(f) }
	}
	for name, c := range map[string]struct {
		change func(*Policy, *View)
		want   Rule // that fails; empty when the merge is allowed
	}{
		"a report":                         {func(*Policy, *View) {}, ""},
		"a file deep in an allowed folder": {files(File{Path: "reports/2026/w47/a.svg"}), ""},
		"a rename within":                  {files(File{Path: "reports/b.md", Previous: "reports/a.md"}), ""},
		"disabled":                         {func(p *Policy, _ *View) { p.Merge.Enabled = false }, RuleEnabled},
		"a failed job":                     {func(_ *Policy, v *View) { v.Successful = false }, RuleSuccessful},
		"closed":                           {func(_ *Policy, v *View) { v.Open = false }, RuleOpen},
		"a draft":                          {func(_ *Policy, v *View) { v.Draft = true }, RuleOpen},
		"a fork":                           {func(_ *Policy, v *View) { v.SameRepo = false }, RuleSameRepo},
		"another base":                     {func(_ *Policy, v *View) { v.Base = "release" }, RuleBase},
		"no base":                          {func(_ *Policy, v *View) { v.Base, v.WantBase = "", "" }, RuleBase},
		"no result":                        {func(_ *Policy, v *View) { v.WantSHA = "" }, RulePinned},
		"a head that moved":                {func(_ *Policy, v *View) { v.HeadSHA = "def" }, RulePinned},
		"no head":                          {func(_ *Policy, v *View) { v.HeadSHA, v.WantSHA = "", "" }, RulePinned},
		"an empty diff":                    {files(), RuleNotEmpty},
		"a list that was cut":              {func(_ *Policy, v *View) { v.TotalFiles = 2 }, RuleComplete},
		"too many files":                   {files(make([]File, 4)...), RuleMaxFiles},
		"too large":                        {func(p *Policy, v *View) { p.Merge.MaxBytes, v.Bytes, v.BytesKnown = 1000, 1001, true }, RuleMaxBytes},
		"as large as may be":               {func(p *Policy, v *View) { p.Merge.MaxBytes, v.Bytes, v.BytesKnown = 1000, 1000, true }, ""},
		"of a size that nobody limits":     {func(_ *Policy, v *View) { v.Bytes = 1 << 40 }, ""},
		"of an unknown size":               {func(p *Policy, v *View) { p.Merge.MaxBytes = 1000 }, RuleMaxBytes},
		"a path that is not allowed":       {files(File{Path: "main.go"}), RulePaths},
		"a folder that begins alike":       {files(File{Path: "reports-evil/x.md"}), RulePaths},
		"a file in place of the folder":    {files(File{Path: "reports"}), RulePaths},
		"two in one place":                 {files(File{Path: "reports/a.md", New: true}, File{Path: "reports/A.md", New: true}), RuleNames},
		"a folder and a file":              {files(File{Path: "reports/a", New: true}, File{Path: "reports/A/b"}), RuleNames},
		"composed and not":                 {files(File{Path: "reports/\u00e9", New: true}, File{Path: "reports/e\u0301"}), RuleNames},
		"old names in one place":           {files(File{Path: "reports/a.md"}, File{Path: "reports/A.md"}), ""},
		"a name that went":                 {files(File{Path: "reports/a.md", New: true}, File{Path: "reports/A.md", Removed: true}), ""},
		"another case of a name":           {files(File{Path: "reports/a.md", Previous: "reports/A.md", New: true}), ""},
		"beside one on the base": {func(_ *Policy, v *View) {
			v.Files, v.Beside = []File{{Path: "reports/a.md", New: true}}, []string{"reports", "reports/A.md"}
		}, RuleNames},
		"a folder beside one on the base": {func(_ *Policy, v *View) {
			v.Files, v.Beside = []File{{Path: "reports/a.md", New: true}}, []string{"Reports"}
		}, RuleNames},
		"in place of one on the base": {func(_ *Policy, v *View) {
			v.Files, v.Beside, v.TotalFiles = []File{{Path: "reports/a.md", New: true, Previous: "reports/A.md"}, {Path: "reports/B", Removed: true}, {Path: "reports/b", New: true}}, []string{"reports/A.md", "reports/B"}, 3
		}, ""},
		"too much to compare":           {func(_ *Policy, v *View) { v.BesideCut = true }, RuleNames},
		"a star does not cross folders": {files(File{Path: "logs/a/b.txt"}), RulePaths},
		"a rename out of a folder":      {files(File{Path: "reports/x.go", Previous: "src/x.go"}), RulePaths},
		"a denied path":                 {files(File{Path: "reports/key.secret"}), RulePaths},
		"a rename of a denied path":     {files(File{Path: "reports/key.txt", Previous: "reports/key.secret"}), RulePaths},
		"the policy itself": {func(p *Policy, v *View) {
			p.Merge.Paths.Allow, v.Files = []string{"**"}, []File{{Path: Path}}
		}, RulePaths},
		"a workflow": {func(p *Policy, v *View) {
			p.Merge.Paths.Allow, v.Files = []string{"**"}, []File{{Path: ".github/workflows/x.yml"}}
		}, RulePaths},
		"nothing is allowed": {func(p *Policy, _ *View) { p.Merge.Paths.Allow = nil }, RulePaths},
	} {
		p, v := rules, good
		c.change(&p, &v)
		verdict := Judge(p, v)
		failed := verdict.Failed()
		switch {
		case verdict.Allowed() != (c.want == ""):
			t.Errorf("%s: allowed is %t; %+v", name, verdict.Allowed(), failed)
		case c.want != "" && (len(failed) != 1 || failed[0].Rule != c.want || failed[0].Why == ""):
			t.Errorf("%s: %+v, want one failure of %q that says why", name, failed, c.want)
		}
	}
	if (Verdict{}).Allowed() {
		t.Error("a verdict without findings allows a merge")
	}
	if v := Judge(Policy{}, good); v.Allowed() {
		t.Error("the zero policy allows a merge")
	}
	cut := make([]File, GitHubFileCap)
	if v := Judge(Policy{}, View{Files: cut, TotalFiles: len(cut)}); !hasFailed(v, RuleComplete) {
		t.Error("a list as long as GitHub's cap counts as complete")
	}
}

func TestAFindingSaysWhetherThePolicyIsToBeChanged(t *testing.T) {
	t.Parallel()
	rules := Policy{Merge: MergeRules{Enabled: true, MaxFiles: 5, Paths: PathRules{Allow: []string{"reports/**"}, Deny: []string{"**/key"}}}}
	many := make([]File, GitHubFileCap)
	for i := range many {
		many[i].Path = "reports/a"
	}
	for _, c := range []struct {
		files      []File
		rule       Rule
		why        string
		adjustable bool
	}{
		{[]File{{Path: "b.go", Previous: "a.go"}}, RulePaths, "not among merge.paths.allow: b.go, a.go", true},
		{[]File{{Path: "reports/key"}}, RulePaths, "denied by merge.paths.deny: reports/key", false},
		{[]File{{Path: ".github/x"}, {Path: "a.go"}}, RulePaths, "never merged for a job: .github/x; not among merge.paths.allow: a.go", false},
		{many[:6], RuleMaxFiles, "6 files changed, merge.max_files allows 5", true},
		{many, RuleComplete, "3000 files changed; GitHub lists", false},
	} {
		v := Judge(rules, View{HeadSHA: "abc", WantSHA: "abc", Open: true, SameRepo: true, Base: "main", WantBase: "main", Successful: true, TotalFiles: len(c.files), Files: c.files})
		if f := v.Failed()[0]; f.Rule != c.rule || !strings.HasPrefix(f.Why, c.why) || f.Adjustable != c.adjustable {
			t.Errorf("%+v, want %q, adjustable %t", f, c.why, c.adjustable)
		}
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	for glob, want := range map[string]map[string]bool{
		"reports/**":            {"reports": false, "reports/a": true, "reports/a/b": true, "reports-evil/a": false, "reports/.a": true},
		"**":                    {"a": true, "a/b": true},
		"a/**/b":                {"a/b": true, "a/x/b": true},
		"a/**/*.md":             {"a/b.md": true, "a/x/b.md": true, "a": false},
		"{reports,logs}/**":     {"reports": false, "logs": false, "logs/a": true},
		"{reports/**,logs/*}":   {"reports": false, "reports/a/b": true, "logs/a": true, "logs": false},
		"{reports/**,logs/**}x": {"reportsx": false, "reports/ax": true},
		"a/**,b":                {"a/x,b": true, "a": false},
		`a\{/**`:                {"a{": false, "a{/b": true},
	} {
		for path, match := range want {
			if got := matches([]string{within(glob)}, path); got != match {
				t.Errorf("%s matches %s: %t", glob, path, got)
			}
		}
	}
}

func hasFailed(v Verdict, rule Rule) bool {
	for _, f := range v.Failed() {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

func TestSize(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]Size{"0": 0, "1023": 1023, "500KB": 512000, "10 mb": 10485760, "2GB": 2147483648} {
		p, err := Parse([]byte("merge: {max_bytes: " + written + "}"))
		if err != nil || p.Merge.MaxBytes != want {
			t.Errorf("%s: %d, %v; want %d", written, p.Merge.MaxBytes, err, want)
		}
	}
}
