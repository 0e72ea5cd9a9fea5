package gate

import (
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// GitHub's listing of a folder can't carry a name that is not UTF-8: a folder that was written anew
// from it would have another name in its place.
func TestNamesThatAreNotUTF8(t *testing.T) {
	t.Parallel()
	w := setup(t, allow+upToDate)
	w.onto(map[string]string{"reports/caf\xe9.md": "x\n", "reports/caf\xe8.md": "y\n"})
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	base := w.commit("main", map[string]string{"reports/other.md": "o\n"})
	report := w.merge()
	w.notMerged(report, actionRequired, "a name in it may not be UTF-8; press Update branch")
	if w.head() != w.cfg.Result || w.git("rev-parse", "main") != base {
		t.Errorf("it was pushed all the same: %+v", report)
	}
	// What the gate would not make is not taken from others either: of it nothing can be proved.
	w.forge("", nil)
	if report := w.merge(); report.Merged || !strings.Contains(report.Title+report.Summary, "somebody pushed to the branch") {
		t.Errorf("%+v", report)
	}
}
