package shape

import (
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Collaborator is a user with what this role lets do in a repository.
func (b Builder) Collaborator(u state.User, role string) Object {
	o := b.User(u)
	all := []string{"none", "read", "write", "admin"}
	has := func(needed string) bool { return slices.Index(all, role) >= slices.Index(all, needed) }
	o["role_name"] = role
	o["permissions"] = Object{"pull": has("read"), "triage": has("write"), "push": has("write"), "maintain": has("admin"), "admin": has("admin")}
	return o
}
