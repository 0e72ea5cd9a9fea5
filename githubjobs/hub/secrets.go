package hub

import (
	"context"
	"errors"

	"github.com/google/go-github/v60/github"
)

// SecretNames lists the names of the Actions secrets that the repository has, its own and
// those of its organisation, for who asks again and again: two REST calls for up to 100 of
// each, which GitHub answers by 304 while nothing has changed. Values can't be read. Secrets of
// environments are not among them; the workflow of jobs uses no environment.
// ErrForbidden, ErrNotFound: the credentials lack *Secrets: read*.
func (r *Repository) SecretNames(ctx context.Context) ([]string, error) {
	ctx = whenChanged(ctx)
	names, err := r.secretNames(ctx, "the repository", r.client.Actions.ListRepoSecrets)
	if err != nil {
		return nil, err
	}
	shared, err := r.secretNames(ctx, "its organisation", r.client.Actions.ListRepoOrgSecrets)
	if errors.Is(err, ErrNotFound) { // Both lists need the same right, and a person's repository has no organisation.
		return names, nil
	}
	return append(names, shared...), err
}

type listSecrets func(ctx context.Context, owner, repo string, opts *github.ListOptions) (*github.Secrets, *github.Response, error)

func (r *Repository) secretNames(ctx context.Context, of string, list listSecrets) (names []string, err error) {
	opts := &github.ListOptions{PerPage: perPage}
	for {
		secrets, res, err := list(ctx, r.cfg.Owner, r.cfg.Name, opts)
		if err != nil {
			return nil, fail(ctx, "list the secrets of "+of, err)
		}
		for _, s := range secrets.Secrets {
			names = append(names, s.Name)
		}
		if opts.Page = res.NextPage; opts.Page == 0 {
			return names, nil
		}
	}
}
