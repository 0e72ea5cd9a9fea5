package api

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/schedule"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Admission knows which jobs are refused before they are stored, as far as that is known here:
// the agent decides in the end.
type Admission struct {
	// Repository is the address of the job repository on GitHub, for receipts, too.
	Repository string
	// Choose fills in which engine does a job of kind prompt; nil leaves that to the agent.
	// Its errors are a *githubjobs.FieldError, an *engine.NoKeyError, an *engine.AddressError and an *engine.PolicyError.
	Choose func(ctx context.Context, spec *githubjobs.Spec) error
	// SecretRules are those of the policy on a branch, if they are known here; may be nil.
	SecretRules func(branch string) (rules policy.SecretRules, known bool)
	// UnsetSecrets lists those of the names of which it is certain that the repository has no
	// such secret; nil leaves that to the agent.
	UnsetSecrets func(ctx context.Context, names []string) []string
}

// Admit fills in which engine does a job, or says why the job is refused now. Its error is a
// *problem.Error.
func (o Admission) Admit(ctx context.Context, spec *githubjobs.Spec) error {
	if err := o.choose(ctx, spec); err != nil {
		return err
	}
	if p := o.secrets(ctx, *spec); p != nil {
		return p
	}
	return nil
}

// notCreated begins what a caller is told who has asked for a job.
const notCreated = "The job was not created: "

// choose settles which engine does a job of kind prompt, as far as the server knows it.
func (o Admission) choose(ctx context.Context, spec *githubjobs.Spec) error {
	if spec.Kind != githubjobs.KindPrompt || o.Choose == nil {
		return nil
	}
	err := o.Choose(ctx, spec)
	if keyless, ok := errors.AsType[*engine.NoKeyError](err); ok {
		mend := ""
		if len(keyless.Unset) > 0 {
			mend = ", or by the command line: " + o.setSecret(keyless.Unset[0])
		}
		return problem.New(problem.NoModelKey, notCreated+"%s%s", keyless, mend)
	}
	if elsewhere, ok := errors.AsType[*engine.AddressError](err); ok {
		return problem.New(problem.AddressNotAllowed, notCreated+"%s.", elsewhere).OfField("llm_base_url")
	}
	if spoilt, ok := errors.AsType[*engine.PolicyError](err); ok {
		return problem.New(problem.InvalidPolicy, notCreated+"%s. Mend the file as the text says.", spoilt)
	}
	if err == nil {
		err = spec.Validate() // It may have become too long.
	}
	return fieldProblem(err)
}

// secrets says which secret of a new job the policy does not allow, or is not set; nil where
// there is none, or that is not known here.
func (o Admission) secrets(ctx context.Context, spec githubjobs.Spec) *problem.Error {
	if len(spec.Secrets) == 0 {
		return nil
	}
	if p := o.secretNotAllowed(spec); p != nil {
		return p
	}
	return o.secretNotSet(ctx, spec.Secrets)
}

func (o Admission) secretNotAllowed(spec githubjobs.Spec) *problem.Error {
	if o.SecretRules == nil {
		return nil
	}
	rules, known := o.SecretRules(spec.Base)
	at := slices.IndexFunc(spec.Secrets, func(name string) bool { return !rules.Allows(name) })
	if !known || at < 0 {
		return nil
	}
	name := spec.Secrets[at]
	return problem.New(problem.SecretNotAllowed, "The policy does not let jobs have the secret %s: add it to %s on %s as secrets: {allow: [%s]}, or leave it out. The task gets by it the repository's secret %s%s.",
		name, policy.Path, spec.Base, name, githubjobs.SecretPrefix, name).OfField("secrets")
}

func (o Admission) secretNotSet(ctx context.Context, names []string) *problem.Error {
	if o.UnsetSecrets == nil {
		return nil
	}
	unset := o.UnsetSecrets(ctx, names)
	if len(unset) == 0 {
		return nil
	}
	name := unset[0]
	return problem.New(problem.SecretNotSet, "The repository has no secret %s%s, which the job names as %s: set it in the repository or its organisation (Settings → Secrets and variables → Actions → Secrets), or by the command line: %s; or leave %s out.",
		githubjobs.SecretPrefix, name, name, o.setSecret(name), name).OfField("secrets")
}

// setSecret is the command that sets a secret, named without prefix.
func (o Admission) setSecret(name string) string {
	return fmt.Sprintf("gh secret set %s%s --repo %s", githubjobs.SecretPrefix, name, o.Repository)
}

// admitPlan refuses a schedule whose jobs would be refused now. Which branch they begin from may
// not be known yet; then their ticks decide.
func (a *api) admitPlan(ctx context.Context, name string, plan store.Plan) error {
	if plan.Job.Kind != githubjobs.KindPrompt && len(plan.Job.Secrets) == 0 {
		return nil // nobody waits for the name of a base
	}
	base := plan.Job.Base
	if base == "" {
		var err error
		if base, err = a.Base(ctx); err != nil || base == "" {
			return nil
		}
	}
	spec := schedule.Sample(name, plan, base)
	err := a.Admit(ctx, &spec)
	if p, ok := errors.AsType[*problem.Error](err); ok {
		p.Message = "The schedule was not saved, since each of its jobs would be refused now: " + strings.TrimPrefix(p.Message, notCreated)
		if p.Field != "" {
			p.Field = "job." + p.Field
		}
	}
	return err
}
