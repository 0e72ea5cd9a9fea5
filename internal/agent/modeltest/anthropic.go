package modeltest

import (
	"encoding/json"
	"io"
	"strconv"
)

// anthropic is the Messages API (docs.anthropic.com, "Streaming Messages").
type anthropic struct{}

func (anthropic) tools(body []byte) ([]tool, string) {
	var r struct {
		Model string
		Tools []struct{ Name string }
	}
	_ = json.Unmarshal(body, &r) // What can't be read offers nothing.
	var list []tool
	for _, t := range r.Tools {
		list = append(list, tool{t.Name})
	}
	return list, r.Model
}

func (anthropic) fail(status int) string {
	kinds := map[int]string{401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 529: "overloaded_error"}
	kind := kinds[status]
	if kind == "" {
		kind = "api_error"
	}
	raw, _ := json.Marshal(object{"type": "error", "error": object{"type": kind, "message": "the script answers " + strconv.Itoa(status)}})
	return string(raw)
}

func (a anthropic) answer(w io.Writer, step Step, offered []tool) {
	usage := object{"input_tokens": InputTokens, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
	event(w, "message_start", object{"type": "message_start", "message": object{
		"id": callID(), "type": "message", "role": "assistant", "model": "scripted", "content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": usage}})
	reason := a.content(w, step, offered)
	event(w, "message_delta", object{"type": "message_delta", "delta": object{"stop_reason": reason, "stop_sequence": nil}, "usage": object{"output_tokens": OutputTokens}})
	event(w, "message_stop", object{"type": "message_stop"})
}

func (anthropic) content(w io.Writer, step Step, offered []tool) (reason string) {
	block := func(start, delta object) {
		event(w, "content_block_start", object{"type": "content_block_start", "index": 0, "content_block": start})
		event(w, "content_block_delta", object{"type": "content_block_delta", "index": 0, "delta": delta})
		event(w, "content_block_stop", object{"type": "content_block_stop", "index": 0})
	}
	if step.Refuse {
		return "refusal"
	}
	call, ok := step.call(offered)
	if !ok {
		block(object{"type": "text", "text": ""}, object{"type": "text_delta", "text": step.Say})
		return "end_turn"
	}
	input, _ := json.Marshal(call.Input)
	block(object{"type": "tool_use", "id": callID(), "name": call.Name, "input": object{}}, object{"type": "input_json_delta", "partial_json": string(input)})
	return "tool_use"
}

func (anthropic) whole(w io.Writer, step Step, offered []tool) {
	_ = json.NewEncoder(w).Encode(object{ // The caller may be gone.
		"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "stop_reason": "end_turn", "stop_sequence": nil,
		"content": []any{object{"type": "text", "text": step.Say}}, "usage": object{"input_tokens": InputTokens, "output_tokens": OutputTokens},
	})
}
