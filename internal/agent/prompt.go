//go:build unix

package agent

import (
	"fmt"
	"maps"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
)

// keysMissing says why it is not known which key a coding agent may have got: the step
// that gave it one had the repository's secrets, and this one must have them too.
func (j job) keysMissing() error {
	if j.spec.Kind != githubjobs.KindPrompt || strings.TrimSpace(j.config.Secrets) != "" {
		return nil
	}
	if c, err := j.spec.PromptConfig(); err == nil && c.Engine == githubjobs.EngineCustom {
		return nil // gets no key but those that the job names
	}
	return fmt.Errorf("the coding agent of the job had a key, which the result must not hold, but the workflow does not give it to this step; update run-job.yml in the repository, or give this step the line %s: ${{ toJSON(secrets) }} in its `env`", secret.Variable)
}

// withKeys adds the keys that a coding agent may have got to the secrets which the result
// is searched for: whichever it was, none may get out.
func (j job) withKeys(set secret.Set) secret.Set {
	if j.spec.Kind != githubjobs.KindPrompt {
		return set
	}
	all := secret.Set{}
	for _, key := range engine.Keys() {
		if one, err := secret.Named(j.config.Secrets, []string{key}); err == nil {
			maps.Copy(all, one)
		}
	}
	maps.Copy(all, set)
	return all
}
