package hub

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// merged is a job whose result was merged, in a folder of its own.
func (f *fixture) merged(method string, ids ...string) []Revert {
	f.t.Helper()
	app := f.app()
	var list []githubjobs.Spec
	for _, id := range ids {
		list = append(list, spec(id))
	}
	f.submit(list...)
	var reverts []Revert
	for _, id := range ids {
		pull := f.deliver(app, id)
		sha, err := f.repo.MergePull(f.t.Context(), MergeRequest{Number: pull.GetNumber(), SHA: pull.GetHead().GetSHA(), Method: method, Title: "Report", Message: "Job-Id: " + id})
		f.must(err)
		reverts = append(reverts, Revert{Spec: spec(id), Pull: pull.GetNumber(), Merge: sha, Base: "main", At: created.Add(time.Hour)})
	}
	return reverts
}

func quick(ctx context.Context, _ time.Duration) error { return Sleep(ctx, time.Millisecond) }

func TestRevertTakesBackWhatWasMerged(t *testing.T) {
	for _, method := range []string{"squash", "merge", "rebase"} {
		t.Run(method, func(t *testing.T) {
			f := setup(t)
			before := f.git("rev-parse", "main^{tree}")
			v := f.merged(method, "abc")[0]
			f.requests()
			pull, opened, err := f.repo.OpenRevert(t.Context(), v)
			f.must(err)
			if n := len(f.requests()); n > 16 {
				t.Errorf("%d requests", n)
			}
			head := pull.GetHead().GetSHA()
			if tree := f.git("rev-parse", head+"^{tree}"); !opened || tree != before || f.git("rev-parse", head+"^") != f.git("rev-parse", "main") {
				t.Errorf("opened %t; the revert has the tree %s, before the merge it was %s", opened, tree, before)
			}
			if pull.GetHead().GetRef() != "undo/abc" || !strings.HasPrefix(pull.GetTitle(), `Revert "Daily report for`) || strings.Contains(pull.GetTitle(), "@bob") {
				t.Errorf("%s %q", pull.GetHead().GetRef(), pull.GetTitle())
			}
			again, opened, err := f.repo.OpenRevert(t.Context(), v)
			f.must(err)
			if opened || again.GetNumber() != pull.GetNumber() {
				t.Errorf("again: #%d, opened %t", again.GetNumber(), opened)
			}
			sha, err := f.repo.MergeRevert(t.Context(), v, pull.GetNumber(), quick)
			f.must(err)
			if f.git("rev-parse", "main^{tree}") != before || f.git("rev-parse", "main") != sha {
				t.Error("the base is not as it was")
			}
			if got := f.git("log", "-1", "--format=%B", "main"); !strings.Contains(got, "This reverts commit "+v.Merge) || !strings.Contains(got, "Undo-Of: abc") {
				t.Errorf("merged as %q", got)
			}
			if same, err := f.repo.MergeRevert(t.Context(), v, pull.GetNumber(), quick); err != nil || same != sha {
				t.Errorf("merged again: %s, %v", same, err)
			}
			facts := f.facts("abc")
			if len(facts.Undos) != 1 || !facts.Undos[0].Merged || facts.Undos[0].MergeSHA != sha {
				t.Errorf("facts: %+v", facts.Undos)
			}
			known := map[string]githubjobs.Facts{}
			_, err = f.repo.Changed(t.Context(), created, nil, func(_ context.Context, list []githubjobs.Facts) error {
				for _, one := range list {
					known[one.ID] = githubjobs.Merge(known[one.ID], one)
				}
				return nil
			})
			f.must(err)
			if u := known["abc"].Undos; len(u) != 1 || !u[0].Merged {
				t.Errorf("read: %+v", u)
			}
		})
	}
}

func TestRevertLeavesWhatCameLater(t *testing.T) {
	f := setup(t)
	both := f.merged("squash", "abc", "def")
	f.addFile("main", "docs/new.md", f.blob("new\n"))
	pull, _, err := f.repo.OpenRevert(t.Context(), both[0])
	f.must(err)
	if got := f.git("diff", "--name-status", "main", pull.GetHead().GetSHA()); got != "D\treports/abc.md" {
		t.Errorf("the revert changes %q", got)
	}
	_, err = f.repo.MergeRevert(t.Context(), both[0], pull.GetNumber(), quick)
	f.must(err)
	// The base has moved since, and the other one is taken back all the same.
	pull, _, err = f.repo.OpenRevert(t.Context(), both[1])
	f.must(err)
	_, err = f.repo.MergeRevert(t.Context(), both[1], pull.GetNumber(), quick)
	f.must(err)
	if got := f.git("ls-tree", "-r", "--name-only", "main"); got != "README.md\ndocs/new.md" {
		t.Errorf("left is %q", got)
	}
}

func TestRevertOfWhatWasChangedSince(t *testing.T) {
	f := setup(t)
	v := f.merged("squash", "abc")[0]
	f.addFile("main", "reports/abc.md", f.blob("by hand\n"))
	_, _, err := f.repo.OpenRevert(t.Context(), v)
	conflict, ok := errors.AsType[*ConflictError](err)
	if !ok || !slices.Equal(conflict.Paths, []string{"reports/abc.md"}) {
		t.Errorf("%v", err)
	}
	if f.git("for-each-ref", "refs/heads/undo") != "" {
		t.Error("a branch was made")
	}
	f.git("update-ref", "refs/heads/main", f.git("commit-tree", "-p", "main", "-m", "Back", v.Merge+"~1^{tree}"))
	if _, _, err = f.repo.OpenRevert(t.Context(), v); !errors.Is(err, ErrUndone) {
		t.Errorf("%v", err)
	}
}

// What an earlier call has left is gone on with, unless somebody else has made it.
func TestRevertTrustsNoBranchThatIsThere(t *testing.T) {
	f := setup(t)
	v := f.merged("squash", "abc")[0]
	f.git("update-ref", "refs/heads/undo/abc", f.commit("main", "Not a revert"))
	if _, _, err := f.repo.OpenRevert(t.Context(), v); !errors.Is(err, ErrStranger) {
		t.Errorf("%v", err)
	}
	f.git("update-ref", "-d", "refs/heads/undo/abc")
	f.must(f.repo.pushRevert(t.Context(), v, "Revert"))
	v.At = v.At.Add(time.Hour)
	pull, opened, err := f.repo.OpenRevert(t.Context(), v)
	if err != nil || !opened {
		t.Fatalf("%v", err)
	}
	f.addFileAsUser("undo/abc")
	if _, err := f.repo.MergeRevert(t.Context(), v, pull.GetNumber(), quick); !errors.Is(err, ErrStranger) {
		t.Errorf("after another push: %v", err)
	}
}

// GitHub merges into the base that the pull request has at that moment.
func TestRevertAsksForTheBaseOnceMore(t *testing.T) {
	f := setup(t)
	v := f.merged("squash", "abc")[0]
	pull, _, err := f.repo.OpenRevert(t.Context(), v)
	f.must(err)
	f.git("update-ref", "refs/heads/release", "main")
	release := f.git("rev-parse", "release")
	into := func(base string) {
		_, _, err := f.repo.client.PullRequests.Edit(t.Context(), "alice", "reports", pull.GetNumber(), &github.PullRequest{Base: &github.PullRequestBranch{Ref: &base}})
		f.must(err)
	}
	changing := func(at string) *Repository {
		return f.behind(func(localhub http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path, at) {
					into("release")
				}
				localhub.ServeHTTP(w, r)
			})
		})
	}
	if _, err := changing("/git/commits/").MergeRevert(t.Context(), v, pull.GetNumber(), quick); !errors.Is(err, ErrStranger) || f.git("rev-parse", "release") != release {
		t.Errorf("before the merge: %v", err)
	}
	into("main")
	if _, err := changing("/merge").MergeRevert(t.Context(), v, pull.GetNumber(), quick); !errors.Is(err, ErrStranger) || !strings.Contains(err.Error(), "it was merged into release") {
		t.Errorf("at the merge: %v", err)
	}
}

// A change beside the one that is taken back GitHub would merge, line by line.
func TestRevertIsNotMergedByLine(t *testing.T) {
	f := setup(t)
	text := strings.Repeat("line\n", 50)
	f.addFile("main", "reports/abc.md", f.blob("before\n"+text))
	v := f.merged("squash", "abc")[0]
	f.addFile("main", "reports/abc.md", f.blob("after\n"+text))
	v.Merge = f.git("rev-parse", "main")
	pull, _, err := f.repo.OpenRevert(t.Context(), v)
	f.must(err)
	f.addFile("main", "reports/abc.md", f.blob("after\n"+text+"by hand\n"))
	main := f.git("rev-parse", "main")
	if _, err := f.repo.MergeRevert(t.Context(), v, pull.GetNumber(), quick); !errors.Is(err, ErrNotMergeable) || !strings.Contains(Public(err), "reports/abc.md") || f.git("rev-parse", "main") != main {
		t.Errorf("%v", err)
	}
}

func TestRevertThatIsHeld(t *testing.T) {
	f := setup(t)
	v := f.merged("squash", "abc")[0]
	pull, _, err := f.repo.OpenRevert(t.Context(), v)
	f.must(err)
	f.must(f.repo.AddLabels(t.Context(), pull.GetNumber(), []string{"wait"}))
	v.Holds = func(label string) bool { return label == "wait" }
	if _, err := f.repo.MergeRevert(t.Context(), v, pull.GetNumber(), quick); !errors.Is(err, ErrNotMergeable) || !strings.Contains(Public(err), "held by the label wait") {
		t.Errorf("%v", err)
	}
	v.Holds = nil
	_, err = f.repo.MergeRevert(t.Context(), v, pull.GetNumber(), quick)
	f.must(err)
}
