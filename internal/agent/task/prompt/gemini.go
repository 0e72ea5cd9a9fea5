//go:build unix

package prompt

import "encoding/json"

// gemini reads what `gemini --output-format stream-json` writes. A message comes in parts.
type gemini struct {
	answering bool // what the model does belongs to the answer that has begun
	words     string
}

type geminiEvent struct {
	Type, Model, Role, Content, Status string
	Tool                               string `json:"tool_name"`
	Parameters                         json.RawMessage
	Output                             string
	Message                            string
	Error                              struct{ Message string }
	Stats                              struct {
		Input  int64 `json:"input_tokens"`
		Output int64 `json:"output_tokens"`
		Cached int64
	}
}

func (g *gemini) event(raw []byte, t *told) (lines []string) {
	var e geminiEvent
	if json.Unmarshal(raw, &e) != nil {
		return nil
	}
	speaks := e.Type == "tool_use" || e.Type == "message" && e.Role == "assistant"
	if speaks && !g.answering {
		t.turns++
	}
	if e.Type == "message" && e.Role == "assistant" {
		g.answering, g.words = true, g.words+e.Content
		return nil
	}
	if g.words != "" { // The message is whole when something else follows.
		lines = t.say(g.words)
		g.words = ""
	}
	g.answering = speaks
	return append(lines, e.show(t)...)
}

func (e geminiEvent) show(t *told) []string {
	switch e.Type {
	case "init":
		t.usage.Model = e.Model
	case "tool_use":
		return using(e.Tool, e.Parameters)
	case "tool_result":
		if e.Status == "error" {
			return trouble("%s", firstOf(e.Error.Message, e.Output))
		}
	case "error":
		return trouble("%s", firstOf(e.Message, e.Error.Message))
	case "result":
		t.ended = true
		t.usage.InputTokens, t.usage.CachedTokens, t.usage.OutputTokens = e.Stats.Input, e.Stats.Cached, e.Stats.Output
		if e.Status != "success" {
			t.failure = short(firstOf(e.Error.Message, "the work ended with "+e.Status), 1000)
		}
	}
	return nil
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
