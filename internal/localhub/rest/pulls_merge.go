package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

type mergeRequest struct {
	CommitTitle   *string `json:"commit_title"`
	CommitMessage *string `json:"commit_message"`
	SHA           string  `json:"sha"`
	Method        string  `json:"merge_method"`
}

// notMergeable is GitHub's 405.
func notMergeable(message string) *Error {
	return &Error{Status: http.StatusMethodNotAllowed, Message: message}
}

const (
	cannotMerge = "Pull Request is not mergeable"
	baseMoved   = "Base branch was modified. Review and try the merge again."
	headMoved   = "Head branch was modified. Review and try the merge again."
)

func mergePull(c *Context) (Response, error) {
	in := mergeRequest{Method: "merge"}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if err := c.methodAllowed(in.Method); err != nil {
		return Response{}, err
	}
	release, err := c.S.pulls.turn(c.Context(), c.Repo.ID)
	if err != nil {
		return Response{}, err
	}
	defer release()
	p, git, err := c.pullAndGit()
	if err != nil {
		return Response{}, err
	}
	switch {
	case p.State != "open":
		return Response{}, notMergeable(cannotMerge)
	case p.Draft:
		return Response{}, notMergeable("Pull Request is still a draft")
	case in.SHA != "" && in.SHA != p.HeadSHA:
		return Response{}, Conflict(headMoved)
	}
	switch {
	case p.Enqueued():
		return Response{}, notMergeable("Pull Request is in the merge queue")
	case c.Repo.Protections[p.BaseRef].MergeQueue:
		return Response{}, notMergeable(queueOnly)
	}
	m := merge{c: c, git: git, p: p, in: in}
	sha, err := m.do()
	if err != nil {
		return Response{}, err
	}
	return OK(shape.Object{"sha": sha, "merged": true, "message": "Pull Request successfully merged"}), nil
}

func (c *Context) methodAllowed(method string) error {
	allowed, name := map[string]bool{
		"merge": c.Repo.AllowMergeCommit, "squash": c.Repo.AllowSquashMerge, "rebase": c.Repo.AllowRebaseMerge,
	}, map[string]string{"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}
	may, known := allowed[method]
	switch {
	case !known:
		return Invalid("Validation Failed", FieldError{Resource: "PullRequest", Field: "merge_method", Code: "invalid"})
	case !may:
		return notMergeable(name[method] + " are not allowed on this repository.")
	}
	return nil
}

// merge is one merge under way.
type merge struct {
	c   *Context
	git *gitrepo.Repo
	p   state.Pull
	in  mergeRequest
}

// do makes the commits, moves the base branch, marks the pull request and tells everybody.
func (m *merge) do() (sha string, err error) {
	c := m.c
	base, err := m.git.Ref(c.Context(), "refs/heads/"+m.p.BaseRef)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return "", notMergeable(cannotMerge)
	} else if err != nil {
		return "", err
	}
	if err := c.unprotected(m.git, m.p, base.Commit); err != nil {
		return "", err
	}
	sha, err = m.commit(base.Commit)
	if conflicts(err) {
		return "", notMergeable(cannotMerge)
	} else if err != nil {
		return "", err
	}
	if err := m.checkWorkflows(base.Commit, sha); err != nil {
		return "", err
	}
	return sha, m.land(gitrepo.RefChange{Ref: "refs/heads/" + m.p.BaseRef, Old: base.Commit, New: sha})
}

// land moves the base branch and makes the state say so. Between the two a process can be killed; Heal finds what it was about to do. A client that
// goes away in between changes nothing.
func (m *merge) land(change gitrepo.RefChange) error {
	s, ctx, who := m.c.S, context.WithoutCancel(m.c.Context()), m.c.Event()
	err := s.setMerging(m.p.ID, &state.Merging{
		Old: change.Old, New: change.New, HeadSHA: m.p.HeadSHA, ByID: who.Sender.ID, ByRunToken: who.ByRunToken, InstallationID: who.InstallationID,
	})
	if err != nil {
		return err
	}
	if err := m.git.UpdateRefs(ctx, gitrepo.RefUpdate{Ref: change.Ref, New: change.New, Old: change.Old}); err != nil {
		if errors.Is(err, gitrepo.ErrRefMoved) {
			err = notMergeable(baseMoved)
		}
		return errors.Join(err, s.setMerging(m.p.ID, nil))
	}
	return s.merged(ctx, who, m.p, change)
}

// commit makes what is to become the tip of the base branch.
func (m *merge) commit(base string) (sha string, err error) {
	ctx := m.c.Context()
	log, err := m.git.Log(ctx, gitrepo.LogOptions{Tip: m.p.HeadSHA, Not: base, OldestFirst: true})
	if err != nil {
		return "", err
	}
	if len(log) == 0 {
		return "", notMergeable(cannotMerge)
	}
	actor := m.c.Signature()
	github := gitrepo.Signature{Name: "GitHub", Email: "noreply@github.com", When: actor.When}
	text, author := m.text(log, actor)
	commit := gitrepo.NewCommit{Author: author, Committer: github, Message: text}
	switch m.in.Method {
	case "merge":
		return m.git.Merge(ctx, base, m.p.HeadSHA, commit)
	case "squash":
		return m.git.Squash(ctx, base, m.p.HeadSHA, commit)
	}
	if len(log) > maxRebase {
		return "", notMergeable(fmt.Sprintf("This branch can't be rebased: it has more than %d commits", maxRebase))
	}
	sha, err = m.git.Rebase(ctx, base, m.p.HeadSHA, actor)
	if errors.Is(err, gitrepo.ErrDiffers) {
		return "", notMergeable("This branch can't be rebased")
	}
	if err == nil && sha == base {
		err = notMergeable(cannotMerge) // base has all of it already
	}
	return sha, err
}

// checkWorkflows: a token without the workflows permission may not bring changed workflow files to the base branch.
func (m *merge) checkWorkflows(base, result string) error {
	if !m.c.Actor.Limited() || m.c.Actor.Token.Permissions["workflows"] == "write" {
		return nil
	}
	var folder [2]string
	for i, sha := range []string{base, result} {
		var err error
		folder[i], err = m.git.PathSHA(m.c.Context(), sha, ".github/workflows")
		if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
			return err
		}
	}
	if folder[0] == folder[1] {
		return nil
	}
	files, err := m.git.Diff(m.c.Context(), base, result, false)
	if err != nil {
		return err
	}
	return Forbidden(gitrepo.WorkflowRefusal(firstWorkflow(files)))
}
