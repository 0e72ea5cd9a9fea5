package fetch

import (
	"context"
	"errors"
	"fmt"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

// secrets keeps for the run step those of the repository's secrets that the job names, if
// the policy on the base branch lets it have all of them, and the key that its kind needs.
func (s Step) secrets(ctx context.Context) error {
	chooser, chooses := s.Kind.(task.Chooser)
	if len(s.Spec.Secrets) == 0 && !chooses {
		return nil
	}
	rules, err := s.policy(ctx)
	if err == nil {
		err = secret.Allowed(s.Spec.Secrets, rules.Secrets, s.Spec.Base)
	}
	if err != nil {
		return err
	}
	set, err := secret.Named(s.Config.Secrets, s.Spec.Secrets)
	if err == nil && chooses {
		set, err = s.choose(chooser, rules, set)
	}
	if err != nil {
		return err
	}
	return s.Dir.SaveSecrets(set)
}

// choose adds to the job's secrets the key that its kind needs.
func (s Step) choose(chooser task.Chooser, rules policy.Policy, set secret.Set) (secret.Set, error) {
	anyOf, mend, err := chooser.Choose(s.Spec, rules, s.Dir.Inputs())
	if err != nil || len(anyOf) == 0 {
		return set, err
	}
	return set.WithOne(s.Config.Secrets, anyOf, rules.AllowsKey, mend)
}

// policy reads the policy where the merge gate reads it. No policy allows nothing.
func (s Step) policy(ctx context.Context) (rules policy.Policy, err error) {
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
		return rules, fmt.Errorf("the job needs secrets, and the policy that could allow them can't be read from %s: %w", s.Spec.Base, err)
	}
	p, err := policy.Parse(document)
	if err != nil {
		return rules, task.Deny(fmt.Errorf("the job needs secrets, and the policy that could allow them, on %s, is not valid: %w", s.Spec.Base, err))
	}
	return p, nil
}
