//go:build linux

package agent

import (
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/modeltest"
	"github.com/githubjobs/githubjobs/internal/require"
)

// Where the checkout is in the container.
const notes = "/work/tree/notes.md"

// engines are the real coding agents of the image, as a scripted model is reached by them.
var engines = map[string]struct {
	key   string
	path  string // of the model's address
	model string
	c     githubjobs.PromptConfig
}{
	"claude-code": {"ANTHROPIC_API_KEY", "", "claude-sonnet-4-5", githubjobs.PromptConfig{Engine: "claude-code", Model: "claude-sonnet-4-5"}},
	"codex":       {"OPENAI_API_KEY", "/v1", "gpt-5-codex", githubjobs.PromptConfig{Engine: "codex", Model: "gpt-5-codex"}},
	"gemini":      {"GEMINI_API_KEY", "", "gemini-2.5-flash", githubjobs.PromptConfig{Engine: "gemini", Model: "gemini-2.5-flash"}},
	"opencode":    {"LLM_API_KEY", "/v1", "m-1", githubjobs.PromptConfig{Engine: "opencode", Provider: "openai-compatible", Model: "m-1"}},
}

const modelKey = "sk-the-key-of-the-model-9f8e7d"

// withModel is a job for a real engine in the agent's image, and the model that it speaks to.
func withModel(t *testing.T, name string, edit func(*githubjobs.PromptConfig), steps ...modeltest.Step) (*fixture, *modeltest.Server) {
	t.Helper()
	image := require.Docker(t)
	model := modeltest.New(t, steps...)
	e := engines[name]
	c := e.c
	c.BaseURL = model.URL + e.path
	if edit != nil {
		edit(&c)
	}
	f := prompted(t, "--version is not what I want: change old to new in notes.md", c, "secrets: {allow: ["+e.key+"]}", map[string]string{"AGENT_" + e.key: modelKey})
	f.with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": image, "GITHUBJOBS_NETWORK": "host"})
	return f, model
}

func TestRealEngines(t *testing.T) {
	t.Parallel()
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, model := withModel(t, name, nil,
				modeltest.Step{Shell: "echo an old hat >" + notes}, modeltest.Step{Read: notes}, modeltest.Step{Read: "/work/tree/absent.md"},
				modeltest.Step{Edit: &modeltest.Edit{Path: notes, Old: "old", New: "new"}}, modeltest.Step{Say: "I changed it to **new**."})
			r, out := f.job(ExitOK)
			if got := f.read(f.dir().Tree() + "/notes.md"); got != "an new hat\n" {
				t.Errorf("notes.md holds %q", got)
			}
			u := r.Usage
			if r.Outcome != githubjobs.OutcomeSuccess || r.Summary != "I changed it to **new**." || u == nil {
				t.Fatalf("%+v\n%s", r, out)
			}
			if u.Engine != name || u.Model != e.model || u.Turns != 5 || u.InputTokens != 5*modeltest.InputTokens || u.OutputTokens != 5*modeltest.OutputTokens {
				t.Errorf("usage %+v", u)
			}
			asks := model.Asks()
			if len(asks) != 5 || asks[0].Model != e.model || asks[0].Key != modelKey || !strings.Contains(asks[0].Body, "--version is not what I want") {
				t.Errorf("the model was asked %d times: %.300v", len(asks), asks)
			}
			if strings.Contains(out, modelKey) || !strings.Contains(r.Log, "✗ ") || !strings.Contains(r.Log, "→ ") {
				t.Errorf("the log does not tell what was done, or tells the key:\n%s", r.Log)
			}
		})
	}
}
