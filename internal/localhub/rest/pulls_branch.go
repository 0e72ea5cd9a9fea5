package rest

import (
	"context"
	"errors"
	"fmt"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// updatePullBranch merges the base branch into the head.
func updatePullBranch(c *Context) (Response, error) {
	var in struct {
		Expected string `json:"expected_head_sha"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	p, git, err := c.pullAndGit()
	if err != nil {
		return Response{}, err
	}
	switch {
	case p.State != "open":
		return Response{}, Invalid("Pull request is closed")
	case p.HeadRepositoryID != c.Repo.ID:
		return Response{}, Forbidden("Must have push access to the head repository")
	case in.Expected != "" && in.Expected != p.HeadSHA:
		return Response{}, Invalid("expected head sha didn’t match current head ref.")
	}
	if err := c.bringUpToDate(git, p); err != nil {
		return Response{}, err
	}
	var url string
	c.View(func(_ *state.Tx, b shape.Builder) { url = b.RepoHTML(c.Repo, "/pull/%d", p.Number) })
	return Accepted(shape.Object{"message": "Updating pull request branch.", "url": url}), nil
}

func (c *Context) bringUpToDate(git *gitrepo.Repo, p state.Pull) error {
	base, err := pullBase(c.Context(), git, p)
	if err != nil {
		return err
	}
	if in, err := git.IsAncestor(c.Context(), base, p.HeadSHA); err != nil {
		return err
	} else if in {
		return Invalid("There are no new commits on the base branch.")
	}
	who := c.Signature()
	sha, err := git.Merge(c.Context(), p.HeadSHA, base, gitrepo.NewCommit{
		Author: who, Committer: gitrepo.Signature{Name: "GitHub", Email: "noreply@github.com", When: who.When},
		Message: fmt.Sprintf("Merge branch '%s' into %s", p.BaseRef, p.HeadRef),
	})
	if conflicts(err) {
		return Invalid("merge conflict between base and head")
	} else if err != nil {
		return err
	}
	change := gitrepo.RefChange{Ref: "refs/heads/" + p.HeadRef, Old: p.HeadSHA, New: sha}
	m, err := c.S.updateRef(c.Context(), git, c.Event(), change)
	if errors.Is(err, gitrepo.ErrRefMoved) {
		return Invalid("expected head sha didn’t match current head ref.")
	} else if err != nil {
		return err
	}
	return m.Made(context.WithoutCancel(c.Context()), change)
}
