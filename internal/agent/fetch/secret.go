package fetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
)

// secrets keeps for the run step those of the repository's secrets that the job names, if
// the policy on the base branch lets it have all of them.
func (s Step) secrets(ctx context.Context) error {
	if len(s.Spec.Secrets) == 0 {
		return nil
	}
	rules, err := s.secretRules(ctx)
	if err == nil {
		err = secret.Allowed(s.Spec.Secrets, rules, s.Spec.Base)
	}
	if err != nil {
		return err
	}
	set, err := secret.Named(s.Config.Secrets, s.Spec.Secrets)
	if err != nil {
		return err
	}
	return s.Dir.SaveSecrets(set)
}

// secretRules reads the policy where the merge gate reads it. No policy allows nothing.
func (s Step) secretRules(ctx context.Context) (rules policy.SecretRules, err error) {
	var document []byte
	err = hub.Retry(ctx, hub.Sleep, s.Logger, func() error {
		root, err := s.Repo.Root(ctx, s.Spec.Base)
		if err == nil {
			document, err = s.Repo.File(ctx, root, policy.Path)
		}
		return err
	})
	switch {
	case errors.Is(err, hub.ErrNotFound):
		return rules, nil
	case err != nil:
		return rules, fmt.Errorf("the job names secrets, and the policy that could allow them can't be read from %s: %w", s.Spec.Base, err)
	}
	p, err := policy.Parse(document)
	if err != nil {
		return rules, fmt.Errorf("the job names secrets, and the policy that could allow them, on %s, is not valid: %w", s.Spec.Base, err)
	}
	return p.Secrets, nil
}
