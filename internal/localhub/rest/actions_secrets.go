package rest

import (
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var secretOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/actions/secrets/public-key", "actions/get-repo-public-key", Read("secrets"), getSecretKey},
	{"GET", "/repos/{owner}/{repo}/actions/secrets", "actions/list-repo-secrets", Read("secrets"), listSecrets},
	{"GET", "/repos/{owner}/{repo}/actions/secrets/{secret_name}", "actions/get-repo-secret", Read("secrets"), getSecret},
	{"PUT", "/repos/{owner}/{repo}/actions/secrets/{secret_name}", "actions/create-or-update-repo-secret", Write("secrets"), putSecret},
	{"DELETE", "/repos/{owner}/{repo}/actions/secrets/{secret_name}", "actions/delete-repo-secret", Write("secrets"), deleteSecret},
	{"GET", "/repos/{owner}/{repo}/actions/organization-secrets", "actions/list-repo-organization-secrets", Read("secrets"), listOrganizationSecrets},
}

func getSecretKey(c *Context) (Response, error) {
	id, key := c.S.Actions.SecretKey()
	return OK(shape.Object{"key_id": id, "key": key}), nil
}

// secret is what may be seen of a secret.
func secret(s state.Secret) shape.Object {
	return shape.Object{"name": s.Name, "created_at": shape.Time(s.CreatedAt), "updated_at": shape.Time(s.UpdatedAt)}
}

func listSecrets(c *Context) (Response, error) {
	list := []shape.Object{}
	c.View(func(tx *state.Tx, _ shape.Builder) {
		for s := range tx.Secrets.Of(c.Repo.ID) {
			list = append(list, secret(s))
		}
	})
	total := len(list)
	return OK(shape.Object{"total_count": total, "secrets": Paginate(c, list)}), nil
}

// listOrganizationSecrets lists those that the repository has of its organisation.
func listOrganizationSecrets(c *Context) (Response, error) {
	list := []shape.Object{}
	c.View(func(tx *state.Tx, _ shape.Builder) {
		for s := range tx.OrganizationSecrets.Of(c.Repo.OwnerID) {
			list = append(list, secret(state.Secret{Name: s.Name, CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt}))
		}
	})
	total := len(list)
	return OK(shape.Object{"total_count": total, "secrets": Paginate(c, list)}), nil
}

func getSecret(c *Context) (res Response, err error) {
	err = NotFound()
	c.View(func(tx *state.Tx, _ shape.Builder) {
		if s, ok := tx.Secrets.ByName(state.SettingName(c.Repo.ID, c.Param("secret_name"))); ok {
			res, err = OK(secret(s)), nil
		}
	})
	return res, err
}

func putSecret(c *Context) (Response, error) {
	var in struct {
		EncryptedValue string `json:"encrypted_value"`
		KeyID          string `json:"key_id"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	value, err := c.S.Actions.OpenSecret(in.KeyID, in.EncryptedValue)
	if err != nil {
		return Response{}, Invalid(err.Error())
	}
	name := strings.ToUpper(c.Param("secret_name"))
	if err := checkSetting(name, value); err != nil {
		return Response{}, err
	}
	answer := NoContent()
	err = c.Update(func(tx *state.Tx, _ shape.Builder) error {
		s, ok := tx.Secrets.ByName(state.SettingName(c.Repo.ID, name))
		if !ok {
			s = state.Secret{ID: tx.Secrets.NextID(), RepositoryID: c.Repo.ID, Name: name, CreatedAt: c.Now()}
			answer = Created(shape.Object{})
		}
		s.Value, s.UpdatedAt = value, c.Now()
		tx.Secrets.Put(s)
		return nil
	})
	return answer, err
}

func deleteSecret(c *Context) (Response, error) {
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		s, ok := tx.Secrets.ByName(state.SettingName(c.Repo.ID, c.Param("secret_name")))
		if !ok {
			return NotFound()
		}
		tx.Secrets.Delete(s.ID)
		return nil
	})
	return NoContent(), err
}
