package gate

import (
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// join makes a commit of these parents, with the first one's files and others.
func (w *world) join(files map[string]string, message string, parents ...string) string {
	w.t.Helper()
	w.git("update-ref", "refs/heads/joined", parents[0])
	tree := w.commit("joined", files) + "^{tree}"
	w.git("update-ref", "-d", "refs/heads/joined")
	args := []string{"commit-tree", "-m", message}
	for _, parent := range parents {
		args = append(args, "-p", parent)
	}
	return w.git(append(args, tree)...)
}

// A branch and main were merged into each other, and each kept its own of a file. Whoever may push
// brings the result onto that branch, and not onto main: GitHub lists only what that differs in
// from one of the two, and the merge would take back what main has kept.
func TestAHistoryThatWasMergedCrosswise(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]string{"by the paths alone": "", "up to date": upToDate} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow+rules)
			begin := w.commit("main", map[string]string{"secret/p.md": "new\n"})
			left := w.join(map[string]string{"left.md": "1\n"}, "left", begin)
			right := w.join(map[string]string{"right.md": "1\n", "secret/p.md": "old\n"}, "right", begin)
			main := w.join(map[string]string{"right.md": "1\n"}, "main", left, right)
			side := w.join(map[string]string{"left.md": "1\n"}, "side", right, left)
			w.git("update-ref", "refs/heads/main", main)
			w.onto(map[string]string{"left.md": "1\n", "right.md": "1\n", "secret/p.md": "new\n"})
			w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
			base := w.join(map[string]string{"other.md": "x\n"}, "later", w.git("rev-parse", "main"), side)
			w.git("update-ref", "refs/heads/main", base)
			head := w.join(map[string]string{"reports/daily.md": "# Daily\n"}, "x", side)
			head = w.git("commit-tree", "-m", githubjobs.FormatUpdate(w.cfg.Job, "main", w.cfg.Result), "-p", w.cfg.Result, "-p", side, head+"^{tree}")
			w.update(branch, head)
			report := w.merge()
			if said := report.Title + report.Summary; report.Merged || w.head() != head || w.git("rev-parse", "main") != base || !strings.Contains(said, "have parted more than once") {
				t.Errorf("%+v", report)
			}
			if chain, why, err := w.repo.Carries(t.Context(), w.cfg.Job, "main", head, w.cfg.Result); err != nil || len(chain) > 0 || !strings.Contains(why, "have parted more than once") {
				t.Errorf("%v, %q, %v", chain, why, err)
			}
		})
	}
}
