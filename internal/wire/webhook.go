package wire

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Webhook holds a payload to GitHub's description of the event, and of the action that the payload names.
func (d *Description) Webhook(event string, payload []byte) []string {
	var named struct {
		Action string `json:"action"`
	}
	if err := json.Unmarshal(payload, &named); err != nil {
		return []string{"payload: " + err.Error()}
	}
	name := strings.ReplaceAll(event, "_", "-")
	all := at(d.doc, "x-webhooks")
	if _, ok := all[name]; !ok {
		name += "-" + strings.ReplaceAll(named.Action, "_", "-")
	}
	if _, ok := all[name]; !ok {
		return []string{fmt.Sprintf("payload: GitHub describes no %s", name)}
	}
	schema := pointer("x-webhooks", name, "post", "requestBody", "content", "application/json", "schema")
	return d.validate("payload", schema, payload)
}
