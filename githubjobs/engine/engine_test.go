package engine

import (
	"encoding/json"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// every is a choice for each provider of each engine, with all settings and with none.
func every(test func(e Engine, s Settings)) {
	for _, e := range All() {
		for _, p := range append(e.Providers, Provider{}) {
			for _, c := range []githubjobs.PromptConfig{{}, {Model: "m/1:x@2", BaseURL: "https://h:1/v1", MaxTurns: 7}} {
				if c.Engine, c.Provider = e.Name, p.Name; p.Name == "" && len(e.Providers) > 0 || len(p.Needs) > 0 && c.Model == "" {
					continue
				}
				s := Settings{PromptConfig: c, Home: "/h"}
				if len(p.Keys) > 0 {
					s.Key, s.KeyValue = p.Keys[0], "value"
				}
				test(e, s)
			}
		}
	}
}

// The table is data: whatever stands in it, it must be filled in without an error, and JSON
// must come out where JSON is meant.
func TestEveryEngineCanBeInvoked(t *testing.T) {
	t.Parallel()
	every(func(e Engine, s Settings) {
		in, err := e.Invoke(s)
		if err != nil {
			t.Fatalf("%s: %v", e.Name, err)
		}
		for _, text := range append(slices.Clone(in.Args), in.Environ...) {
			_, value, _ := strings.Cut(text, "=")
			if strings.Contains(text, "{{") || strings.Contains(text, "no value") || strings.HasPrefix(value, "{\"") && !json.Valid([]byte(value)) {
				t.Errorf("%s %+v: %s", e.Name, s, text)
			}
		}
		for name, content := range in.Files {
			if strings.HasPrefix(content, "{") && !json.Valid([]byte(content)) {
				t.Errorf("%s %+v: %s holds %s", e.Name, s, name, content)
			}
		}
		all := strings.Join(append(in.Args, in.Environ...), "\n")
		if s.Model != "" && !strings.Contains(all, s.Model) || s.BaseURL != "" && !strings.Contains(all, s.BaseURL) {
			t.Errorf("%s does not get its model and address: %s", e.Name, all)
		}
		if slices.ContainsFunc(in.Args, func(arg string) bool { return strings.Contains(arg, "value") }) {
			t.Errorf("%s gets the key as an argument, which every process can read: %v", e.Name, in.Args)
		}
	})
}

func TestTheTable(t *testing.T) {
	t.Parallel()
	exact := regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	var m struct{ Dependencies map[string]string }
	if err := json.Unmarshal(manifest, &m); err != nil {
		t.Fatal(err)
	}
	for _, e := range All() {
		if err := errors.Join(githubjobs.PromptConfig{Engine: e.Name}.Validate()...); err != nil || e.Title == "" {
			t.Errorf("%s: %v", e.Name, err)
		}
		if !slices.Contains(Outputs(), e.Output) {
			t.Errorf("%s has the output %q", e.Name, e.Output)
		}
		if e.Package != "" && !exact.MatchString(e.Version()) {
			t.Errorf("the image has %s in version %q, which is not exact", e.Package, e.Version())
		}
		delete(m.Dependencies, e.Package)
		for _, p := range e.Providers {
			if u, err := url.Parse(p.Address); err != nil || p.Address != "" && (u.Scheme != "https" || u.Host == "" || u.Path != "") || p.Address == "" && !slices.Contains(p.Needs, "llm_base_url") {
				t.Errorf("%s sends the key of %s to %q", e.Name, p.Name, p.Address)
			}
			if len(p.Keys) == 0 {
				t.Errorf("%s has no key for %s", e.Name, p.Name)
			}
			for _, key := range p.Keys {
				if err := githubjobs.ValidateSecretName(key); err != nil {
					t.Error(err)
				}
			}
		}
	}
	if len(m.Dependencies) > 0 {
		t.Errorf("the image installs what no engine names: %v", m.Dependencies)
	}
	if _, ok := Find(Default); !ok {
		t.Errorf("the default is %s", Default)
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	type c = githubjobs.PromptConfig
	for name, test := range map[string]struct {
		allowed []string
		places  []c
		want    c
		err     string // field: and a part of the message
	}{
		"nobody":                        {nil, []c{{}, {}, {}}, c{Engine: "claude-code", Provider: "anthropic"}, ""},
		"the job":                       {nil, []c{{Engine: "codex", Model: "a"}, {Engine: "gemini", Model: "b"}}, c{Engine: "codex", Provider: "openai", Model: "a"}, ""},
		"the policy before the server":  {nil, []c{{}, {Engine: "gemini", Model: "b"}, {Engine: "codex", Model: "c"}}, c{Engine: "gemini", Provider: "google", Model: "b"}, ""},
		"the server":                    {nil, []c{{}, {}, {Engine: "codex", Model: "c", MaxTurns: 9}}, c{Engine: "codex", Provider: "openai", Model: "c", MaxTurns: 9}, ""},
		"a model of another engine":     {nil, []c{{Engine: "codex"}, {Engine: "claude-code", Model: "b", BaseURL: "http://b", MaxTurns: 3}}, c{Engine: "codex", Provider: "openai", MaxTurns: 3}, ""},
		"a model of another provider":   {nil, []c{{Engine: "opencode", Provider: "openai"}, {Engine: "opencode", Provider: "anthropic", Model: "b"}}, c{Engine: "opencode", Provider: "openai"}, ""},
		"the model alone":               {nil, []c{{Model: "a"}, {Engine: "codex", Model: "b"}}, c{Engine: "codex", Provider: "openai", Model: "a"}, ""},
		"a command for custom":          {nil, []c{{}, {Engine: "custom", Command: []string{"x"}}}, c{Engine: "custom", Command: []string{"x"}}, ""},
		"a command that is not for it":  {nil, []c{{Engine: "codex"}, {Command: []string{"x"}}}, c{Engine: "codex", Provider: "openai"}, ""},
		"an engine that there is not":   {nil, []c{{Engine: "cursor"}}, c{}, "engine: \"cursor\" is unknown; use one of claude-code"},
		"an engine that is not allowed": {[]string{"codex"}, []c{{}}, c{}, "engine: claude-code is not among"},
		"a provider of other engines":   {nil, []c{{Provider: "openai"}}, c{}, "llm_provider: claude-code does not speak to \"openai\", but to anthropic; give as engine one of codex, opencode"},
		"a provider of none":            {nil, []c{{Provider: "acme"}}, c{}, "llm_provider: claude-code does not speak to \"acme\", but to anthropic; no engine knows"},
		"an endpoint without address":   {nil, []c{{Engine: "opencode", Provider: "openai-compatible", Model: "m"}}, c{}, "llm_base_url: is missing"},
		"custom without a command":      {nil, []c{{Engine: "custom"}}, c{}, "command: is missing"},
	} {
		choice, err := Choose(test.allowed, test.places...)
		switch got, _ := json.Marshal(choice.PromptConfig); {
		case test.err != "":
			if _, ok := errors.AsType[*FieldError](err); !ok || !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if want, _ := json.Marshal(test.want); err != nil || string(got) != string(want) {
				t.Errorf("%s: %s, %v; want %s", name, got, err, want)
			}
		}
	}
}
