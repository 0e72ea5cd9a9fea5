package policy

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var (
	globs = rapid.SampledFrom([]string{"**", "reports/**", "reports/*", "docs/**", "**/*.md", "{reports,docs}/**", "reports/a.md", "src/**", "*.go"})
	paths = rapid.SampledFrom([]string{"reports/a.md", "reports/A.md", "reports/x/b.md", "docs/c.svg", "src/main.go", "main.go", "reports", ".github/workflows/x.yml", Path})
)

func drawFile(t *rapid.T) File {
	f := File{Path: paths.Draw(t, "path"), New: rapid.Bool().Draw(t, "new"), Removed: rapid.Bool().Draw(t, "removed")}
	if rapid.Bool().Draw(t, "renamed") {
		f.Previous = paths.Draw(t, "previous")
	}
	return f
}

// drawCase makes a policy and a view in which each rule fails now and then. So many files
// have changed at least.
func drawCase(t *rapid.T, changed int) (Policy, View) {
	mostly := func(name string) bool { return rapid.IntRange(0, 9).Draw(t, name) > 0 }
	p := Policy{Merge: MergeRules{
		Enabled: mostly("enabled"), Method: Squash, MaxFiles: rapid.IntRange(0, 4).Draw(t, "max files"), MaxBytes: Size(rapid.IntRange(0, 4).Draw(t, "max bytes")),
		Paths: PathRules{Allow: rapid.SliceOfN(globs, 0, 4).Draw(t, "allow"), Deny: rapid.SliceOfN(globs, 0, 1).Draw(t, "deny")},
	}}
	v := View{
		HeadSHA: "a", WantSHA: "a", Open: mostly("open"), Draft: !mostly("draft"), SameRepo: mostly("same repository"), Base: "main", WantBase: "main", Successful: mostly("successful"),
		Files: rapid.SliceOfN(rapid.Custom(drawFile), changed, 4).Draw(t, "files"), Bytes: int64(rapid.IntRange(0, 5).Draw(t, "bytes")), BytesKnown: mostly("bytes known"),
		Beside: rapid.SliceOfN(paths, 0, 2).Draw(t, "beside"), BesideCut: !mostly("beside known"),
	}
	drawDemands(t, mostly, &p.Merge, &v)
	if v.TotalFiles = len(v.Files); !mostly("complete") {
		v.TotalFiles++
	}
	if !mostly("pinned") {
		v.WantSHA = rapid.SampledFrom([]string{"", "b"}).Draw(t, "wanted head")
	}
	if !mostly("base") {
		v.Base = rapid.SampledFrom([]string{"", "other"}).Draw(t, "base's name")
	}
	return p, v
}

// stricter are the ways to ask for more, or to know less.
var stricter = map[string]func(*rapid.T, *Policy, *View){
	"a path is denied": func(t *rapid.T, p *Policy, _ *View) {
		p.Merge.Paths.Deny = append(slices.Clone(p.Merge.Paths.Deny), globs.Draw(t, "denied"))
	},
	"an allowed path is taken out": func(_ *rapid.T, p *Policy, _ *View) {
		p.Merge.Paths.Allow = p.Merge.Paths.Allow[:len(p.Merge.Paths.Allow)/2]
	},
	"fewer files":             func(t *rapid.T, p *Policy, _ *View) { p.Merge.MaxFiles = fewer(t, p.Merge.MaxFiles) },
	"fewer bytes":             func(t *rapid.T, p *Policy, _ *View) { p.Merge.MaxBytes = Size(fewer(t, int(p.Merge.MaxBytes))) },
	"merging is disabled":     func(_ *rapid.T, p *Policy, _ *View) { p.Merge.Enabled = false },
	"the sizes are not known": func(_ *rapid.T, _ *Policy, v *View) { v.BytesKnown = false },
	"the names are not known": func(_ *rapid.T, _ *Policy, v *View) { v.BesideCut = true },
	"the result is not known": func(_ *rapid.T, _ *Policy, v *View) { v.WantSHA = "" },
	"one more file": func(t *rapid.T, _ *Policy, v *View) {
		f := drawFile(t)
		f.Removed = false // what is gone makes room for a name
		if f.Previous = ""; slices.ContainsFunc(v.Files, func(old File) bool { return old.Path == f.Path }) {
			return
		}
		v.Files, v.TotalFiles = append(slices.Clone(v.Files), f), v.TotalFiles+1
	},
}

// fewer is a limit that is not above the given one, where 0 means none.
func fewer(t *rapid.T, limit int) int {
	if limit == 0 {
		return rapid.IntRange(1, 5).Draw(t, "limit")
	}
	return rapid.IntRange(1, limit).Draw(t, "limit")
}

func TestMoreDemandsNeverTurnARefusalIntoAMerge(t *testing.T) {
	t.Parallel()
	all := maps.Clone(stricter)
	maps.Copy(all, stricterDemands)
	for name, change := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				p, v := drawCase(t, 1) // where nothing has changed, one more file is what the merge waits for
				before := Judge(p, v)
				change(t, &p, &v)
				if after := Judge(p, v); after.Allowed() && !before.Allowed() {
					t.Fatalf("refused for %+v, and then merged", before.Failed())
				}
			})
		})
	}
}

func TestTheOrderOfRulesDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, v := drawCase(t, 0)
		q, w := p, v
		q.Merge.Paths.Allow = rapid.Permutation(p.Merge.Paths.Allow).Draw(t, "allow again")
		q.Merge.Paths.Deny = rapid.Permutation(p.Merge.Paths.Deny).Draw(t, "deny again")
		w.Files, w.Beside = rapid.Permutation(v.Files).Draw(t, "files again"), rapid.Permutation(v.Beside).Draw(t, "beside again")
		shuffleDemands(t, &q.Merge, &w)
		if a, b := rules(Judge(p, v)), rules(Judge(q, w)); a != b {
			t.Fatalf("failed %s in one order, %s in another", a, b)
		}
	})
}

func rules(v Verdict) string {
	var failed []string
	for _, f := range v.Failed() {
		failed = append(failed, fmt.Sprintf("%s (awaits %q until %s)", f.Rule, f.Awaits, f.Opens))
	}
	return fmt.Sprintf("%q", failed)
}

// Merges happen in the cases that the properties are tried on, and every rule fails in some.
func TestTheCasesAreOfEveryKind(t *testing.T) {
	t.Parallel()
	seen := map[Rule]bool{}
	merged := 0
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			v := Judge(drawCase(t, 0))
			if v.Allowed() {
				merged++
			}
			for _, f := range v.Failed() {
				seen[f.Rule] = true
			}
		}
	})
	for _, f := range Judge(Policy{}, View{}).Findings {
		if !seen[f.Rule] {
			t.Errorf("%q never failed", f.Rule)
		}
	}
	if merged == 0 {
		t.Error("nothing was merged")
	}
}
