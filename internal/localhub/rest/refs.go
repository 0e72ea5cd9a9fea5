package rest

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var refOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/branches", "repos/list-branches", Read("contents"), listBranches},
	{"GET", "/repos/{owner}/{repo}/branches/{branch...}", "repos/get-branch", Read("contents"), getBranch},
	{"GET", "/repos/{owner}/{repo}/git/ref/{ref...}", "git/get-ref", Read("contents"), getRef},
	{"GET", "/repos/{owner}/{repo}/git/matching-refs/{ref...}", "git/list-matching-refs", Read("contents"), listMatchingRefs},
	{"POST", "/repos/{owner}/{repo}/git/refs", "git/create-ref", Write("contents"), createRef},
	{"PATCH", "/repos/{owner}/{repo}/git/refs/{ref...}", "git/update-ref", Write("contents"), updateRef},
	{"DELETE", "/repos/{owner}/{repo}/git/refs/{ref...}", "git/delete-ref", Write("contents"), deleteRef},
}

func listBranches(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	refs, err := git.Refs(c.Context(), "refs/heads/")
	if err != nil {
		return Response{}, err
	}
	list := []shape.Object{}
	c.View(func(_ *state.Tx, b shape.Builder) {
		for _, ref := range Paginate(c, refs) {
			list = append(list, b.ShortBranch(c.Repo, ref))
		}
	})
	return OK(list), nil
}

func getBranch(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	ref, err := git.Ref(c.Context(), "refs/heads/"+c.Param("branch"))
	if err != nil {
		return Response{}, &Error{Status: 404, Message: "Branch not found"}
	}
	commit, err := git.Commit(c.Context(), ref.SHA)
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Branch(c.Repo, ref, commit) })
	return OK(body), nil
}

func getRef(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	ref, err := git.Ref(c.Context(), "refs/"+c.Param("ref"))
	if err != nil {
		return Response{}, gitError(err)
	}
	return OK(c.ref(ref)), nil
}

func (c *Context) ref(ref gitrepo.Ref) (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Ref(c.Repo, ref) })
	return body
}

// listMatchingRefs answers with all of them at once: GitHub does not page this list.
func listMatchingRefs(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	refs, err := git.Refs(c.Context(), "refs/"+c.Param("ref"))
	if err != nil {
		return Response{}, gitError(err)
	}
	// GitHub gives all of them at once, whatever page is asked for.
	list := make([]shape.Object, 0, len(refs))
	for _, ref := range refs {
		list = append(list, c.ref(ref))
	}
	return OK(list), nil
}

func createRef(c *Context) (Response, error) {
	var in struct{ Ref, SHA string }
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	switch {
	case strings.Count(in.Ref, "/") < 2 || !strings.HasPrefix(in.Ref, "refs/"):
		return Response{}, Invalid("Reference name must start with 'refs/' and contain at least two slashes.")
	case gitrepo.CheckRef(in.Ref) != nil:
		return Response{}, Invalid("Reference name is not valid.")
	case !gitrepo.IsSHA(in.SHA):
		return Response{}, Invalid("The sha parameter must be exactly 40 characters and contain only [0-9a-f].")
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	kind, _, err := git.ObjectType(c.Context(), in.SHA)
	if err != nil {
		return Response{}, Invalid("Object does not exist")
	}
	if err := c.moveRef(git, gitrepo.RefChange{Ref: in.Ref, Old: gitrepo.Zero, New: in.SHA}); err != nil {
		return Response{}, err
	}
	body := c.ref(gitrepo.Ref{Name: in.Ref, SHA: in.SHA, Type: kind})
	c.W.Header().Set("Location", body["url"].(string))
	return Created(body), nil
}

func updateRef(c *Context) (Response, error) {
	var in struct {
		SHA   string
		Force bool
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	name := "refs/" + c.Param("ref")
	old, err := git.Ref(c.Context(), name)
	if err != nil {
		return Response{}, Invalid("Reference does not exist")
	}
	kind, _, err := git.ObjectType(c.Context(), in.SHA)
	if err != nil {
		return Response{}, Invalid("Object does not exist")
	}
	if !in.Force {
		if ok, err := git.IsAncestor(c.Context(), old.Commit, in.SHA); err != nil || !ok {
			return Response{}, Invalid("Update is not a fast forward")
		}
	}
	if err := c.moveRef(git, gitrepo.RefChange{Ref: name, Old: old.SHA, New: in.SHA}); err != nil {
		return Response{}, err
	}
	return OK(c.ref(gitrepo.Ref{Name: name, SHA: in.SHA, Type: kind})), nil
}

func deleteRef(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	name := "refs/" + c.Param("ref")
	old, err := git.Ref(c.Context(), name)
	if err != nil {
		return Response{}, Invalid("Reference does not exist")
	}
	if name == "refs/heads/"+c.Repo.DefaultBranch {
		return Response{}, Invalid("Cannot delete the default branch")
	}
	return NoContent(), c.moveRef(git, gitrepo.RefChange{Ref: name, Old: old.SHA, New: gitrepo.Zero})
}

// moveRef changes a ref, if it is still at its old value, and tells everybody.
func (c *Context) moveRef(git *gitrepo.Repo, change gitrepo.RefChange) error {
	if err := c.mayMove(git, change); err != nil {
		return err
	}
	if hit, ok := c.S.Faults.Strike(faults.RefuseRef, faults.Occasion{Repository: c.Repo.FullName(), Ref: change.Ref}); ok {
		return Invalid(cmp.Or(hit.Reason, "Reference update failed"))
	}
	m, err := c.S.updateRef(c.Context(), git, c.Event(), change)
	switch {
	case errors.Is(err, gitrepo.ErrRefExists):
		return Invalid("Reference already exists")
	case errors.Is(err, gitrepo.ErrRefMoved):
		return Conflict("Reference cannot be updated: it has moved meanwhile")
	case errors.Is(err, gitrepo.ErrNotFound), errors.Is(err, gitrepo.ErrWrongType):
		return Invalid("Object does not exist")
	case err != nil:
		return err
	}
	return m.Made(context.WithoutCancel(c.Context()), change)
}

// mayMove refuses what a limited token may not bring in: changes of workflow files without the workflows permission.
func (c *Context) mayMove(git *gitrepo.Repo, change gitrepo.RefChange) error {
	if c.Repo.Archived {
		return Forbidden("Repository was archived so is read-only.")
	}
	if change.Deleted() || !c.Actor.Limited() || c.Actor.Allow(c.Repo, "workflows", "write") == nil {
		return nil
	}
	path, err := git.WorkflowChange(c.Context(), change.New)
	if err == nil && path != "" {
		return errNotIntegration()
	}
	return err
}

// gitError turns what git did not find into a 404; other errors stay.
func gitError(err error) error {
	if errors.Is(err, gitrepo.ErrNotFound) || errors.Is(err, gitrepo.ErrBadName) || errors.Is(err, gitrepo.ErrWrongType) {
		return NotFound()
	}
	return err
}
