package githubjobs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSecretNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"API_KEY", "A", "_X", "K8S_TOKEN", "GH_TOKEN", "GIT_TOKEN", "PATHS", "HOMEPAGE_KEY", strings.Repeat("A", MaxSecretName)} {
		if err := ValidateSecretName(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for name, want := range map[string]string{
		"AGENT_KEY": `write it without AGENT_: "KEY"`, "api_key": `must be in capitals, as GitHub keeps names of secrets: "API_KEY"`, "": "is not the name", "1A": "is not the name", "A-B": "is not the name",
		"A B": "is not the name", "Ä": "is not the name", "A=B": "is not the name", "A\n": "is not the name", strings.Repeat("A", MaxSecretName+1): "has 101 characters",
		"PATH": "would replace", "HOME": "would replace", "BASH_ENV": "would replace", "BASH_FUNC_X": "would replace", "LD_PRELOAD": "would replace", "LD_LIBRARY_PATH": "would replace", "GITHUB_TOKEN": "would replace",
		"GITHUBJOBS_SECRETS": "would replace", "ACTIONS_RUNTIME_TOKEN": "would replace", "RUNNER_TEMP": "would replace", "JOB_ID": "would replace", "NODE_OPTIONS": "would replace", "PYTHONPATH": "would replace",
		"GIT_SSH_COMMAND": "would replace", "GIT_CONFIG_COUNT": "would replace", "PERL5OPT": "would replace", "IFS": "would replace", "DYLD_INSERT_LIBRARIES": "would replace",
	} {
		if err := ValidateSecretName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

func TestSecretsOfASpec(t *testing.T) {
	t.Parallel()
	given := []string{"B", "A", "B"}
	s := Spec{ID: "a", Kind: KindReport, Base: "main", Prompt: "x", Secrets: given}
	s.Normalize(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))
	if !slices.Equal(s.Secrets, []string{"A", "B"}) || given[0] != "B" || s.Validate() != nil {
		t.Errorf("secrets %q, of %q: %v", s.Secrets, given, s.Validate())
	}
	if again, err := ParseSpec(FormatSpec(s)); err != nil || !slices.Equal(again.Secrets, s.Secrets) {
		t.Errorf("again %+v, %v", again, err)
	}
	s.Secrets = nil
	for i := range MaxSecrets + 1 {
		s.Secrets = append(s.Secrets, fmt.Sprint("S", i))
	}
	if err := s.Validate(); err == nil || !strings.Contains(err.Error(), "secrets: are 33; a job has at most 32") {
		t.Error(err)
	}
}
