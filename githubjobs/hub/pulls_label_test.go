package hub

import (
	"errors"
	"testing"
)

func TestDraftWithLabels(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.submit(spec("abc"))
	f.git("update-ref", "refs/heads/job/abc", f.git("commit-tree", "-p", "job/abc", "-m", "Change", f.git("write-tree", "--missing-ok")))
	made, err := f.repo.OpenPull(t.Context(), NewPull{Title: "T", Head: "job/abc", Base: "main", Draft: true})
	f.must(err)
	f.must(f.repo.AddLabels(t.Context(), made.GetNumber(), []string{"report"}))
	pull, err := f.repo.Pull(t.Context(), made.GetNumber())
	f.must(err)
	_, fact, _ := f.repo.PullFact(pull)
	if !fact.Draft || len(pull.Labels) != 1 || pull.Labels[0].GetName() != "report" {
		t.Errorf("%+v, labels %v", fact, pull.Labels)
	}
	if _, err := f.repo.MergePull(t.Context(), MergeRequest{Number: made.GetNumber(), SHA: fact.HeadSHA, Method: "squash"}); !errors.Is(err, ErrNotMergeable) {
		t.Errorf("a draft was merged: %v", err)
	}
	f.must(f.MarkReady("alice", "alice", "reports", made.GetNumber()))
	pull, err = f.repo.Pull(t.Context(), made.GetNumber())
	f.must(err)
	if _, fact, _ = f.repo.PullFact(pull); fact.Draft {
		t.Error("it is still a draft")
	}
	if err := f.repo.AddLabels(t.Context(), 99, []string{"report"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}
