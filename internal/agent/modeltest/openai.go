package modeltest

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
)

var calls atomic.Int64

// callID names a call of a tool; no two have the same.
func callID() string { return fmt.Sprintf("call_%d", calls.Add(1)) }

func openaiError(status int) string {
	kind := "server_error"
	if status == 429 {
		kind = "rate_limit_exceeded"
	}
	raw, _ := json.Marshal(object{"error": object{"message": "the script answers " + strconv.Itoa(status), "type": kind, "code": kind}})
	return string(raw)
}

// responses is the Responses API (platform.openai.com, "Streaming API responses").
type responses struct{}

func (responses) tools(body []byte) ([]tool, string) {
	var r struct {
		Model string
		Tools []struct{ Type, Name string }
	}
	_ = json.Unmarshal(body, &r)
	var list []tool
	for _, t := range r.Tools {
		if t.Name == "" {
			t.Name = t.Type
		}
		list = append(list, tool{t.Name})
	}
	return list, r.Model
}

func (responses) fail(status int) string { return openaiError(status) }

func (responses) answer(w io.Writer, step Step, offered []tool) {
	event(w, "response.created", object{"type": "response.created", "response": object{"id": "resp_1"}})
	item := object{"type": "message", "role": "assistant", "id": "msg_1", "content": []any{object{"type": "output_text", "text": step.Say}}}
	if step.Refuse {
		item["content"] = []any{object{"type": "refusal", "refusal": "I can't help with that."}}
	}
	if call, ok := step.call(offered); ok {
		input, _ := json.Marshal(call.Input)
		item = object{"type": "function_call", "id": "fc_1", "call_id": callID(), "name": call.Name, "arguments": string(input)}
	}
	event(w, "response.output_item.done", object{"type": "response.output_item.done", "output_index": 0, "item": item})
	event(w, "response.completed", object{"type": "response.completed", "response": object{"id": "resp_1", "usage": object{
		"input_tokens": InputTokens, "input_tokens_details": object{"cached_tokens": 0},
		"output_tokens": OutputTokens, "output_tokens_details": object{"reasoning_tokens": 0}, "total_tokens": InputTokens + OutputTokens}}})
}

// chat is the chat completions API, which most compatible endpoints speak.
type chat struct{}

func (chat) tools(body []byte) ([]tool, string) {
	var r struct {
		Model string
		Tools []struct{ Function struct{ Name string } }
	}
	_ = json.Unmarshal(body, &r)
	var list []tool
	for _, t := range r.Tools {
		list = append(list, tool{t.Function.Name})
	}
	return list, r.Model
}

func (chat) fail(status int) string { return openaiError(status) }

func (chat) answer(w io.Writer, step Step, offered []tool) {
	chunk := func(delta object, finish any) object {
		return object{"id": "chat_1", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": []any{object{"index": 0, "delta": delta, "finish_reason": finish}}}
	}
	finish := "stop"
	switch call, ok := step.call(offered); {
	case ok:
		input, _ := json.Marshal(call.Input)
		finish = "tool_calls"
		event(w, "", chunk(object{"role": "assistant", "tool_calls": []any{object{
			"index": 0, "id": callID(), "type": "function", "function": object{"name": call.Name, "arguments": string(input)}}}}, nil))
	case step.Refuse:
		finish = "content_filter"
		event(w, "", chunk(object{"role": "assistant", "content": ""}, nil))
	default:
		event(w, "", chunk(object{"role": "assistant", "content": step.Say}, nil))
	}
	last := chunk(object{}, finish)
	last["usage"] = object{"prompt_tokens": InputTokens, "completion_tokens": OutputTokens, "total_tokens": InputTokens + OutputTokens}
	event(w, "", last)
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

func (chat) whole(w io.Writer, step Step, _ []tool) {
	_ = json.NewEncoder(w).Encode(object{"id": "chat_1", "object": "chat.completion", "created": 1, "model": "scripted",
		"choices": []any{object{"index": 0, "finish_reason": "stop", "message": object{"role": "assistant", "content": step.Say}}},
		"usage":   object{"prompt_tokens": InputTokens, "completion_tokens": OutputTokens, "total_tokens": InputTokens + OutputTokens}})
}
