package githubjobs

import (
	"errors"
	"strings"
	"testing"
)

func TestPromptConfigs(t *testing.T) {
	t.Parallel()
	for config, want := range map[string]string{
		``: "", `null`: "", `{}`: "", `{"engine": "codex", "llm_model": "org/model-1.5:free@x", "llm_base_url": "http://127.0.0.1:8080/v1", "max_turns": 1000}`: "",
		`{"engine": "custom", "command": ["sh", "-c", "x", "{prompt}"]}`: "", `{"command": ["x"]}`: "",
		`{"engine": "-x"}`:                                                "config.engine",
		`{"llm_provider": "Open AI"}`:                                     "config.llm_provider",
		`{"llm_model": "--version"}`:                                      "config.llm_model",
		`{"llm_model": "a\"}b"}`:                                          "config.llm_model",
		`{"llm_model": "` + strings.Repeat("x", 73) + `"}`:                "config.llm_model",
		`{"llm_base_url": "ftp://h"}`:                                     "config.llm_base_url",
		`{"llm_base_url": "https://user:pw@h/"}`:                          "config.llm_base_url",
		`{"llm_base_url": "https://h/?key=1"}`:                            "config.llm_base_url",
		`{"llm_base_url": "https://h/\",x=\""}`:                           "config.llm_base_url",
		`{"llm_base_url": "https://h/{{.Key}}"}`:                          "config.llm_base_url",
		`{"max_turns": 1001}`:                                             "config.max_turns",
		`{"max_turns": -1}`:                                               "config.max_turns",
		`{"max_turns": "5"}`:                                              "config.max_turns",
		`{"engine": "codex", "command": ["x"]}`:                           "config.command",
		`{"command": [" "]}`:                                              "config.command",
		`{"command": ["x", "a\u0000b"]}`:                                  "config.command",
		`{"command": ["` + strings.Repeat("x", maxCommandBytes+1) + `"]}`: "config.command",
		`{"model": "x"}`:                                                  "config.model",
	} {
		err := KindPrompt.Validate([]byte(config))
		f, ok := errors.AsType[*FieldError](err)
		if want == "" && err != nil || want != "" && (!ok || f.Field != want) {
			t.Errorf("%.80s: %v, want a mistake in %q", config, err, want)
		}
	}
}
