// Package secret picks, out of the secrets that Actions gives to a step, those that a
// job's task may have.
//
// The package imports githubjobs, githubjobs/policy and internal/agent/task.
package secret

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

// Set is what a task gets: values by name, without githubjobs.SecretPrefix.
type Set map[string]string

// Variable is the one in which the workflow gives the repository's secrets to a step.
const Variable = "GITHUBJOBS_SECRETS"

// maxValue is what GitHub takes for one secret, 48 KB, and more.
const maxValue = 64 << 10

// Named picks the secrets of these names out of a JSON object as `toJSON(secrets)` makes
// it. Its error is a *task.Refused, which names all that are missing, and what to do.
func Named(object string, names []string) (Set, error) {
	if len(names) == 0 {
		return nil, nil
	}
	if strings.TrimSpace(object) == "" {
		return nil, task.Lack(fmt.Errorf("the job names secrets (%s), but the workflow gives none to the agent; update run-job.yml in the repository, or give this step the line %s: ${{ toJSON(secrets) }} in its `env`", strings.Join(names, ", "), Variable))
	}
	var given map[string]*string
	if err := json.Unmarshal([]byte(object), &given); err != nil {
		return nil, task.Lack(fmt.Errorf("%s is not a JSON object of texts, as ${{ toJSON(secrets) }} makes it", Variable)) // err may quote a value
	}
	of := map[string]*string{}
	for name, value := range given {
		of[strings.ToUpper(name)] = value // GitHub tells no case apart
	}
	set, errs := Set{}, []error(nil)
	for _, name := range names {
		full := githubjobs.SecretPrefix + name
		switch value := of[full]; {
		case value == nil || *value == "":
			errs = append(errs, fmt.Errorf("the secret %s is not set; add it to the repository or its organisation (Settings → Secrets and variables → Actions → Secrets), or take %s out of the job's secrets", full, name))
		case strings.ContainsRune(*value, 0):
			errs = append(errs, fmt.Errorf("the secret %s holds a NUL character, which no variable can; store it encoded, in base64 for example", full))
		case len(*value) > maxValue:
			errs = append(errs, fmt.Errorf("the secret %s has %d bytes; at most %d are passed on", full, len(*value), maxValue))
		default:
			set[name] = *value
		}
	}
	if len(errs) > 0 {
		return nil, task.Lack(errors.Join(errs...))
	}
	return set, nil
}

// Allowed says which of the names the policy of the branch base does not let jobs have,
// and what to do: a *task.Refused.
func Allowed(names []string, rules policy.SecretRules, base string) error {
	var errs []error
	for _, name := range names {
		if !rules.Allows(name) {
			errs = append(errs, fmt.Errorf("the policy does not let jobs have the secret %s; add it to %s on %s as secrets: {allow: [%s]}, or take it out of the job's secrets", name, policy.Path, base, name))
		}
	}
	return task.Deny(errors.Join(errs...))
}

// Environ is the set as variables of an environment, sorted.
func (s Set) Environ() (environ []string) {
	for _, name := range slices.Sorted(maps.Keys(s)) {
		environ = append(environ, name+"="+s[name])
	}
	return environ
}

// Values are the values of the set.
func (s Set) Values() []string { return slices.Collect(maps.Values(s)) }
