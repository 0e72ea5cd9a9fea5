//go:build linux

package agent

import (
	"regexp"
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
// It may take so many seconds; 0 for half an hour. turns bounds it; 0 does not.
func withModel(t *testing.T, name string, seconds, turns int, steps ...modeltest.Step) (*fixture, *modeltest.Server) {
	t.Helper()
	image := require.Docker(t)
	model := modeltest.New(t, steps...)
	e := engines[name]
	c := e.c
	c.BaseURL, c.MaxTurns = model.URL+e.path, turns
	f := prompted(t, "--version is not what I want: change old to new in notes.md", c, "secrets: {allow: ["+e.key+"]}\nprompt: {base_urls: ['"+model.URL+"']}", map[string]string{"AGENT_" + e.key: modelKey},
		func(s *githubjobs.Spec) { s.TimeoutSeconds = seconds })
	f.with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": image, "GITHUBJOBS_NETWORK": "host"})
	return f, model
}

func TestRealEngines(t *testing.T) {
	t.Parallel()
	for name, e := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, model := withModel(t, name, 0, 0,
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

// What goes wrong on the model's side ends in a reason that says so.
func TestRealEnginesInTrouble(t *testing.T) {
	t.Parallel()
	const forever = 40 // seconds, of which some pass before the engine asks
	done := modeltest.Step{Say: "All done."}
	limited := modeltest.Step{Status: 429, RetryAfter: 1}
	limitedForEver := modeltest.Step{Status: 429, RetryAfter: 2, Again: true}
	busy := modeltest.Step{Shell: "echo once more >>/work/tree/notes.md", Again: true}
	big := modeltest.Step{Shell: "head -c 30000000 /dev/zero | tr '\\0' x; echo"}
	for name, c := range map[string]struct {
		engines        string
		seconds, turns int
		steps          []modeltest.Step
		outcome        githubjobs.Outcome
		says           string // of the error; of the log where there is none
	}{
		"refusal":             {"claude-code", 0, 0, []modeltest.Step{{Refuse: true, Again: true}}, githubjobs.OutcomeFailure, "claude-code: .*(refuse|unable to respond|can't help)"},
		"refusal ":            {"codex opencode", 0, 0, []modeltest.Step{{Refuse: true}}, githubjobs.OutcomeFailure, "(refused|content filter)"},
		"failing tool":        {"claude-code codex", 0, 0, []modeltest.Step{{Shell: "echo on purpose >&2; exit 9"}, done}, githubjobs.OutcomeSuccess, "✗ .*on purpose"},
		"unknown tool":        {"claude-code codex", 0, 0, []modeltest.Step{{Tool: &modeltest.Tool{Name: "teleport", Input: map[string]any{"to": "Mars"}}}, done}, githubjobs.OutcomeSuccess, "All done."},
		"rate limit":          {"claude-code codex", 0, 0, []modeltest.Step{limited, limited, done}, githubjobs.OutcomeSuccess, "All done."},
		"rate limit for ever": {"claude-code codex", forever, 0, []modeltest.Step{limitedForEver}, "", "(429|timeout_seconds|retry limit)"},
		"too many turns":      {"claude-code codex opencode gemini", 0, 3, []modeltest.Step{busy}, "", "(max_turns|notes.md)"},
		"endless":             {"claude-code", forever, 0, []modeltest.Step{busy}, githubjobs.OutcomeTimedOut, "timeout_seconds"},
		"oversized output":    {"claude-code codex", 0, 0, []modeltest.Step{big, done}, githubjobs.OutcomeSuccess, "All done."},
	} {
		for engine := range strings.FieldsSeq(c.engines) {
			t.Run(strings.TrimSpace(name)+" of "+engine, func(t *testing.T) {
				t.Parallel()
				f, model := withModel(t, engine, c.seconds, c.turns, c.steps...)
				want := ExitTask
				if c.outcome == githubjobs.OutcomeSuccess {
					want = ExitOK
				}
				if c.outcome == "" {
					f.step("fetch", ExitOK)
					cmd, _ := f.command("run")
					_ = cmd.Run() // The outcome says it.
				} else {
					f.job(want)
				}
				r := f.outcome().Result
				if c.outcome != "" && r.Outcome != c.outcome || !regexp.MustCompile("(?s)"+c.says).MatchString(r.Error+"\n"+r.Log) || len(r.Log) > 1<<20 {
					t.Errorf("%s, %q after %d questions\n%.3000s", r.Outcome, r.Error, len(model.Asks()), r.Log)
				}
				if asked := len(model.Asks()); c.turns > 0 && asked > 3*c.turns {
					t.Errorf("the model was asked %d times", asked)
				}
				t.Logf("%s %q, %d questions, %+v", r.Outcome, r.Error, len(model.Asks()), r.Usage)
			})
		}
	}
}
