package rest

import (
	"maps"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var appOperations = []Operation{
	{"GET", "/app", "apps/get-authenticated", AppJWT(), getApp},
	{"GET", "/app/installations", "apps/list-installations", AppJWT(), listInstallations},
	{"GET", "/app/installations/{installation_id}", "apps/get-installation", AppJWT(), getInstallation},
	{"POST", "/app/installations/{installation_id}/access_tokens", "apps/create-installation-access-token", AppJWT(), createInstallationToken},
	{"GET", "/repos/{owner}/{repo}/installation", "apps/get-repo-installation", AppJWT(), getRepositoryInstallation},
	{"DELETE", "/installation/token", "apps/revoke-installation-access-token", Authenticated(), revokeToken},
}

func getApp(c *Context) (Response, error) {
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.App(c.Actor.App) })
	return OK(body), nil
}

func listInstallations(c *Context) (Response, error) {
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		for in := range tx.Installations.Of(c.Actor.App.ID) {
			list = append(list, b.Installation(in))
		}
	})
	return OK(Paginate(c, list)), nil
}

// installation finds one of the App's installations.
func (c *Context) installation() (in state.Installation, err error) {
	id, err := c.ID("installation_id")
	if err != nil {
		return in, err
	}
	err = NotFound()
	c.View(func(tx *state.Tx, _ shape.Builder) {
		if found, ok := tx.Installations.Get(id); ok && found.AppID == c.Actor.App.ID {
			in, err = found, nil
		}
	})
	return in, err
}

func getInstallation(c *Context) (Response, error) {
	in, err := c.installation()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Installation(in) })
	return OK(body), nil
}

func getRepositoryInstallation(c *Context) (Response, error) {
	var body shape.Object
	c.View(func(tx *state.Tx, b shape.Builder) {
		for in := range tx.Installations.Of(c.Actor.App.ID) {
			if in.AccountID == c.Repo.OwnerID && (in.RepositoryIDs == nil || slices.Contains(in.RepositoryIDs, c.Repo.ID)) {
				body = b.Installation(in)
			}
		}
	})
	if body == nil {
		return Response{}, NotFound()
	}
	return OK(body), nil
}

// tokenRequest narrows an installation token.
type tokenRequest struct {
	Repositories  []string          `json:"repositories"`
	RepositoryIDs []int64           `json:"repository_ids"`
	Permissions   map[string]string `json:"permissions"`
}

// createInstallationToken gives a token for one hour, with the installation's permissions and repositories or fewer.
func createInstallationToken(c *Context) (Response, error) {
	in, err := c.installation()
	if err != nil {
		return Response{}, err
	}
	var want tokenRequest
	if err := c.Decode(&want); err != nil {
		return Response{}, err
	}
	permissions, err := narrow(in.Permissions, want.Permissions)
	if err != nil {
		return Response{}, err
	}
	token := state.Token{Kind: state.TokenInstallation, UserID: c.Actor.App.BotID, InstallationID: in.ID, Permissions: permissions,
		CreatedAt: c.Now(), ExpiresAt: c.Now().Add(time.Hour)}
	var secret string
	body := shape.Object{}
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		var err error
		if token.RepositoryIDs, err = want.repositories(tx, in); err != nil {
			return err
		}
		secret = tx.NewToken(token)
		if token.RepositoryIDs != nil {
			list := []shape.Object{}
			for _, id := range token.RepositoryIDs {
				r, _ := tx.Repositories.Get(id)
				list = append(list, b.Repository(r))
			}
			body["repositories"] = list
		}
		return nil
	})
	body["token"], body["expires_at"], body["permissions"] = secret, shape.Time(token.ExpiresAt), permissions
	body["repository_selection"] = shape.Selection(token.RepositoryIDs)
	return Created(body), err
}

// narrow is what is asked for, if the installation has it all.
func narrow(has, want map[string]string) (map[string]string, error) {
	if len(want) == 0 {
		has = maps.Clone(has)
		has["metadata"] = "read"
		return has, nil
	}
	for name, level := range want {
		if have := has[name]; have != level && have != "write" && !(name == "metadata" && level == "read") {
			return nil, Invalid("The permissions requested are not granted to this installation.")
		}
	}
	want["metadata"] = "read"
	return want, nil
}

// repositories are those asked for, if the installation has them all; nil: all that it has.
func (want tokenRequest) repositories(tx *state.Tx, in state.Installation) ([]int64, error) {
	ids := slices.Clone(want.RepositoryIDs)
	account, _ := tx.Users.Get(in.AccountID)
	for _, name := range want.Repositories {
		r, ok := tx.Repositories.ByName(state.RepositoryName(account.Login, name))
		if !ok {
			return nil, errNoSuchRepository()
		}
		ids = append(ids, r.ID)
	}
	for _, id := range ids {
		r, ok := tx.Repositories.Get(id)
		if !ok || r.OwnerID != in.AccountID || in.RepositoryIDs != nil && !slices.Contains(in.RepositoryIDs, id) {
			return nil, errNoSuchRepository()
		}
	}
	if ids == nil {
		return in.RepositoryIDs, nil
	}
	return ids, nil
}

func errNoSuchRepository() *Error {
	return Invalid("There is at least one repository that does not exist or is not accessible to the parent installation.")
}

func revokeToken(c *Context) (Response, error) {
	if !c.Actor.Limited() {
		return Response{}, errNotIntegration()
	}
	return NoContent(), c.Update(func(tx *state.Tx, _ shape.Builder) error {
		tx.Tokens.Delete(c.Actor.Token.ID)
		return nil
	})
}
