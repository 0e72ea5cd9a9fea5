package store

import (
	"encoding/json"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Swept is what is left of a job that had an idempotency key and was removed: as much as
// keeps the same request from running again.
type Swept struct {
	Request string            // see githubjobs.Spec.Request
	Status  githubjobs.Status // at the end
	At      time.Time         // when it was removed
}

// SweptOf is what is left of a job that is removed; ok is false where nothing needs to be.
func SweptOf(facts []byte, status githubjobs.Status, now time.Time) (s Swept, ok bool) {
	var f struct {
		Spec *struct {
			Request string `json:"request"`
		} `json:"spec"`
	}
	if json.Unmarshal(facts, &f) != nil || f.Spec == nil || f.Spec.Request == "" { // also what is damaged can be removed
		return Swept{}, false
	}
	return Swept{f.Spec.Request, status, now}, true
}
