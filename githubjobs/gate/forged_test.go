package gate

import (
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// forge makes a commit that says to bring the result onto the base, with a tree of its own, and
// moves the branch to it. files are added to what the gate would make; nil leaves them out.
func (w *world) forge(message string, files map[string]string, parents ...string) {
	w.t.Helper()
	onto := w.git("rev-parse", "main")
	tree := w.git("merge-tree", "--write-tree", w.cfg.Result, onto)
	w.git("update-ref", "refs/heads/forged", w.git("commit-tree", "-m", "x", tree))
	if len(files) > 0 {
		w.commit("forged", files)
	}
	if message == "" {
		message = githubjobs.FormatUpdate(w.cfg.Job, "main", w.cfg.Result)
	}
	args := []string{"commit-tree", "-m", message}
	if len(parents) == 0 {
		parents = []string{w.cfg.Result, onto}
	}
	for _, parent := range parents {
		args = append(args, "-p", parent)
	}
	w.update(branch, w.git(append(args, "refs/heads/forged^{tree}")...))
	w.git("update-ref", "-d", "refs/heads/forged")
}

// forgery is a head that is none of the gate's.
type forgery struct {
	forge  func(*world)
	reason string
}

// rules are the policies by which it is refused: most are tried by one alone, for want of time.
func (f forgery) rules() []string {
	if f.reason == "does not only merge main" {
		return []string{upToDate, ""}
	}
	return []string{upToDate}
}

// Whoever may push can copy the line that makes a commit one of the gate's. What it holds tells.
func TestAForgedUpdateIsNotMerged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]forgery{
		"one more file":       {func(w *world) { w.forge("", map[string]string{"reports/sneaked.md": "x\n"}) }, "does not only merge main"},
		"another content":     {func(w *world) { w.forge("", map[string]string{"reports/daily.md": "evil\n"}) }, "does not only merge main"},
		"the base taken back": {func(w *world) { w.forge("", map[string]string{"reports/old.md": "one\n"}) }, "does not only merge main"},
		"the parents turned":  {func(w *world) { w.forge("", nil, w.git("rev-parse", "main"), w.cfg.Result) }, "not on main"},
		"one parent":          {func(w *world) { w.forge("", nil, w.cfg.Result) }, "is no merge of main"},
		"three parents": {func(w *world) {
			w.forge("", nil, w.cfg.Result, w.git("rev-parse", "main"), w.git("rev-parse", "main^"))
		},
			"is no merge of main"},
		"another second parent": {func(w *world) {
			evil := w.git("commit-tree", "-m", "evil", "-p", "main", "main^{tree}")
			w.forge("", nil, w.cfg.Result, evil)
		}, "which is not on main"},
		"a second parent of its own": {func(w *world) {
			w.git("update-ref", "refs/heads/evil", "main")
			evil := w.commit("evil", map[string]string{"reports/sneaked.md": "x\n"})
			w.forge("", map[string]string{"reports/sneaked.md": "x\n"}, w.cfg.Result, evil)
		}, "which is not on main"},
		"an unrelated second parent": {func(w *world) { w.forge("", nil, w.cfg.Result, w.git("commit-tree", "-m", "root", "main^{tree}")) }, "which is not on main"},
		"another result":             {func(w *world) { w.forge(githubjobs.FormatUpdate(w.cfg.Job, "main", w.sha), nil) }, "is no merge of main"},
		"another message": {func(w *world) {
			w.forge("Fixes everything\n\n"+strings.TrimSpace(githubjobs.FormatUpdate(w.cfg.Job, "main", w.cfg.Result)), nil)
		}, "is no merge of main"},
		"an update in between": {func(w *world) {
			w.forge("", map[string]string{"reports/sneaked.md": "x\n"})
			sneaked := w.head()
			base := w.commit("main", map[string]string{"more.md": "x\n"})
			tree := w.git("merge-tree", "--write-tree", sneaked, base)
			w.update(branch, w.git("commit-tree", "-m", githubjobs.FormatUpdate(w.cfg.Job, "main", w.cfg.Result), "-p", sneaked, "-p", base, tree))
		}, "does not only merge main"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, rules := range test.rules() {
				w := delivered(t, rules)
				w.commit("main", map[string]string{"reports/old.md": "two\n", "other.md": "other\n"})
				test.forge(w)
				base, head := w.git("rev-parse", "main"), w.head()
				report := w.merge()
				if said := report.Title + report.Summary; report.Merged || w.git("rev-parse", "main") != base || w.head() != head || !strings.Contains(said, "somebody pushed to the branch") || !strings.Contains(said, test.reason) {
					t.Errorf("with %q: %+v", rules, report)
				}
			}
		})
	}
}

// The same commit as the gate's, by whomever, is the gate's.
func TestAnUpdateOfAnybodys(t *testing.T) {
	t.Parallel()
	w := delivered(t, upToDate)
	w.commit("main", map[string]string{"reports/old.md": "two\n", "other.md": "other\n"})
	w.forge("", nil)
	w.merges()
}
