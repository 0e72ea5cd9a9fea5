// Package event is the bus inside localhub: what happens in a repository, told to the webhooks and to the Actions engine.
// It may import state only.
package event

import (
	"sync"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// ZeroSHA stands for "no commit" in Before (created) and After (deleted).
const ZeroSHA = "0000000000000000000000000000000000000000"

// Event is one of the types below. All carry snapshots taken when it happened, so that a subscriber tells what was true then.
type Event interface {
	// Name is GitHub's name of the event, as in X-GitHub-Event.
	Name() string
	// Repo is where it happened.
	Repo() state.Repository
	// Told is what all events have.
	Told() Base
}

// Base is what all events have.
type Base struct {
	Repository state.Repository
	Sender     state.User // who did it
	// ByRunToken: done with the GITHUB_TOKEN of a workflow run. Webhooks are delivered, but no workflow starts.
	ByRunToken bool
	// InstallationID is that of the token used; 0 when it was none of an App.
	InstallationID int64
	// Change is the id of the change of a ref that caused the event, 0 when it was none.
	Change int64
	// Again: an earlier process has perhaps told of it. Who has something on record of this Change leaves it at that.
	Again bool
	// Receipt is taken by whoever keeps the event in memory; nil for events that nobody tells again.
	Receipt *Receipt
}

// Told returns the base of the event.
func (b Base) Told() Base { return b }

// Repo implements Event.
func (b Base) Repo() state.Repository { return b.Repository }

// Push tells that a branch or tag was created, moved or deleted.
type Push struct {
	Base
	Ref              string // refs/heads/main
	Before, After    string // ZeroSHA when created / deleted
	Created, Deleted bool
	Forced           bool
}

// Create tells that a branch or tag was created (besides its Push).
type Create struct {
	Base
	Ref     string // without refs/heads/ or refs/tags/
	RefType string // "branch" or "tag"
}

// Delete tells that a branch or tag was deleted (besides its Push).
type Delete struct {
	Base
	Ref     string // without refs/heads/ or refs/tags/
	RefType string // "branch" or "tag"
}

// PullRequest tells of a pull request.
type PullRequest struct {
	Base
	Action        string // opened, synchronize, closed, reopened, edited, labeled, unlabeled, …
	Pull          state.Pull
	Before, After string                    // synchronize: the old and new head
	Label         state.Label               // labeled, unlabeled
	Changes       map[string]map[string]any // edited: field → {"from": old value}
}

// WorkflowRun tells of a workflow run.
type WorkflowRun struct {
	Base
	Action   string // requested, in_progress, completed
	Run      state.Run
	Workflow state.Workflow
}

// WorkflowJob tells of a job of a workflow run.
type WorkflowJob struct {
	Base
	Action string // queued, in_progress, completed
	Run    state.Run
	Job    state.Job
}

// CheckRun tells of a check run.
type CheckRun struct {
	Base
	Action string // created, completed, rerequested
	Run    state.CheckRun
}

// CheckSuite tells that all check runs of a suite are completed. GitHub tells of suites that are requested to those Apps alone that may write
// checks; localhub does not.
type CheckSuite struct {
	Base
	Action string // completed
	Suite  state.CheckSuite
}

// PullRequestReview tells of a review.
type PullRequestReview struct {
	Base
	Action string // submitted, dismissed
	Pull   state.Pull
	Review state.Review
}

// Status tells of a commit status.
type Status struct {
	Base
	Status state.CommitStatus
}

// Dispatch asks for a workflow by hand (workflow_dispatch) or for all that listen (repository_dispatch). Unlike other events it starts workflows also
// when sent with a run token.
type Dispatch struct {
	Base
	Workflow      state.Workflow // workflow_dispatch; zero for repository_dispatch
	Ref           string         // refs/heads/main
	Inputs        map[string]any // workflow_dispatch
	EventType     string         // repository_dispatch
	ClientPayload any            // repository_dispatch
}

// Name implements Event.
func (Push) Name() string              { return "push" }
func (Create) Name() string            { return "create" }
func (Delete) Name() string            { return "delete" }
func (PullRequest) Name() string       { return "pull_request" }
func (WorkflowRun) Name() string       { return "workflow_run" }
func (WorkflowJob) Name() string       { return "workflow_job" }
func (CheckRun) Name() string          { return "check_run" }
func (CheckSuite) Name() string        { return "check_suite" }
func (PullRequestReview) Name() string { return "pull_request_review" }
func (Status) Name() string            { return "status" }

// Name is workflow_dispatch or repository_dispatch.
func (d Dispatch) Name() string {
	if d.Workflow.ID == 0 {
		return "repository_dispatch"
	}
	return "workflow_dispatch"
}

// Bus passes events on. The zero value is ready; it is safe for concurrent use.
type Bus struct {
	mu   sync.RWMutex
	subs []func(Event)
}

// Subscribe adds a subscriber. It is called in the publisher's goroutine, so it must be quick (queue what takes long); it may publish.
func (b *Bus) Subscribe(f func(Event)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs = append(b.subs, f)
}

// Publish calls every subscriber in the order of their subscription. Call it after the Update that made the event true, never inside one.
func (b *Bus) Publish(events ...Event) {
	b.mu.RLock()
	subs := b.subs
	b.mu.RUnlock()
	for _, e := range events {
		for _, f := range subs {
			f(e)
		}
	}
}
