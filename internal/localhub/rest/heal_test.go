package rest_test

import (
	"slices"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// What a process changed in git and could not write down any more is found at the next start: a branch that was pushed, one that was deleted.
func TestHealFollowsHeads(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, name := range []string{"pushed", "deleted", "same"} {
		h.branch(name, name+".md", "1")
		h.open(name, name)
	}
	next := h.branch("next", "pushed.md", "2")
	git, err := h.Git.Open("alice", "reports")
	if err != nil {
		t.Fatal(err)
	}
	if err := git.UpdateRefs(t.Context(), gitrepo.RefUpdate{Ref: "refs/heads/pushed", New: next}, gitrepo.RefUpdate{Ref: "refs/heads/deleted", New: gitrepo.Zero}); err != nil {
		t.Fatal(err)
	}
	before := len(h.seen())
	for range 2 { // the second finds nothing to do
		h.Heal(t.Context())
	}
	if p := h.pull(1); p.GetHead().GetSHA() != next || p.GetState() != "open" {
		t.Errorf("the pushed one: %s at %s", p.GetState(), p.GetHead().GetSHA())
	}
	if p := h.pull(2); p.GetState() != "closed" || p.GetMerged() {
		t.Errorf("the deleted one: %s, merged %v", p.GetState(), p.GetMerged())
	}
	if got, want := h.seen()[before:], []string{"pull_request synchronize #1", "pull_request closed #2"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// A merge that was begun and did not move the base branch is none, whatever has come to the branch since.
func TestHealForgetsWhatDidNotHappen(t *testing.T) {
	t.Parallel()
	h := setup(t)
	head := h.branch("job/1", "a.md", "1")
	h.open("job/1", "first")
	other := h.branch("other", "b.md", "1")
	h.db(func(tx *state.Tx) {
		p, _ := tx.Pulls.ByName(state.PullName(1, 1))
		p.Merging = &state.Merging{Old: p.BaseSHA, New: other, HeadSHA: head, ByID: p.AuthorID}
		tx.Pulls.Put(p)
	})
	h.Heal(t.Context())
	if p := h.pull(1); p.GetState() != "open" || p.GetHead().GetSHA() != head {
		t.Errorf("%s at %s", p.GetState(), p.GetHead().GetSHA())
	}
	h.DB.View(func(tx *state.Tx) {
		if p, _ := tx.Pulls.ByName(state.PullName(1, 1)); p.Merging != nil {
			t.Errorf("still merging %+v", p.Merging)
		}
	})
	merged, _, err := h.alice.PullRequests.Merge(hubtest.Within(t), "alice", "reports", 1, "", &github.PullRequestOptions{MergeMethod: "squash"})
	if err != nil || !merged.GetMerged() {
		t.Errorf("%v, %v", merged, err)
	}
}
