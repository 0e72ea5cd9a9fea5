package githubjobs

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Limits of a PromptConfig.
const (
	MaxTurns        = 1000
	maxCommandWords = 64
	maxCommandBytes = 8 << 10
)

// PromptConfig is the config of KindPrompt: which coding agent does the job's text, with
// which model. What is left out is chosen by the repository's policy, then by the
// server, then by the engine.
type PromptConfig struct {
	// Engine names the coding agent; package engine knows which there are.
	Engine string `json:"engine,omitempty"`
	// Provider is whose API the engine speaks; it decides which key is needed.
	Provider string `json:"llm_provider,omitempty"`
	Model    string `json:"llm_model,omitempty"`
	// BaseURL is the address of an API that is compatible with the provider's.
	BaseURL string `json:"llm_base_url,omitempty"`
	// MaxTurns bounds the answers of the model; 0 for no bound but the job's time.
	MaxTurns int `json:"max_turns,omitempty"`
	// Command is the program of the engine custom and its arguments. It gets the job's text
	// in place of every {prompt}, or by its standard input where there is none.
	Command []string `json:"command,omitempty"`
}

// EngineCustom is the engine that is a program of the caller's.
const EngineCustom = "custom"

var (
	engineName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	// modelName leaves out what could end a string in a file that an engine reads.
	modelName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,71}$`)
)

// PromptConfig decodes the config of a job of KindPrompt.
func (s Spec) PromptConfig() (PromptConfig, error) {
	var c PromptConfig
	err := decodeConfig(s.Config, &c)
	return c, err
}

// Validate says what is wrong with the config; each mistake is a FieldError, its field
// without the prefix config.
func (c PromptConfig) Validate() (errs []error) {
	names := []struct{ field, value, like string }{{"engine", c.Engine, "claude-code"}, {"llm_provider", c.Provider, "anthropic"}}
	for _, n := range names {
		if n.value != "" && !engineName.MatchString(n.value) {
			errs = append(errs, fieldErrorf(n.field, "%.80q is no name such as %s", n.value, n.like))
		}
	}
	if c.Model != "" && !modelName.MatchString(c.Model) {
		errs = append(errs, fieldErrorf("llm_model", "%.80q is no name of a model, which has at most 72 letters, digits and . _ : / @ + -", c.Model))
	}
	if c.BaseURL != "" {
		errs = append(errs, validateBaseURL(c.BaseURL)...)
	}
	if c.MaxTurns < 0 || c.MaxTurns > MaxTurns {
		errs = append(errs, fieldErrorf("max_turns", "%d is out of range; give 1 to %d", c.MaxTurns, MaxTurns))
	}
	return append(errs, c.validateCommand()...)
}

// validateBaseURL refuses what could end a string in a file that an engine reads, and
// passwords, which would stand in the commit.
func validateBaseURL(s string) []error {
	u, err := url.Parse(s)
	bad := err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(s) > 500 ||
		strings.ContainsFunc(s, func(r rune) bool {
			return r > unicode.MaxASCII || unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("\"'\\`${}", r)
		})
	if bad {
		return []error{fieldErrorf("llm_base_url", "%.80q is not an address such as https://llm.example.com/v1; give no user, password or parameters in it", s)}
	}
	return nil
}

func (c PromptConfig) validateCommand() []error {
	if len(c.Command) == 0 {
		return nil
	}
	size := 0
	for _, word := range c.Command {
		size += len(word)
		if err := validateText("command", word); err != nil {
			return []error{err}
		}
	}
	switch {
	case cmp.Or(c.Engine, EngineCustom) != EngineCustom:
		return []error{fieldErrorf("command", "is for the engine %s; %s has a command of its own", EngineCustom, c.Engine)}
	case strings.TrimSpace(c.Command[0]) == "":
		return []error{fieldErrorf("command", "names no program; write it as a list such as [\"./agent.sh\", \"{prompt}\"]")}
	case len(c.Command) > maxCommandWords || size > maxCommandBytes:
		return []error{fieldErrorf("command", "has %d words of %d bytes; at most %d of %d are taken", len(c.Command), size, maxCommandWords, maxCommandBytes)}
	}
	return nil
}

// Or fills in what is left out by what another, less particular place says. A provider,
// a model and an address belong together, and to an engine: they are taken from there
// only where it means the same engine, and the same provider.
func (c PromptConfig) Or(other PromptConfig) PromptConfig {
	c.MaxTurns = cmp.Or(c.MaxTurns, other.MaxTurns)
	if c.Engine != "" && other.Engine != "" && c.Engine != other.Engine {
		return c
	}
	c.Engine = cmp.Or(c.Engine, other.Engine)
	if len(c.Command) == 0 {
		c.Command = other.Command
	}
	if c.Provider != "" && other.Provider != "" && c.Provider != other.Provider {
		return c
	}
	c.Provider, c.Model, c.BaseURL = cmp.Or(c.Provider, other.Provider), cmp.Or(c.Model, other.Model), cmp.Or(c.BaseURL, other.BaseURL)
	return c
}
