package policy

import (
	"strings"
	"testing"
)

func TestSecretRules(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte("secrets: {allow: [API_KEY, DB_*, '*_TOKEN', A*B*C]}"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"API_KEY": true, "API_KEY2": false, "XAPI_KEY": false, "API": false, "DB_": true, "DB_PASSWORD": true, "DB": false, "MY_DB_X": false,
		"GH_TOKEN": true, "_TOKEN": true, "TOKEN": false, "GH_TOKENS": false, "ABC": true, "AxBxBxC": true, "ABCD": false, "ACB": false, "": false,
	} {
		if p.Secrets.Allows(name) != want {
			t.Errorf("%q: %t, want %t", name, !want, want)
		}
	}
	for _, document := range []string{"", "secrets:\n", "secrets: {allow: []}", "merge: {enabled: true}"} {
		if p, err := Parse([]byte(document)); err != nil || p.Secrets.Allows("API_KEY") {
			t.Errorf("%q allows a secret (%v)", document, err)
		}
	}
	for document, want := range map[string]string{
		"secrets: {alow: [A]}":                                  "alow is not a setting",
		"secrets: [A]":                                          "a list stands where a group of settings (name: value) must stand",
		"secrets: {allow: A}":                                   "`A` stands where a list must stand",
		"secrets: {allow: [AGENT_KEY]}":                         `write "AGENT_KEY" without AGENT_, as jobs do: "KEY"`,
		"secrets: {allow: [api_key]}":                           `must be in capitals, as GitHub keeps names of secrets: "API_KEY"`,
		"secrets: {allow: ['A-B']}":                             "is no name of a secret",
		"secrets: {allow: ['']}":                                "is no name of a secret",
		"secrets: {allow: ['A?']}":                              "is no name of a secret",
		"secrets: {allow: ['A*B*C*D*']}":                        "has more than 3 *",
		"secrets: {allow: [" + strings.Repeat("A,", 101) + "]}": "has 101 entries",
	} {
		if _, err := Parse([]byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", document, err, want)
		}
	}
}

// What engines may have as keys, no job gets by naming it.
func TestKeysOfEngines(t *testing.T) {
	t.Parallel()
	p, err := Parse([]byte("secrets: {allow: [DB]}\nprompt: {keys: [ANTHROPIC_*]}"))
	if err != nil {
		t.Fatal(err)
	}
	if p.Secrets.Allows("ANTHROPIC_API_KEY") || !p.AllowsKey("ANTHROPIC_API_KEY") || !p.AllowsKey("DB") || p.AllowsKey("OPENAI_API_KEY") || (Policy{}).AllowsKey("DB") {
		t.Errorf("%+v", p)
	}
	if _, err := Parse([]byte("prompt: {keys: [AGENT_KEY]}")); err == nil || !strings.Contains(err.Error(), `prompt.keys: write "AGENT_KEY" without AGENT_`) {
		t.Error(err)
	}
}
