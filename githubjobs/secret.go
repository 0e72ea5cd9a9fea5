package githubjobs

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SecretPrefix is how the names of the repository's secrets begin that a task can get at
// all. The task knows them without it.
const SecretPrefix = "AGENT_"

const (
	// MaxSecrets is how many secrets a job can name.
	MaxSecrets = 32
	// MaxSecretName bounds the name of a secret, without the prefix.
	MaxSecretName = 100
)

// secretPattern is GitHub's rule for names of secrets, which it keeps in capitals.
var secretPattern = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// Variables that decide which programs run in the task's environment and how, or by which
// GitHub, its runner and the agent say what the job is. A secret has no business in them.
var (
	takenNames = []string{
		"CDPATH", "CI", "CLASSPATH", "ENV", "GCONV_PATH", "GLOBIGNORE", "HOME", "HOSTALIASES", "HOSTNAME", "IFS", "JAVA_TOOL_OPTIONS", "LANG", "LANGUAGE", "LOCPATH", "LOGNAME", "MAIL", "NLSPATH",
		"NODE_OPTIONS", "NODE_PATH", "OLDPWD", "PATH", "PERL5DB", "PERL5LIB", "PERL5OPT", "PROMPT_COMMAND", "PS4", "PWD", "RUBYLIB", "RUBYOPT", "SHELL", "SHELLOPTS", "SHLVL",
		"TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER", "_", "_JAVA_OPTIONS",
	}
	takenPrefixes = []string{
		"ACTIONS_", "BASH", "DYLD_", "GITHUBJOBS_", "GITHUB_", "GIT_CONFIG", "GIT_DIR", "GIT_EDITOR", "GIT_EXEC", "GIT_EXTERNAL", "GIT_INDEX", "GIT_OBJECT", "GIT_PAGER", "GIT_PROXY", "GIT_SEQUENCE",
		"GIT_SSH", "GIT_TEMPLATE", "GIT_WORK", "JDK_JAVA_", "JOB_", "LC_", "LD_", "MALLOC_", "NPM_CONFIG_", "PYTHON", "RUNNER_",
	}
)

// ValidateSecretName says what is wrong with the name of a secret as jobs and policies
// write it: without SecretPrefix.
func ValidateSecretName(name string) error {
	if plain, ok := strings.CutPrefix(name, SecretPrefix); ok {
		return fmt.Errorf("%.80q is the name in the repository; write it without %s: %q", name, SecretPrefix, plain)
	}
	switch upper := strings.ToUpper(name); {
	case name != upper && secretPattern.MatchString(upper):
		return fmt.Errorf("%.80q must be in capitals, as GitHub keeps names of secrets: %q", name, upper)
	case len(name) > MaxSecretName:
		return fmt.Errorf("%.80q… has %d characters; a secret's name has at most %d", name, len(name), MaxSecretName)
	case !secretPattern.MatchString(name):
		return fmt.Errorf("%.80q is not the name of a secret, which is made of A–Z, 0–9 and _ and does not begin with a digit", name)
	}
	taken := slices.Contains(takenNames, name) || slices.ContainsFunc(takenPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
	if taken {
		return fmt.Errorf("%q would replace a variable that decides how the task's programs run; give the secret another name in the repository", name)
	}
	return nil
}

func (s Spec) validateSecrets() (errs []error) {
	if len(s.Secrets) > MaxSecrets {
		errs = append(errs, fieldErrorf("secrets", "are %d; a job has at most %d", len(s.Secrets), MaxSecrets))
	}
	for i, name := range s.Secrets {
		if err := ValidateSecretName(name); err != nil {
			errs = append(errs, fieldErrorf(fmt.Sprintf("secrets[%d]", i), "%s", err))
		}
	}
	return errs
}
