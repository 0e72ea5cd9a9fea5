package rest

import (
	"cmp"

	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// getPermission says what somebody may do in the repository. Of a public one everybody may read. GitHub lets only those ask who may push.
func getPermission(c *Context) (Response, error) {
	if role := c.Actor.role(c.Repo); !c.Actor.Limited() && role != "admin" && role != "write" {
		return Response{}, Forbidden("Must have push access to view collaborator permission.")
	}
	var body shape.Object
	c.View(func(tx *state.Tx, b shape.Builder) {
		u, known := tx.Users.ByName(state.UserName(c.Param("username")))
		if !known || u.Type == state.TypeOrganization {
			return
		}
		role := permissionOf(c.Repo, u)
		body = shape.Object{"permission": role, "role_name": role, "user": b.Collaborator(u, role)}
	})
	if body == nil {
		return Response{}, &Error{Status: 404, Message: c.Param("username") + " is not a user"}
	}
	return OK(body), nil
}

// permissionOf is one of admin, write, read, none.
func permissionOf(r state.Repository, u state.User) string {
	switch {
	case u.ID == r.OwnerID || u.SiteAdmin:
		return "admin"
	case r.Collaborators[u.ID] == "" && !r.Private:
		return "read"
	}
	return cmp.Or(r.Collaborators[u.ID], "none")
}
