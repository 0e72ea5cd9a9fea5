package rest

import (
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var repositoryOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}", "repos/get", Read("metadata"), getRepository},
	{"PATCH", "/repos/{owner}/{repo}", "repos/update", Write("administration"), updateRepository},
	{"DELETE", "/repos/{owner}/{repo}", "repos/delete", Write("administration"), deleteRepository},
	{"GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", "repos/get-collaborator-permission-level", Read("metadata"), getPermission},
	{"GET", "/user/repos", "repos/list-for-authenticated-user", Authenticated(), listOwnRepositories},
	{"POST", "/user/repos", "repos/create-for-authenticated-user", Authenticated(), createRepository},
	{"GET", "/users/{username}/repos", "repos/list-for-user", Anyone(), listRepositories},
	{"GET", "/orgs/{username}/repos", "repos/list-for-org", Anyone(), listRepositories},
	{"POST", "/orgs/{org}/repos", "repos/create-in-org", Authenticated(), createRepository},
	{"GET", "/installation/repositories", "apps/list-repos-accessible-to-installation", Authenticated(), listInstallationRepositories},
}

func getRepository(c *Context) (Response, error) {
	return OK(c.repository(c.Repo)), nil
}

// repository is repo as this actor sees it.
func (c *Context) repository(repo state.Repository) (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.FullRepository(repo) })
	if !c.Actor.Anonymous() {
		body["permissions"] = c.Actor.permissions(repo)
	}
	return body
}

// permissions is the "permissions" object of a repository.
func (a Actor) permissions(repo state.Repository) map[string]bool {
	can := func(name, level string) bool { return a.Allow(repo, name, level) == nil }
	admin, push := can("administration", "write"), can("contents", "write")
	return map[string]bool{"admin": admin, "maintain": admin, "push": push, "triage": push, "pull": can("contents", "read")}
}

// repositorySettings is what a PATCH may change; absent fields stay as they are.
type repositorySettings struct {
	Description         *string `json:"description"`
	Private             *bool   `json:"private"`
	Visibility          *string `json:"visibility"`
	DefaultBranch       *string `json:"default_branch"`
	Archived            *bool   `json:"archived"`
	AllowMergeCommit    *bool   `json:"allow_merge_commit"`
	AllowSquashMerge    *bool   `json:"allow_squash_merge"`
	AllowRebaseMerge    *bool   `json:"allow_rebase_merge"`
	DeleteBranchOnMerge *bool   `json:"delete_branch_on_merge"`
}

func (in repositorySettings) apply(r *state.Repository) {
	set(&r.Description, in.Description)
	set(&r.Private, in.Private)
	if in.Visibility != nil {
		r.Private = *in.Visibility != "public"
	}
	set(&r.DefaultBranch, in.DefaultBranch)
	set(&r.Archived, in.Archived)
	set(&r.AllowMergeCommit, in.AllowMergeCommit)
	set(&r.AllowSquashMerge, in.AllowSquashMerge)
	set(&r.AllowRebaseMerge, in.AllowRebaseMerge)
	set(&r.DeleteBranchOnMerge, in.DeleteBranchOnMerge)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func updateRepository(c *Context) (Response, error) {
	var in repositorySettings
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.DefaultBranch != nil {
		if err := c.setDefaultBranch(*in.DefaultBranch); err != nil {
			return Response{}, err
		}
	}
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		r, ok := tx.Repositories.Get(c.Repo.ID)
		if !ok {
			return NotFound()
		}
		in.apply(&r)
		r.UpdatedAt = c.Now()
		tx.Repositories.Put(r)
		c.Repo = r
		return nil
	})
	return OK(c.repository(c.Repo)), err
}

func (c *Context) setDefaultBranch(branch string) error {
	git, err := c.Git()
	if err != nil {
		return err
	}
	if _, err := git.Ref(c.Context(), "refs/heads/"+branch); err != nil {
		return Invalid("Validation Failed", FieldError{Resource: "Repository", Field: "default_branch", Code: "invalid",
			Message: "Cannot update default branch for an empty repository or to a branch that does not exist."})
	}
	return git.SetDefaultBranch(c.Context(), branch)
}

func createRepository(c *Context) (Response, error) {
	if c.Actor.Limited() {
		return Response{}, errNotIntegration()
	}
	var in struct {
		RepositoryOptions
		Name string `json:"name"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	owner := c.Actor.User
	if org := c.Param("org"); org != "" {
		c.View(func(tx *state.Tx, _ shape.Builder) { owner, _ = tx.Users.ByName(state.UserName(org)) })
		if owner.Type != state.TypeOrganization {
			return Response{}, NotFound()
		}
	}
	if !gitrepo.ValidName(in.Name) {
		return Response{}, MissingField("Repository", "name")
	}
	repo, err := c.S.CreateRepository(c.Context(), owner, in.Name, in.RepositoryOptions)
	if err != nil {
		return Response{}, err
	}
	return Created(c.repository(repo)), nil
}

func deleteRepository(c *Context) (Response, error) {
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		tx.DeleteRepository(c.Repo.ID)
		return nil
	})
	if err != nil {
		return Response{}, err
	}
	return NoContent(), c.S.Git.Remove(c.Repo.Owner, c.Repo.Name)
}

func listOwnRepositories(c *Context) (Response, error) {
	if c.Actor.Limited() || c.Actor.App.ID != 0 {
		return Response{}, errNotIntegration()
	}
	return OK(Paginate(c, c.repositories(func(r state.Repository) bool { return c.Actor.role(r) != "" }))), nil
}

func listRepositories(c *Context) (Response, error) {
	var owner state.User
	c.View(func(tx *state.Tx, _ shape.Builder) { owner, _ = tx.Users.ByName(state.UserName(c.Param("username"))) })
	if owner.ID == 0 {
		return Response{}, NotFound()
	}
	return OK(Paginate(c, c.repositories(func(r state.Repository) bool { return r.OwnerID == owner.ID && c.Actor.canSee(r) }))), nil
}

func listInstallationRepositories(c *Context) (Response, error) {
	if !c.Actor.Limited() {
		return Response{}, errNotIntegration()
	}
	list := c.repositories(c.Actor.covers)
	return OK(shape.Object{"total_count": len(list), "repository_selection": shape.Selection(c.Actor.Token.RepositoryIDs), "repositories": Paginate(c, list)}), nil
}

// repositories are those that keep says, by full name.
func (c *Context) repositories(keep func(state.Repository) bool) []shape.Object {
	var repos []state.Repository
	c.View(func(tx *state.Tx, _ shape.Builder) { repos = tx.Repositories.All() })
	list := []shape.Object{}
	for _, r := range slices.DeleteFunc(repos, func(r state.Repository) bool { return !keep(r) }) {
		list = append(list, c.listed(r))
	}
	return list
}

// listed is repo in a list: without the settings of merges.
func (c *Context) listed(repo state.Repository) (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Repository(repo) })
	if !c.Actor.Anonymous() {
		body["permissions"] = c.Actor.permissions(repo)
	}
	return body
}
