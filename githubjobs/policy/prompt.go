package policy

// PromptRules are for the jobs that a coding agent does.
type PromptRules struct {
	PromptChoice `yaml:",inline"`
	// Engines are those that jobs may have; empty for all.
	Engines []string `yaml:"engines"`
	// Keys are names of secrets, as in SecretRules, that engines may have as the keys of their
	// models, and that no job gets by naming them.
	Keys []string `yaml:"keys"`
	// BaseURLs are addresses to which the key of an engine may be sent, beside BaseURL and the
	// provider's own; see AllowsAddress.
	BaseURLs []string `yaml:"base_urls"`
}

// PromptChoice is what is chosen where a job does not say it. It has the fields of
// githubjobs.PromptConfig, which says what is valid.
type PromptChoice struct {
	Engine   string   `yaml:"engine"`
	Provider string   `yaml:"llm_provider"`
	Model    string   `yaml:"llm_model"`
	BaseURL  string   `yaml:"llm_base_url"`
	MaxTurns int      `yaml:"max_turns"`
	Command  []string `yaml:"command"`
}
