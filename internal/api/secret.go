package api

import (
	"context"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// secretsProblem says which secret of a new job the policy does not allow; nil where it
// allows all of them, or is not known here: the agent decides in the end.
func (a *api) secretsProblem(ctx context.Context, spec githubjobs.Spec) *problem.Error {
	if len(spec.Secrets) == 0 || a.SecretRules == nil {
		return nil
	}
	rules, known := a.SecretRules(spec.Base)
	at := slices.IndexFunc(spec.Secrets, func(name string) bool { return !rules.Allows(name) })
	if !known || at < 0 {
		return nil
	}
	if spec.Request != "" { // the same request may have made the job when it was allowed
		if _, err := a.Jobs.Facts(ctx, a.Project, spec.ID); err == nil {
			return nil
		}
	}
	name := spec.Secrets[at]
	return problem.New(problem.SecretNotAllowed, "The policy does not let jobs have the secret %s: add it to %s on %s as secrets: {allow: [%s]}, or leave it out. The task gets by it the repository's secret %s%s.",
		name, policy.Path, spec.Base, name, githubjobs.SecretPrefix, name).OfField("secrets")
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
