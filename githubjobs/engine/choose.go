package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Choice is a choice that can be carried out.
type Choice struct {
	githubjobs.PromptConfig
	// Keys are the variables of which one must hold a key; none where no key is needed.
	Keys []string
}

// FieldError says which setting of a choice is wrong; it is that of githubjobs.
type FieldError = githubjobs.FieldError

func wrong(field, format string, args ...any) error {
	return &FieldError{Field: field, Message: fmt.Sprintf(format, args...)}
}

// Choose makes a choice of what several places say, the most particular first: the job,
// the repository's policy, the server. allowed are the engines that jobs of the
// repository may have; none for all. Its errors are FieldErrors.
func Choose(allowed []string, places ...githubjobs.PromptConfig) (Choice, error) {
	var c githubjobs.PromptConfig
	for _, p := range places {
		c = c.Or(p)
	}
	if c.Engine == "" {
		c = c.Or(githubjobs.PromptConfig{Engine: Default})
	}
	e, ok := Find(c.Engine)
	switch {
	case !ok:
		return Choice{}, wrong("engine", "%.80q is unknown; use one of %s", c.Engine, strings.Join(Names(), ", "))
	case len(allowed) > 0 && !slices.Contains(allowed, c.Engine):
		return Choice{}, wrong("engine", "%s is not among those that the repository's policy lets jobs have (prompt.engines): %s", c.Engine, strings.Join(allowed, ", "))
	case e.Program == "" && len(c.Command) == 0:
		return Choice{}, wrong("command", "is missing; the engine %s needs the program to run, as config.command of the job or prompt.command of .githubjobs.yml: a list such as [\"./agent.sh\", \"{prompt}\"]", e.Name)
	case e.Program != "" && len(c.Command) > 0:
		c.Command = nil // that of another place, for an engine that was not chosen
	}
	return e.provide(c)
}

// provide settles whose API is spoken.
func (e Engine) provide(c githubjobs.PromptConfig) (Choice, error) {
	if len(e.Providers) == 0 {
		return Choice{PromptConfig: c}, nil
	}
	p, ok := e.Provider(c.Provider)
	if !ok {
		return Choice{}, wrong("llm_provider", "%s does not speak to %.80q, but to %s; %s", e.Name, c.Provider, strings.Join(e.providers(), ", "), speakers(c.Provider))
	}
	c.Provider = p.Name
	for setting, given := range map[string]bool{"llm_base_url": c.BaseURL != "", "llm_model": c.Model != ""} {
		if slices.Contains(p.Needs, setting) && !given {
			return Choice{}, wrong(setting, "is missing; the provider %s of %s needs it", p.Name, e.Name)
		}
	}
	return Choice{c, p.Keys}, nil
}

func (e Engine) providers() (names []string) {
	for _, p := range e.Providers {
		names = append(names, p.Name)
	}
	return names
}

// speakers says which engines speak to a provider.
func speakers(provider string) string {
	var names []string
	for _, e := range engines {
		if slices.Contains(e.providers(), provider) {
			names = append(names, e.Name)
		}
	}
	if len(names) == 0 {
		return "no engine knows that provider; an endpoint of your own is llm_provider openai-compatible of the engine opencode with llm_base_url"
	}
	return "give as engine one of " + strings.Join(names, ", ")
}

// NoKeyError: the engine of a choice would have no key for its model.
type NoKeyError struct {
	Choice Choice
	Base   string // the branch whose policy counts
	// Unset are the keys that the policy allows and of which none is set; empty where it
	// allows none.
	Unset []string
}

func (e *NoKeyError) Error() string {
	if len(e.Unset) > 0 {
		return fmt.Sprintf("no key for %s is set, of those that the policy on %s lets jobs have. Set the secret %s of the repository or its organisation (Settings → Secrets and variables → Actions → Secrets)",
			e.Choice.Engine, e.Base, anyOf(e.Unset))
	}
	return fmt.Sprintf("the policy on %s lets jobs have no key for %s. %s", e.Base, e.Choice.Engine, e.Choice.NeedsKey())
}

// PolicyError: no engine can be chosen, for the policy that has a say in it is not valid.
type PolicyError struct {
	Base string // the branch that it is on
	Err  error
}

func (e *PolicyError) Error() string {
	return fmt.Sprintf("no engine can be chosen, for the policy on %s is not valid: %s", e.Base, e.Err)
}

// Unwrap returns what is wrong with the policy.
func (e *PolicyError) Unwrap() error { return e.Err }

// NeedsKey says in words how a key is given to the engine of the choice: which secret is
// set where, and what the policy must say.
func (c Choice) NeedsKey() string {
	return fmt.Sprintf("Set the secret %s of the repository or its organisation (Settings → Secrets and variables → Actions → Secrets), and let engines have it in .githubjobs.yml on the base branch: prompt: {keys: [%s]}",
		anyOf(c.Keys), c.Keys[0])
}

// anyOf names the secrets of keys.
func anyOf(keys []string) string {
	return githubjobs.SecretPrefix + strings.Join(keys, " or "+githubjobs.SecretPrefix)
}
