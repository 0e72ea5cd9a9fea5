package publish

import (
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ran is what the run step has said of what carried the task out, and the run's workflow.
func (p *publisher) ran() *githubjobs.Ran {
	var r githubjobs.Ran
	if p.result.Ran != nil {
		r = *p.result.Ran
	}
	r.Workflow, r.WorkflowSHA, r.Attest = p.Workflow, p.WorkflowSHA, p.Attest
	if r = r.Normal(); r == (githubjobs.Ran{}) {
		return nil
	}
	return &r
}

// bytesOf is the content of an object which was made here.
func bytesOf(o plumbing.EncodedObject) ([]byte, error) {
	r, err := o.Reader()
	if err != nil {
		return nil, fmt.Errorf("read the result commit: %w", err)
	}
	defer r.Close()
	return io.ReadAll(r)
}
