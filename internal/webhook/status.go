package webhook

import (
	"encoding/json"

	"github.com/githubjobs/githubjobs/internal/store"
)

// status reads that somebody has given a commit a status, which the merge gate may wait for.
func (r *Receiver) status(d store.Delivery) (reading, error) {
	var e struct {
		State    string `json:"state"`
		Branches []struct {
			Name string `json:"name"`
		} `json:"branches"`
	}
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	var names []string
	for _, b := range e.Branches {
		names = append(names, b.Name)
	}
	got := nothing("a commit has the status %q", e.State)
	got.stir = stirOf("status", names...)
	return got, nil
}
