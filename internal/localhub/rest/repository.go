package rest

import (
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var repositoryOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}", "repos/get", Read("metadata"), getRepository},
}

func getRepository(c *Context) (Response, error) {
	return OK(c.repository()), nil
}

// repository is c.Repo as this actor sees it.
func (c *Context) repository() (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.FullRepository(c.Repo) })
	if !c.Actor.Anonymous() {
		body["permissions"] = c.Actor.permissions(c.Repo)
	}
	return body
}

// permissions is the "permissions" object of a repository.
func (a Actor) permissions(repo state.Repository) map[string]bool {
	can := func(name, level string) bool { return a.Allow(repo, name, level) == nil }
	admin, push := can("administration", "write"), can("contents", "write")
	return map[string]bool{"admin": admin, "maintain": admin, "push": push, "triage": push, "pull": can("contents", "read")}
}
