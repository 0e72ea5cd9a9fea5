package gate

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A file that the base has renamed since the job began takes the job's change along to its new
// path: git sees to that, and no list of changed files shows it. What is new in a folder that was
// renamed git leaves to people.
func TestTheBaseHasRenamedWhatTheJobChanges(t *testing.T) {
	t.Parallel()
	const page = "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"
	for name, test := range map[string]struct {
		files  map[string]string // of the job
		rename func(w *world)
		merged string // what comes onto the base; empty where nothing does
		why    string
	}{
		"a file":          {map[string]string{"reports/old.md": page + "nine\n"}, func(w *world) { w.move("reports/old.md", "secret/old.md") }, "", "reports/old.md was moved or removed on main"},
		"a folder":        {map[string]string{"reports/new.md": "# New\n"}, func(w *world) { w.move("reports", "secret") }, "", "the changes conflict with what has come onto main meanwhile"},
		"another file":    {map[string]string{"reports/old.md": page + "nine\n"}, func(w *world) { w.move("docs/a.md", "docs/b.md") }, "M\treports/old.md", ""},
		"in a new folder": {map[string]string{"reports/2026/new.md": "# New\n"}, func(w *world) { w.move("docs", "pages") }, "A\treports/2026/new.md", ""},
	} {
		for rule, rules := range map[string]string{"": "", ", up to date": upToDate} {
			t.Run(name+rule, func(t *testing.T) {
				t.Parallel()
				w := setup(t, allow+rules)
				w.onto(map[string]string{"reports/old.md": page, "reports/older.md": page, "docs/a.md": "a\nb\nc\n"})
				w.publish(githubjobs.OutcomeSuccess, test.files)
				test.rename(w)
				base := w.git("rev-parse", "main")
				report := w.merge()
				got := w.git("diff", "--name-status", base, "main")
				if report.Merged != (test.merged != "") || got != test.merged {
					t.Fatalf("merged %q: %+v", got, report)
				}
				if rules == "" && !strings.Contains(report.Title+report.Summary, test.why) {
					t.Errorf("want %q: %+v", test.why, report)
				}
			})
		}
	}
}

// move renames a file or folder on main.
func (w *world) move(from, to string) {
	w.t.Helper()
	env := []string{"GIT_WORK_TREE=" + w.t.TempDir(), "GIT_INDEX_FILE=" + filepath.Join(w.t.TempDir(), "index")}
	w.Git(env, "read-tree", "main")
	for line := range strings.SplitSeq(w.git("ls-tree", "-r", "main", "--", from), "\n") {
		entry, name, _ := strings.Cut(line, "\t")
		field := strings.Fields(entry) // mode, type, SHA
		w.Git(env, "update-index", "--add", "--cacheinfo", field[0]+","+field[2]+","+to+strings.TrimPrefix(name, from))
		w.Git(env, "rm", "-q", "--cached", "--", ":/"+name)
	}
	w.git("update-ref", "refs/heads/main", w.Git(env, "commit-tree", "-p", "main", "-m", "Rename "+from, w.Git(env, "write-tree")))
}
