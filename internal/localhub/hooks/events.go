package hooks

import (
	"context"
	"errors"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func (p Payloads) create(e event.Create) shape.Object {
	body := p.base(e.Base)
	body["ref"], body["ref_type"], body["pusher_type"] = e.Ref, e.RefType, "user"
	body["master_branch"], body["description"] = e.Repository.DefaultBranch, shape.NonEmpty(e.Repository.Description)
	return body
}

func (p Payloads) delete(e event.Delete) shape.Object {
	body := p.base(e.Base)
	body["ref"], body["ref_type"], body["pusher_type"] = e.Ref, e.RefType, "user"
	return body
}

func (p Payloads) pullRequest(ctx context.Context, e event.PullRequest) (shape.Object, error) {
	git, err := p.Git.Open(e.Repository.Owner, e.Repository.Name)
	if err != nil {
		return nil, err
	}
	counts, err := git.Compare(ctx, e.Pull.BaseSHA, e.Pull.HeadSHA)
	if err != nil && !errors.Is(err, gitrepo.ErrUnrelated) {
		return nil, err
	}
	body := p.base(e.Base)
	body["action"], body["number"] = e.Action, e.Pull.Number
	if e.Action == "synchronize" {
		body["before"], body["after"] = e.Before, e.After
	}
	if e.Changes != nil {
		body["changes"] = e.Changes
	}
	if e.Action == "dequeued" {
		body["reason"] = dequeued(e.Pull)
	}
	p.view(func(b shape.Builder) {
		body["pull_request"] = b.FullPull(e.Repository, e.Pull, counts, shape.Mergeability{})
		if e.Label.ID != 0 {
			body["label"] = b.Label(e.Repository, e.Label)
		}
	})
	return body, nil
}

// dequeued is why a pull request has left the merge queue.
func dequeued(p state.Pull) string {
	if p.Merged {
		return "MERGE"
	}
	return "BRANCH_PROTECTIONS"
}

func (p Payloads) workflowRun(e event.WorkflowRun) shape.Object {
	body := p.base(e.Base)
	body["action"] = e.Action
	p.view(func(b shape.Builder) {
		body["workflow_run"], body["workflow"] = b.WorkflowRun(e.Repository, e.Run), b.Workflow(e.Repository, e.Workflow)
	})
	return body
}

func (p Payloads) workflowJob(e event.WorkflowJob) shape.Object {
	body := p.base(e.Base)
	body["action"] = e.Action
	p.view(func(b shape.Builder) { body["workflow_job"] = b.WorkflowJob(e.Repository, e.Run, e.Job) })
	return body
}

func (p Payloads) checkRun(e event.CheckRun) shape.Object {
	body := p.base(e.Base)
	body["action"] = e.Action
	p.view(func(b shape.Builder) {
		run := b.CheckRun(e.Repository, e.Run)
		if suite, ok := b.Tx.CheckSuites.Get(e.Run.SuiteID); ok {
			run["check_suite"] = suiteOfRun(b.CheckSuite(e.Repository, suite, gitrepo.Commit{}))
		}
		body["check_run"] = run
	})
	return body
}

// suiteOfRun is what a check run's event tells of its suite: more than the API does, and less than the suite's own event.
func suiteOfRun(suite shape.Object) shape.Object {
	for _, field := range []string{"repository", "head_commit", "latest_check_runs_count", "check_runs_url"} {
		delete(suite, field)
	}
	return suite
}

// checkSuite differs from what the API shows of a suite: the repository stands beside it.
func (p Payloads) checkSuite(ctx context.Context, e event.CheckSuite) (shape.Object, error) {
	git, err := p.Git.Open(e.Repository.Owner, e.Repository.Name)
	if err != nil {
		return nil, err
	}
	head, err := git.Commit(ctx, e.Suite.HeadSHA)
	if err != nil {
		return nil, err
	}
	body := p.base(e.Base)
	body["action"] = e.Action
	p.view(func(b shape.Builder) {
		suite := b.CheckSuite(e.Repository, e.Suite, head)
		delete(suite, "repository")
		body["check_suite"] = suite
	})
	return body, nil
}

// dispatch is sent to no webhook here: it is the event file of the runs that they start.
func (p Payloads) dispatch(e event.Dispatch) shape.Object {
	body := p.base(e.Base)
	if e.Workflow.ID == 0 {
		body["action"], body["branch"], body["client_payload"] = e.EventType, e.Repository.DefaultBranch, e.ClientPayload
		return body
	}
	body["ref"], body["inputs"], body["workflow"] = e.Ref, e.Inputs, e.Workflow.Path
	return body
}
