package rest

import (
	"errors"
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

type newPull struct {
	Title               string
	Body                string
	Head                string
	HeadRepo            string `json:"head_repo"`
	Base                string
	Draft               bool
	MaintainerCanModify *bool `json:"maintainer_can_modify"`
	Issue               int
}

func createPull(c *Context) (Response, error) {
	var in newPull
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if err := in.check(); err != nil {
		return Response{}, err
	}
	head, branch, err := c.headOf(in)
	if err != nil {
		return Response{}, err
	}
	if err := c.mayOpenPull(head); err != nil {
		return Response{}, err
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	p, err := c.newPull(git, in, head, branch)
	if err != nil {
		return Response{}, err
	}
	opened := event.PullRequest{Base: c.Event(), Action: "opened", Pull: p}
	c.S.pulls.pointPullRefs(c.Context(), git, []event.Event{opened}, c.S.Log)
	c.Publish(opened)
	c.catchUp(git, head, p)
	body, err := c.fullPull(git, p)
	return Created(body), err
}

func (in newPull) check() error {
	for _, f := range []struct{ name, value string }{{"title", in.Title}, {"head", in.Head}, {"base", in.Base}} {
		if strings.TrimSpace(f.value) == "" {
			return MissingField("PullRequest", f.name)
		}
	}
	if len([]rune(in.Title)) > 256 {
		return invalidPull("title is too long (maximum is 256 characters)")
	}
	if len([]rune(in.Body)) > 65536 {
		return invalidPull("body is too long (maximum is 65536 characters)")
	}
	return nil
}

// invalidPull is GitHub's 422 with a sentence of its own.
func invalidPull(message string) *Error {
	return Invalid("Validation Failed", FieldError{Resource: "PullRequest", Code: "custom", Message: message})
}

func invalidField(field string) *Error {
	return Invalid("Validation Failed", FieldError{Resource: "PullRequest", Field: field, Code: "invalid"})
}

// headOf is the repository and the branch that "branch" or "owner:branch" names.
func (c *Context) headOf(in newPull) (repo state.Repository, branch string, err error) {
	owner, branch, ok := strings.Cut(in.Head, ":")
	if !ok {
		owner, branch = c.Repo.Owner, in.Head
	}
	name := c.Repo.Name
	if in.HeadRepo != "" {
		name = in.HeadRepo
	}
	c.View(func(tx *state.Tx, _ shape.Builder) {
		repo, _ = tx.Repositories.ByName(state.RepositoryName(owner, name))
	})
	if !c.Actor.canSee(repo) {
		return repo, "", invalidField("head")
	}
	return repo, branch, nil
}

// mayOpenPull: who can write the head may ask to merge it; a limited token needs the permission as well, and the run's own token the setting.
func (c *Context) mayOpenPull(head state.Repository) error {
	switch {
	case c.Actor.Limited():
		if err := c.Require(Write("pull_requests")); err != nil {
			return err
		}
	default:
		if err := c.Actor.Allow(head, "pull_requests", "write"); err != nil {
			return err
		}
	}
	if !c.Actor.ByRun() {
		return nil
	}
	if _, struck := c.S.Faults.Strike(faults.ForbidPulls, faults.Occasion{Repository: c.Repo.FullName()}); struck || !c.Repo.Actions.CanApprovePullRequestReviews {
		return Forbidden("GitHub Actions is not permitted to create or approve pull requests.")
	}
	return nil
}

// newPull checks the two branches and stores the pull request.
func (c *Context) newPull(git *gitrepo.Repo, in newPull, head state.Repository, branch string) (p state.Pull, err error) {
	base, err := c.pullTip(git, in.Base, "base")
	if err != nil {
		return p, err
	}
	headSHA, err := c.headTip(git, head, branch)
	if err != nil {
		return p, err
	}
	if err := c.checkAhead(git, base, headSHA, in.Base, in.Head); err != nil {
		return p, err
	}
	now := c.Now()
	err = c.Update(func(tx *state.Tx, _ shape.Builder) error {
		if other, ok := openPullOf(tx, c.Repo.ID, head.ID, branch, in.Base); ok {
			return invalidPull(fmt.Sprintf("A pull request already exists for %s:%s.", head.Owner, other.HeadRef))
		}
		repo, _ := tx.Repositories.Get(c.Repo.ID)
		repo.LastNumber++
		tx.Repositories.Put(repo)
		p = state.Pull{
			ID: tx.Pulls.NextID(), RepositoryID: repo.ID, Number: repo.LastNumber, Title: in.Title, Body: in.Body, AuthorID: c.Actor.User.ID,
			State: "open", Draft: in.Draft, HeadRepositoryID: head.ID, HeadRef: branch, HeadSHA: headSHA, BaseRef: in.Base, BaseSHA: base,
			MaintainerCanModify: head.ID != repo.ID && (in.MaintainerCanModify == nil || *in.MaintainerCanModify),
			CreatedAt:           now, UpdatedAt: now,
		}
		tx.Pulls.Put(p)
		return nil
	})
	return p, err
}

func (c *Context) pullTip(git *gitrepo.Repo, branch, field string) (string, error) {
	ref, err := git.Ref(c.Context(), "refs/heads/"+branch)
	if errors.Is(err, gitrepo.ErrNotFound) || errors.Is(err, gitrepo.ErrBadName) {
		return "", invalidField(field)
	}
	return ref.Commit, err
}

// headTip is the tip of the head, brought over when it lies in another repository.
func (c *Context) headTip(git *gitrepo.Repo, head state.Repository, branch string) (string, error) {
	if head.ID == c.Repo.ID {
		return c.pullTip(git, branch, "head")
	}
	other, err := c.S.Git.Open(head.Owner, head.Name)
	if err != nil {
		return "", err
	}
	sha, err := c.pullTip(other, branch, "head")
	if err != nil {
		return "", err
	}
	return sha, git.Fetch(c.Context(), other, sha)
}

func (c *Context) checkAhead(git *gitrepo.Repo, base, head, baseName, headName string) error {
	in, err := git.IsAncestor(c.Context(), head, base)
	if err != nil {
		return err
	}
	if in {
		return invalidPull(fmt.Sprintf("No commits between %s and %s", baseName, headName))
	}
	if _, err = git.MergeBase(c.Context(), base, head); errors.Is(err, gitrepo.ErrUnrelated) {
		return invalidPull(fmt.Sprintf("The %s branch has no history in common with %s", headName, baseName))
	}
	return err
}

// openPullOf finds the open pull request between two branches: there is at most one.
func openPullOf(tx *state.Tx, repositoryID, headID int64, head, base string) (state.Pull, bool) {
	for p := range tx.OpenPulls(repositoryID) {
		if p.HeadRepositoryID == headID && p.HeadRef == head && p.BaseRef == base {
			return p, true
		}
	}
	return state.Pull{}, false
}

// catchUp handles a head that was pushed or deleted while the pull request was being stored: that push did not find it.
func (c *Context) catchUp(git *gitrepo.Repo, head state.Repository, p state.Pull) {
	if head.ID != c.Repo.ID {
		return
	}
	now := gitrepo.Zero
	if ref, err := git.Ref(c.Context(), "refs/heads/"+p.HeadRef); err == nil {
		now = ref.Commit
	}
	if now == p.HeadSHA {
		return
	}
	var current state.Pull
	c.View(func(tx *state.Tx, _ shape.Builder) { current, _ = tx.Pulls.Get(p.ID) })
	if current.HeadSHA != p.HeadSHA || current.State != "open" {
		return // the push found it after all
	}
	m := refMove{RefChange: gitrepo.RefChange{Ref: "refs/heads/" + p.HeadRef, Old: p.HeadSHA, New: now}, branch: p.HeadRef}
	events, err := c.S.movePulls(c.Event(), m, p.ID)
	if err != nil {
		c.S.Log.ErrorContext(c.Context(), "pull request not brought up to date", "number", p.Number, "error", err)
		return
	}
	c.S.pulls.pointPullRefs(c.Context(), git, events, c.S.Log)
	c.Publish(events...)
}
