//go:build unix

package prompt

import "encoding/json"

// opencode reads what `opencode run --format json` writes.
type opencode struct{}

type opencodeEvent struct {
	Type string
	Part struct {
		Text, Tool, Reason string
		State              struct {
			Status string
			Input  json.RawMessage
			Error  string
		}
		Cost   float64
		Tokens struct {
			Input, Output, Reasoning int64
			Cache                    struct{ Read, Write int64 }
		}
	}
	Error struct {
		Name string
		Data struct{ Message string }
	}
}

func (opencode) event(raw []byte, t *told) []string {
	var e opencodeEvent
	if json.Unmarshal(raw, &e) != nil {
		return nil
	}
	switch p := e.Part; e.Type {
	case "step_start":
		t.turns++
	case "text":
		return t.say(p.Text)
	case "tool_use":
		lines := using(p.Tool, p.State.Input)
		if p.State.Status == "error" {
			lines = append(lines, trouble("%s", p.State.Error)...)
		}
		return lines
	case "step_finish":
		t.ended = true
		u, k := &t.usage, p.Tokens
		u.InputTokens += k.Input + k.Cache.Read + k.Cache.Write
		u.CachedTokens += k.Cache.Read
		u.OutputTokens += k.Output + k.Reasoning
		if cost := p.Cost; cost > 0 { // 0 is also said of models whose price is not known.
			if u.CostUSD != nil {
				cost += *u.CostUSD
			}
			u.CostUSD = &cost
		}
	case "error":
		t.ended, t.failure = true, short(firstOf(e.Error.Data.Message, e.Error.Name, "it says no more"), 1000)
	}
	return nil
}
