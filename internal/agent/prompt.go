//go:build unix

package agent

import (
	"maps"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
)

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
