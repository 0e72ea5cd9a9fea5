package publish

import "github.com/githubjobs/githubjobs/githubjobs"

// ran is what the run step has said of what carried the task out, and the run's workflow.
func (p *publisher) ran() *githubjobs.Ran {
	var r githubjobs.Ran
	if p.result.Ran != nil {
		r = *p.result.Ran
	}
	r.Workflow, r.WorkflowSHA = p.Workflow, p.WorkflowSHA
	if r = r.Normal(); r == (githubjobs.Ran{}) {
		return nil
	}
	return &r
}
