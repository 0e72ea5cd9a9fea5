package webhook

import (
	"encoding/json"
	"fmt"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// workflowRun reads the state of a run of the job's own workflow.
func (r *Receiver) workflowRun(d store.Delivery) (reading, error) {
	var e struct {
		Run      *hub.WorkflowRun `json:"workflow_run"`
		Workflow struct {
			Path string `json:"path"`
		} `json:"workflow"`
	}
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	if e.Run != nil && e.Run.Path == "" {
		e.Run.Path = e.Workflow.Path // older GitHub Enterprise Servers say it there only
	}
	of, fact, ok := r.Hub.RunFact(e.Run)
	if !ok {
		return nothing("not for us: a run of another workflow, branch or repository"), nil
	}
	outcome := fmt.Sprintf("job %s: run %d, attempt %d: %s %s", of, fact.ID, fact.Attempt, fact.Status, fact.Conclusion)
	return reading{facts: []githubjobs.Facts{of.Facts(githubjobs.Facts{Runs: []githubjobs.RunFact{fact}})}, outcome: outcome}, nil
}
