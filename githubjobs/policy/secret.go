package policy

import (
	"fmt"
	"regexp"
	"strings"
)

// SecretRules say which of the repository's secrets jobs may have. The zero value
// allows none.
type SecretRules struct {
	// Allow are names of secrets as jobs write them, without the prefix AGENT_; a `*` in
	// one stands for any characters, or none.
	Allow []string `yaml:"allow"`
}

var secretGlob = regexp.MustCompile(`^[A-Z_*][A-Z0-9_*]*$`)

// Allows says whether jobs may have the secret of that name.
func (r SecretRules) Allows(name string) bool {
	for _, glob := range r.Allow {
		if matchStar(glob, name) {
			return true
		}
	}
	return false
}

// matchStar matches a whole name against a glob whose only sign is the star.
func matchStar(glob, name string) bool {
	first, rest, star := strings.Cut(glob, "*")
	if !star {
		return glob == name
	}
	name, ok := strings.CutPrefix(name, first)
	if !ok {
		return false
	}
	for at := 0; at <= len(name); at++ {
		if matchStar(rest, name[at:]) {
			return true
		}
	}
	return false
}

// maxSecretRules and maxSecretGlob bound the work of matching.
const (
	maxSecretRules = 100
	maxSecretGlob  = 100
	maxStars       = 3
)

// AllowsKey says whether the engine of a job may have the key of that name: by PromptRules.Keys,
// or as any job may.
func (p Policy) AllowsKey(name string) bool {
	return p.Secrets.Allows(name) || SecretRules{p.Prompt.Keys}.Allows(name)
}

// validate says what is wrong with the list, whose key in the policy is given.
func (r SecretRules) validate(key string) (errs []error) {
	if len(r.Allow) > maxSecretRules {
		errs = append(errs, fmt.Errorf("%s has %d entries; at most %d are taken", key, len(r.Allow), maxSecretRules))
	}
	for _, glob := range r.Allow {
		switch upper := strings.ToUpper(glob); {
		case strings.HasPrefix(glob, "AGENT_"):
			errs = append(errs, fmt.Errorf("%s: write %q without AGENT_, as jobs do: %q", key, glob, strings.TrimPrefix(glob, "AGENT_")))
		case glob != upper && secretGlob.MatchString(upper):
			errs = append(errs, fmt.Errorf("%s: %q must be in capitals, as GitHub keeps names of secrets: %q", key, glob, upper))
		case !secretGlob.MatchString(glob) || len(glob) > maxSecretGlob:
			errs = append(errs, fmt.Errorf("%s: %.120q is no name of a secret: those are made of A–Z, 0–9 and _, and a * stands for any of them", key, glob))
		case strings.Count(glob, "*") > maxStars:
			errs = append(errs, fmt.Errorf("%s: %q has more than %d *", key, glob, maxStars))
		}
	}
	return errs
}
