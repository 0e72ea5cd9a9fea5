package api

import (
	"context"
	"fmt"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// secretsProblem says which secret of a new job the policy does not allow, or is not set;
// nil where there is none, or that is not known here: the agent decides in the end.
func (a *api) secretsProblem(ctx context.Context, spec githubjobs.Spec) *problem.Error {
	if len(spec.Secrets) == 0 {
		return nil
	}
	p := a.secretNotAllowed(spec)
	if p == nil {
		p = a.secretNotSet(ctx, spec.Secrets)
	}
	if p != nil && spec.Request != "" { // the same request may have made the job when nothing was wrong
		if _, err := a.Jobs.Facts(ctx, a.Project, spec.ID); err == nil {
			return nil
		}
	}
	return p
}

func (a *api) secretNotAllowed(spec githubjobs.Spec) *problem.Error {
	if a.SecretRules == nil {
		return nil
	}
	rules, known := a.SecretRules(spec.Base)
	at := slices.IndexFunc(spec.Secrets, func(name string) bool { return !rules.Allows(name) })
	if !known || at < 0 {
		return nil
	}
	name := spec.Secrets[at]
	return problem.New(problem.SecretNotAllowed, "The policy does not let jobs have the secret %s: add it to %s on %s as secrets: {allow: [%s]}, or leave it out. The task gets by it the repository's secret %s%s.",
		name, policy.Path, spec.Base, name, githubjobs.SecretPrefix, name).OfField("secrets")
}

func (a *api) secretNotSet(ctx context.Context, names []string) *problem.Error {
	if a.UnsetSecrets == nil {
		return nil
	}
	unset := a.UnsetSecrets(ctx, names)
	if len(unset) == 0 {
		return nil
	}
	name := unset[0]
	return problem.New(problem.SecretNotSet, "The repository has no secret %s%s, which the job names as %s: set it in the repository or its organisation (Settings → Secrets and variables → Actions → Secrets), or by the command line: %s; or leave %s out.",
		githubjobs.SecretPrefix, name, name, a.setSecret(name), name).OfField("secrets")
}

// setSecret is the command that sets a secret, named without prefix.
func (a *api) setSecret(name string) string {
	return fmt.Sprintf("gh secret set %s%s --repo %s", githubjobs.SecretPrefix, name, a.Repository)
}

// batchSecretsProblem is that of the first job of a batch that has one.
func (a *api) batchSecretsProblem(ctx context.Context, b *batchRequest) error {
	for i, spec := range b.specs {
		if p := a.secretsProblem(ctx, spec); p != nil {
			return inField(b.at(i), p)
		}
	}
	return nil
}
