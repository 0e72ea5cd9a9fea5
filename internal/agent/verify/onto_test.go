package verify

import (
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
)

// onto replaces the result by one that was brought onto a base which had moved, and brings
// it onto that base by a squash with the message given. above: the result that the receipt
// names stands above it, as one that says that no pull request could be opened.
func (w *world) onto(above bool, message string) {
	w.t.Helper()
	says := w.repo.Git("log", "-1", "--format=%B", w.result)
	w.repo.Git("reset", "-q", "--hard", w.merged+"^")
	moved := w.repo.Commit(agenttest.Commit{Message: "Meanwhile", Write: map[string]string{"other": "x", "README.md": "# Better\n"}})
	w.repo.Git("checkout", "-q", "--detach")
	made := w.repo.Commit(agenttest.Commit{Message: "Made", Write: map[string]string{"reports/a.md": "# A\n"}})
	w.result = w.repo.Git("commit-tree", "-p", w.created, "-p", moved, "-m", says, made+"^{tree}")
	if above {
		w.result = w.repo.Git("commit-tree", "-p", w.result, "-m", says, made+"^{tree}")
	}
	w.repo.Git("checkout", "-q", "main")
	w.repo.Commit(agenttest.Commit{Message: "Meanwhile too", Write: map[string]string{"third": "x"}})
	w.repo.Git("merge", "-q", "--squash", w.result)
	w.repo.Git("commit", "-q", "-m", message)
	w.claims.ResultSHA, w.claims.MergeSHA = w.result, w.repo.Git("rev-parse", "main")
}

// A result that was brought onto the newest base changes what it changes there, and nothing
// of what others had done.
func TestAResultOnANewerBase(t *testing.T) {
	t.Parallel()
	for _, above := range []bool{false, true} {
		for _, by := range []string{"gate", "person"} {
			t.Run(by, func(t *testing.T) {
				t.Parallel()
				w := setup(t)
				message := "Daily report (#12)"
				if by == "gate" {
					message = w.repo.Git("log", "-1", "--format=%B", w.merged)
				}
				w.onto(above, message)
				verdict, out := w.check(w.claims.Statement())
				if verdict != Holds || !strings.Contains(out, "the 1 files that the merge changed are those of the result") {
					t.Errorf("%d\n%s", verdict, out)
				}
				// The same merge, with a change to a file that only the base had changed.
				w.repo.Git("reset", "-q", "--soft", "HEAD^")
				w.claims.MergeSHA = w.repo.Commit(agenttest.Commit{Message: message, Write: map[string]string{"other": "evil"}})
				if verdict, out := w.check(w.claims.Statement()); verdict != Wrong {
					t.Errorf("a merge with more: %d\n%s", verdict, out)
				}
			})
		}
	}
}
