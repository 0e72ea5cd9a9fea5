package server

import (
	"errors"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
)

// prompt is what the server chooses for jobs of kind prompt.
func (c Config) prompt() githubjobs.PromptConfig {
	return githubjobs.PromptConfig{Engine: c.PromptEngine, Provider: c.PromptProvider, Model: c.PromptModel, BaseURL: c.PromptBaseURL, MaxTurns: c.PromptMaxTurns}
}

func (c Config) validatePrompt() (problems []error) {
	choice := c.prompt()
	errs := choice.Validate()
	if choice.Engine != githubjobs.EngineCustom && len(errs) == 0 { // the command of that stands in the repository
		if _, err := engine.Choose(nil, choice); err != nil {
			errs = append(errs, err)
		}
	}
	for _, err := range errs {
		if f, ok := errors.AsType[*githubjobs.FieldError](err); ok {
			problems = append(problems, wrongf("PROMPT_"+strings.ToUpper(f.Field), "%s", f.Message))
		}
	}
	return problems
}
