package api

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// PromptRequest is what a caller says of a job of kind prompt beside its text. The same
// can stand in config.
type PromptRequest struct {
	Engine   string `json:"engine,omitempty" doc:"The coding agent that does the job; by default the one of the repository's policy, then the server's. A job that says this, or one of the next four fields, and no kind is of kind prompt" maxLength:"63"`
	Provider string `json:"llm_provider,omitempty" doc:"Whose API the engine speaks" maxLength:"63"`
	Model    string `json:"llm_model,omitempty" doc:"The model, as the provider calls it" maxLength:"72"`
	BaseURL  string `json:"llm_base_url,omitempty" doc:"The address of an API that is compatible with the provider's. The repository's policy must name it in prompt.base_urls, unless the engine gets no key or the address is the provider's own" maxLength:"500"`
	MaxTurns int    `json:"max_turns,omitempty" doc:"How many answers the model may give; by default any number within the job's time" minimum:"1" maximum:"1000"`
}

// readPrompt keeps a field until the kind is known. What is wrong with it is said then.
func readPrompt(name string) func(json.RawMessage, *request) error {
	return func(raw json.RawMessage, r *request) error {
		if name == "max_turns" {
			if err := whole(raw, " of turns", 1, githubjobs.MaxTurns, new(int)); err != nil {
				return err
			}
		} else if err := text(raw, new(string)); err != nil {
			return err
		}
		if r.prompt == nil {
			r.prompt = map[string]json.RawMessage{}
		}
		r.prompt[name] = raw
		return nil
	}
}

// foldPrompt puts the fields of PromptRequest where the spec has them. named says that
// the body names a kind.
func (r *request) foldPrompt(named bool) error {
	if len(r.prompt) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(r.prompt))
	if !named && r.spec.Kind != githubjobs.KindPrompt {
		r.spec.Kind = githubjobs.KindPrompt
		if r.spec.ReplayOf != "" {
			r.spec.Config = nil // the settings of another kind
		}
	}
	if r.spec.Kind != githubjobs.KindPrompt {
		return problem.New(problem.InvalidField, "%s is for jobs of kind prompt, not %s; leave it out, or give another kind.", names[0], r.spec.Kind).OfField(names[0])
	}
	config := map[string]json.RawMessage{}
	if len(r.spec.Config) > 0 && json.Unmarshal(r.spec.Config, &config) != nil {
		return problem.New(problem.InvalidField, "config must be an object.").OfField("config")
	}
	for _, name := range names {
		if there, ok := config[name]; ok && r.spec.ReplayOf == "" && !bytes.Equal(bytes.TrimSpace(there), bytes.TrimSpace(r.prompt[name])) {
			return problem.New(problem.InvalidField, "%s is given twice, here and as config.%s; give it once.", name, name).OfField(name)
		}
		config[name] = r.prompt[name]
	}
	raw, err := json.Marshal(config)
	r.spec.Config = raw
	return err
}
