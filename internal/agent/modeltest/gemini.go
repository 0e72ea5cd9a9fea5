package modeltest

import (
	"encoding/json"
	"io"
	"strconv"
)

// gemini is Google's generateContent (ai.google.dev, "Generating content").
type gemini struct{}

func (gemini) tools(body []byte) ([]tool, string) {
	var r struct {
		Tools []struct {
			FunctionDeclarations []struct{ Name string }
		}
	}
	_ = json.Unmarshal(body, &r)
	var list []tool
	for _, group := range r.Tools {
		for _, t := range group.FunctionDeclarations {
			list = append(list, tool{t.Name})
		}
	}
	return list, ""
}

func (gemini) fail(status int) string {
	name := "INTERNAL"
	if status == 429 {
		name = "RESOURCE_EXHAUSTED"
	}
	raw, _ := json.Marshal(object{"error": object{"code": status, "message": "the script answers " + strconv.Itoa(status), "status": name}})
	return string(raw)
}

func (g gemini) answer(w io.Writer, step Step, offered []tool) {
	event(w, "", g.body(step, offered))
}

func (g gemini) whole(w io.Writer, step Step, offered []tool) {
	_ = json.NewEncoder(w).Encode(g.body(step, offered))
}

func (gemini) body(step Step, offered []tool) object {
	parts, finish := []any{object{"text": step.Say}}, "STOP"
	if step.Refuse {
		parts, finish = []any{}, "SAFETY"
	}
	if call, ok := step.call(offered); ok {
		parts = []any{object{"functionCall": object{"id": callID(), "name": call.Name, "args": call.Input}}}
	}
	return object{
		"candidates":    []any{object{"index": 0, "content": object{"role": "model", "parts": parts}, "finishReason": finish}},
		"usageMetadata": object{"promptTokenCount": InputTokens, "candidatesTokenCount": OutputTokens, "totalTokenCount": InputTokens + OutputTokens},
		"modelVersion":  "scripted", "responseId": "r1",
	}
}
