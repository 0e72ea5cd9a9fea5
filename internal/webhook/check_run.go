package webhook

import (
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// checkRun reads the merge gate's verdict.
func (r *Receiver) checkRun(d store.Delivery) (reading, error) {
	var e github.CheckRunEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	id, fact, ok := hub.GateFact(e.GetCheckRun())
	if !ok {
		return nothing("not for us: check %q", e.GetCheckRun().GetName()), nil
	}
	return reading{[]githubjobs.Facts{{ID: id, Gates: []githubjobs.GateFact{fact}}}, fmt.Sprintf("job %s: verdict %s", id, fact.Conclusion)}, nil
}
