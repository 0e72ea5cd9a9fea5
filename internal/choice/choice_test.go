package choice

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// branch is a branch whose policy can be changed.
type branch struct {
	document string
	err      error
	reads    int
}

func (b *branch) WatchedFile(ctx context.Context, _, _ string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.reads++
	return []byte(b.document), b.err
}

func setup(document string) (*branch, *Chooser, *time.Time) {
	b, at := &branch{document: document}, time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	return b, &Chooser{Hub: b, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }}, &at
}

func choose(t *testing.T, c *Chooser, config string, edit ...func(*githubjobs.Spec)) (string, error) {
	t.Helper()
	spec := githubjobs.Spec{Kind: githubjobs.KindPrompt, Base: "main", Config: json.RawMessage(config)}
	for _, e := range edit {
		e(&spec)
	}
	err := c.Choose(t.Context(), &spec)
	return string(spec.Config), err
}

func TestTheSpecHoldsTheChoice(t *testing.T) {
	t.Parallel()
	_, c, _ := setup("prompt: {engine: codex, llm_model: m}\nsecrets: {allow: [OPENAI_*]}")
	c.Default = githubjobs.PromptConfig{Engine: "gemini", MaxTurns: 9}
	if got, err := choose(t, c, `{}`); err != nil || got != `{"engine":"codex","llm_provider":"openai","llm_model":"m","max_turns":9}` {
		t.Errorf("%s, %v", got, err)
	}
	_, err := choose(t, c, `{"engine":"claude-code"}`)
	if _, ok := errors.AsType[*engine.NoKeyError](err); !ok {
		t.Errorf("without a key: %v", err)
	}
	_, err = choose(t, c, `{}`, func(s *githubjobs.Spec) { s.Network = githubjobs.NetworkNone })
	if f, ok := errors.AsType[*githubjobs.FieldError](err); !ok || f.Field != "network" {
		t.Errorf("without a network: %v", err)
	}
	for keys, want := range map[string]bool{"OPENAI_API_KEY": true, "CODEX_*": true, "GEMINI_API_KEY": false} {
		_, c, _ := setup("prompt: {keys: [" + keys + "]}")
		if _, err := choose(t, c, `{"engine":"codex"}`); (err == nil) != want {
			t.Errorf("engines may have %s: %v", keys, err)
		}
	}
	if _, err := choose(t, c, `{"engine":"custom","command":["x"]}`, func(s *githubjobs.Spec) { s.Network = githubjobs.NetworkNone }); err != nil {
		t.Errorf("custom without a network: %v", err)
	}
}

func TestAPolicyThatIsMendedCountsSoon(t *testing.T) {
	t.Parallel()
	b, c, at := setup("")
	b.err = hub.ErrNoFile
	if _, err := choose(t, c, `{}`); err == nil || !strings.Contains(err.Error(), "AGENT_ANTHROPIC_API_KEY") {
		t.Errorf("without a policy: %v", err)
	}
	if _, err := choose(t, c, `{}`); err == nil || b.reads != 1 {
		t.Errorf("asked again at once: %v, %d reads", err, b.reads)
	}
	b.err, b.document = nil, "secrets: {allow: ['*']}"
	*at = at.Add(3 * time.Second)
	if got, err := choose(t, c, `{}`); err != nil || got != `{"engine":"claude-code","llm_provider":"anthropic"}` || b.reads != 2 {
		t.Errorf("%s, %v, %d reads", got, err, b.reads)
	}
	for range 10 {
		*at = at.Add(5 * time.Second)
		if _, err := choose(t, c, `{}`); err != nil {
			t.Error(err)
		}
	}
	if b.reads != 2 {
		t.Errorf("%d reads of a policy within a minute", b.reads)
	}
	b.document = "prompt: {engine: [x]}"
	*at = at.Add(time.Minute)
	if _, err := choose(t, c, `{}`); err == nil || !strings.Contains(err.Error(), "is not valid") {
		t.Errorf("with a spoilt policy: %v", err)
	}
}

// While GitHub is out of reach, jobs are taken; what was known of the policy goes on counting.
func TestWithoutGitHub(t *testing.T) {
	t.Parallel()
	b, c, at := setup("")
	b.err = errors.New("unreachable")
	for range 3 {
		if got, err := choose(t, c, `{"engine":"codex"}`); err != nil || got != `{"engine":"codex"}` || b.reads != 1 {
			t.Errorf("%s, %v, %d reads", got, err, b.reads)
		}
	}
	if _, err := choose(t, c, `{"engine":"cursor"}`); err == nil {
		t.Error("an engine that there is not was taken")
	}
	b.err, b.document = nil, "secrets: {allow: [ANTHROPIC_API_KEY]}"
	*at = at.Add(time.Minute)
	if got, err := choose(t, c, `{}`); err != nil || got == `{}` {
		t.Errorf("%s, %v", got, err)
	}
	b.err = errors.New("unreachable")
	*at = at.Add(time.Hour)
	if _, err := choose(t, c, `{"engine":"codex"}`); err == nil {
		t.Error("what the policy did not allow was allowed when GitHub was gone")
	}
}

// A caller who does not wait for the answer spoils nothing for those who come after.
func TestACallerWhoHasGone(t *testing.T) {
	t.Parallel()
	_, c, _ := setup("prompt: {engine: custom, command: [x]}")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	spec := githubjobs.Spec{Kind: githubjobs.KindPrompt, Base: "main", Config: json.RawMessage(`{"engine":"custom","command":["x"]}`)}
	if err := c.Choose(ctx, &spec); err != nil {
		t.Fatal(err)
	}
	if _, err := choose(t, c, `{"engine":"codex"}`); err == nil {
		t.Error("the policy, which allows no key, is not known")
	}
}

// A key that the policy allows and that is known not to be set is no key.
func TestAKeyThatIsNotSet(t *testing.T) {
	t.Parallel()
	b, c, at := setup("secrets: {allow: [ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN]}")
	r, s, now := secrets("AGENT_ANTHROPIC_AUTH_TOKEN")
	c.Secrets = s
	refused := func(reads int) {
		t.Helper()
		_, err := choose(t, c, `{}`)
		e, ok := errors.AsType[*engine.NoKeyError](err)
		if !ok || len(e.Unset) != 2 || !strings.Contains(err.Error(), "Set the secret AGENT_ANTHROPIC_API_KEY or AGENT_CLAUDE_CODE_OAUTH_TOKEN of") || r.reads != reads {
			t.Errorf("%v after %d reads", err, r.reads)
		}
	}
	refused(1)
	refused(1)
	r.names = []string{"AGENT_CLAUDE_CODE_OAUTH_TOKEN"}
	*at, *now = at.Add(3*time.Second), now.Add(3*time.Second)
	if _, err := choose(t, c, `{}`); err != nil || r.reads != 2 {
		t.Errorf("since one is set: %v, %d reads", err, r.reads)
	}
	if _, err := choose(t, c, `{"engine":"custom","command":["x"]}`); err != nil {
		t.Errorf("an engine that needs none: %v", err)
	}
	r.names, r.err = nil, hub.ErrForbidden
	*at, *now = at.Add(fresh), now.Add(fresh)
	if _, err := choose(t, c, `{}`); err != nil {
		t.Errorf("where names may not be seen: %v", err)
	}
	if b.reads > 4 {
		t.Errorf("%d reads of the policy", b.reads)
	}
}

// A key goes to the provider, and to whom the policy names: not to whom the caller or the
// server likes.
func TestAnAddressThatThePolicyDoesNotAllow(t *testing.T) {
	t.Parallel()
	const keys = "secrets: {allow: ['*']}\n"
	for _, test := range []struct {
		policy, server, config string
		says                   string // "" for allowed
	}{
		{keys, "", `{"engine":"codex","llm_base_url":"https://evil.example.com/v1"}`, "does not let the key of codex be sent to https://evil.example.com/v1. Add that address to .githubjobs.yml there, written as plainly as https://llm.example.com/v1: prompt: {base_urls: ['https://evil.example.com/v1']}; or leave"},
		{keys, "", `{"engine":"codex","llm_base_url":"https://api.openai.com/v1"}`, ""},
		{keys, "", `{"engine":"codex","llm_base_url":"https://api.anthropic.com/v1"}`, "does not let"}, // another provider's
		{keys, "", `{"engine":"gemini"}`, ""},
		{keys + "prompt: {base_urls: [https://llm.example.com]}", "", `{"engine":"codex","llm_base_url":"https://llm.example.com/v1"}`, ""},
		{keys + "prompt: {base_urls: [https://llm.example.com]}", "", `{"engine":"opencode","llm_provider":"openai-compatible","llm_model":"m","llm_base_url":"https://llm.example.com/v1"}`, ""},
		{keys + "prompt: {base_urls: [https://llm.example.com]}", "", `{"engine":"opencode","llm_provider":"openai-compatible","llm_model":"m","llm_base_url":"http://llm.example.com/v1"}`, "does not let"},
		{keys + "prompt: {engine: codex, llm_base_url: 'https://llm.example.com/v1'}", "", `{}`, ""},
		{keys + "prompt: {engine: codex, llm_base_url: 'https://llm.example.com/v1'}", "", `{"llm_base_url":"https://llm.example.com/v1/a"}`, "does not let"},
		{keys, "https://llm.example.com", `{}`, "take it out of the server's PROMPT_LLM_BASE_URL"},
		{keys + "prompt: {base_urls: [https://llm.example.com]}", "https://llm.example.com", `{}`, ""},
		{"", "", `{"engine":"custom","command":["x"],"llm_base_url":"http://localhost:11434"}`, ""}, // has no key
	} {
		_, c, _ := setup(test.policy)
		c.Default.BaseURL = test.server
		_, err := choose(t, c, test.config)
		if test.says == "" && err != nil || test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s, policy %q, server %q: %v", test.config, test.policy, test.server, err)
		}
		if _, ok := errors.AsType[*engine.AddressError](err); err != nil && !ok {
			t.Errorf("%s: %T", test.config, err)
		}
	}
}
