//go:build unix

package prompt

import (
	"encoding/json"
	"fmt"
	"strings"
)

// claude reads what `claude --output-format stream-json` writes.
type claude struct{ last string } // the last answer's id

type claudeEvent struct {
	Type, Subtype string
	Model         string
	Message       struct {
		ID      string
		Content json.RawMessage
	}
	// Of the subtype api_retry.
	Attempt  int
	MaxTries int     `json:"max_retries"`
	Delay    float64 `json:"retry_delay_ms"`
	Status   int     `json:"error_status"`
	// Of the type result.
	IsError    bool `json:"is_error"`
	Result     string
	Errors     []string
	StopReason string   `json:"stop_reason"`
	Turns      int      `json:"num_turns"`
	Cost       *float64 `json:"total_cost_usd"`
	Usage      struct {
		Input  int64 `json:"input_tokens"`
		Wrote  int64 `json:"cache_creation_input_tokens"`
		Cached int64 `json:"cache_read_input_tokens"`
		Output int64 `json:"output_tokens"`
	}
}

type claudeBlock struct {
	Type, Text, Name string
	Input, Content   json.RawMessage
	IsError          bool `json:"is_error"`
}

func (c *claude) event(raw []byte, t *told) (lines []string) {
	var e claudeEvent
	if json.Unmarshal(raw, &e) != nil {
		return nil
	}
	switch {
	case e.Type == "system" && e.Subtype == "init":
		t.usage.Model = e.Model
	case e.Type == "system" && e.Subtype == "api_retry":
		return trouble("the model answers %d; asked again in %.1f s (%d of %d)", e.Status, e.Delay/1000, e.Attempt, e.MaxTries)
	case e.Type == "assistant", e.Type == "user":
		if e.Type == "assistant" && (e.Message.ID == "" || e.Message.ID != c.last) {
			c.last = e.Message.ID
			t.turns++
		}
		var blocks []claudeBlock
		_ = json.Unmarshal(e.Message.Content, &blocks) // What a user says is a text.
		for _, b := range blocks {
			lines = append(lines, b.show(e.Type, t)...)
		}
	case e.Type == "result":
		return e.conclude(t)
	}
	return lines
}

func (b claudeBlock) show(of string, t *told) []string {
	switch {
	case b.Type == "text" && of == "assistant":
		return t.say(b.Text)
	case b.Type == "tool_use":
		return using(b.Name, b.Input)
	case b.Type == "tool_result" && b.IsError:
		return trouble("%s", b.Content)
	}
	return nil
}

func (e claudeEvent) conclude(t *told) []string {
	t.ended = true
	u := &t.usage
	u.InputTokens, u.CachedTokens, u.OutputTokens = e.Usage.Input+e.Usage.Wrote+e.Usage.Cached, e.Usage.Cached, e.Usage.Output
	u.Turns, u.CostUSD = e.Turns, e.Cost
	switch {
	case e.Subtype == "error_max_turns":
		t.failure = "the job's max_turns were used up before the work was done"
	case e.IsError || e.Subtype != "success":
		t.failure = short(strings.Join(append(e.Errors, e.Result), " "), 1000)
		if t.failure == "" {
			t.failure = fmt.Sprintf("the work ended with %s", e.Subtype)
		}
	case e.StopReason == "refusal":
		t.failure = "the model refuses to do this"
	case e.Result != "":
		t.text = strings.TrimSpace(e.Result)
	}
	return nil
}
