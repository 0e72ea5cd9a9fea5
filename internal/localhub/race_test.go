package localhub

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

// TestPullRequestFollowsTheLastOfManyMoves: whatever the order in which moves of a branch are told, the pull request ends where the branch is.
func TestPullRequestFollowsTheLastOfManyMoves(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, c := hubtest.Within(t), h.alice()
	dir := h.clone(h.token)
	var commits []string
	for i := range 8 {
		commits = append(commits, h.commit(dir, "a.txt", fmt.Sprint(i), "Change"))
		h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/keep/"+itoa(int64(i)))
	}
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/job/x")
	pr, _, err := c.PullRequests.Create(ctx, "alice", "reports",
		&github.NewPullRequest{Title: github.String("Add a"), Head: github.String("job/x"), Base: github.String("main")})
	if err != nil {
		t.Fatal(err)
	}
	var movers sync.WaitGroup
	for _, sha := range commits {
		movers.Go(func() {
			ref := &github.Reference{Ref: github.String("refs/heads/job/x"), Object: &github.GitObject{SHA: &sha}}
			c.Git.UpdateRef(ctx, "alice", "reports", ref, true) // a move that loses against another is refused
		})
	}
	movers.Wait()
	ref, _, err := c.Git.GetRef(ctx, "alice", "reports", "heads/job/x")
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := c.PullRequests.Get(ctx, "alice", "reports", pr.GetNumber())
	if err != nil || got.GetHead().GetSHA() != ref.GetObject().GetSHA() {
		t.Errorf("head is %s, the branch %s, %v", got.GetHead().GetSHA(), ref.GetObject().GetSHA(), err)
	}
}
