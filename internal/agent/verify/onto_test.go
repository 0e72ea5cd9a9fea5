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

// The head of the pull request may have brought the result onto a base that has moved since.
func TestAPullRequestAboveTheResult(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		evil    map[string]string
		verdict Verdict
	}{"brought onto the base": {nil, Holds}, "with more": {map[string]string{"evil": "x"}, Wrong}, "otherwise": {map[string]string{"reports/a.md": "# Evil"}, Wrong}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.repo.Git("reset", "-q", "--hard", w.merged+"^") // nothing is merged
			base := w.repo.Commit(agenttest.Commit{Message: "Meanwhile", Write: map[string]string{"other": "x", "README.md": "# Better\n"}})
			head := w.result
			for range 2 {
				w.repo.Git("checkout", "-q", "--detach", head)
				w.repo.Git("merge", "-q", "--no-ff", "-m", "Bring it onto main", base)
				if len(test.evil) > 0 {
					sneaked := w.repo.Commit(agenttest.Commit{Message: "Evil", Write: test.evil})
					head = w.repo.Git("commit-tree", "-m", "Bring it onto main", "-p", head, "-p", base, sneaked+"^{tree}")
					break
				}
				head = w.repo.Git("rev-parse", "HEAD")
				w.repo.Git("checkout", "-q", "main")
				base = w.repo.Commit(agenttest.Commit{Message: "More", Write: map[string]string{"more": "x"}})
			}
			w.repo.Git("checkout", "-q", "main")
			w.repo.Git("update-ref", "refs/pull/12/head", head)
			w.claims.MergeSHA = ""
			verdict, out := w.check(w.claims.Statement())
			if verdict != test.verdict || test.verdict == Wrong && !strings.Contains(out, "byproducts[pull request]: the head of #12") {
				t.Errorf("%d\n%s", verdict, out)
			}
			w.withoutBase()
		})
	}
}

// withoutBase takes the base branch out of the clone, which then can tell neither that the receipt
// holds nor that it is wrong.
func (w *world) withoutBase() {
	w.t.Helper()
	w.repo.Git("checkout", "-q", "--detach")
	w.repo.Git("branch", "-q", "-D", "main")
	verdict, out := w.check(w.claims.Statement())
	if verdict != Unchecked || !strings.Contains(out, "this brings it: git fetch origin main:refs/remotes/origin/main") {
		w.t.Errorf("without the base branch: %d\n%s", verdict, out)
	}
}

// A result that does not come after its creation commit may come after the base.
func TestARebasedResultWithoutItsBase(t *testing.T) {
	t.Parallel()
	w := setup(t)
	says := w.repo.Git("log", "-1", "--format=%B", w.result)
	w.result = w.repo.Git("commit-tree", "-p", w.merged+"^", "-m", says, w.result+"^{tree}")
	w.claims.ResultSHA = w.result
	if verdict, out := w.check(w.claims.Statement()); verdict != Holds {
		t.Errorf("%d\n%s", verdict, out)
	}
	w.withoutBase()
}
