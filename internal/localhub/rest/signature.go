package rest

import (
	"cmp"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// signature is how an account signs commits that are made through the API.
func signature(u state.User, when time.Time) gitrepo.Signature {
	email := cmp.Or(u.Email, fmt.Sprintf("%d+%s@users.noreply.github.com", u.ID, u.Login))
	return gitrepo.Signature{Name: cmp.Or(u.Name, u.Login), Email: email, When: when}
}

// Signature is how the actor signs commits that are made through the API.
func (c *Context) Signature() gitrepo.Signature { return signature(c.Actor.User, c.Now()) }
