package rest

import (
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var userOperations = []Operation{
	{"GET", "/user", "users/get-authenticated", Authenticated(), getAuthenticatedUser},
	{"GET", "/users/{username}", "users/get-by-username", Anyone(), getUser},
}

func getAuthenticatedUser(c *Context) (Response, error) {
	if c.Actor.Limited() || c.Actor.App.ID != 0 {
		return Response{}, errNotIntegration()
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.FullUser(c.Actor.User) })
	return OK(body), nil
}

func getUser(c *Context) (Response, error) {
	var body shape.Object
	c.View(func(tx *state.Tx, b shape.Builder) {
		if u, ok := tx.Users.ByName(state.UserName(c.Param("username"))); ok {
			body = b.FullUser(u)
		}
	})
	if body == nil {
		return Response{}, NotFound()
	}
	return OK(body), nil
}
