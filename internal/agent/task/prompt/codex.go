//go:build unix

package prompt

import (
	"encoding/json"
	"strings"
)

// codex reads what `codex exec --json` writes. It does not tell the answers of the model
// apart; each thing that it did counts as one.
type codex struct{}

type codexEvent struct {
	Type, Message string
	Error         struct{ Message string }
	Item          codexItem
	Usage         struct {
		Input  int64 `json:"input_tokens"`
		Cached int64 `json:"cached_input_tokens"`
		Output int64 `json:"output_tokens"`
	}
}

type codexItem struct {
	Type, Text, Message, Command string
	Status, Tool, Query          string
	Output                       string `json:"aggregated_output"`
	ExitCode                     *int   `json:"exit_code"`
	Changes                      []struct{ Path, Kind string }
}

func (codex) event(raw []byte, t *told) []string {
	var e codexEvent
	if json.Unmarshal(raw, &e) != nil {
		return nil
	}
	switch e.Type {
	case "item.started":
		if e.Item.Type == "command_execution" {
			return []string{"→ " + short(e.Item.Command, maxInput)}
		}
	case "item.completed":
		return e.Item.show(t)
	case "error":
		return trouble("%s", e.Message)
	case "turn.failed":
		t.ended, t.failure = true, short(e.Error.Message, 1000)
	case "turn.completed":
		t.ended = true
		t.usage.InputTokens += e.Usage.Input
		t.usage.CachedTokens += e.Usage.Cached
		t.usage.OutputTokens += e.Usage.Output
		if t.turns == 0 {
			t.failure = "the model gave no answer; it may have refused"
		}
	}
	return nil
}

func (i codexItem) show(t *told) (lines []string) {
	if i.Type != "error" && i.Type != "reasoning" && i.Type != "todo_list" {
		t.turns++
	}
	switch i.Type {
	case "agent_message":
		return t.say(i.Text)
	case "error":
		return trouble("%s", i.Message)
	case "command_execution":
		if i.ExitCode != nil && *i.ExitCode != 0 {
			return trouble("exit code %d: %s", *i.ExitCode, i.Output)
		}
	case "file_change":
		for _, c := range i.Changes {
			lines = append(lines, strings.TrimSpace("→ "+c.Kind+" "+c.Path))
		}
	case "mcp_tool_call", "web_search":
		return []string{strings.TrimSpace("→ " + i.Type + " " + short(i.Tool+i.Query, maxInput))}
	}
	return lines
}
