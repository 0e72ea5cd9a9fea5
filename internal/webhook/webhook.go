// Package webhook takes GitHub's deliveries: it verifies them, stores them before
// it answers, and turns them into facts afterwards. What was stored and not
// processed when the process died is processed by the next one.
//
// It imports githubjobs, githubjobs/hub, internal/store and internal/api/problem.
package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Hub knows the repository, and makes facts of GitHub's structures; see hub.Repository.
type Hub interface {
	FullName() string
	LearnBase(commit, tree string)
	RunFact(run *hub.WorkflowRun) (of githubjobs.Name, fact githubjobs.RunFact, ok bool)
	UndoFact(pull *github.PullRequest) (id string, fact githubjobs.PullFact, ok bool)
	PullFact(pull *github.PullRequest) (of githubjobs.Name, fact githubjobs.PullFact, ok bool)
}

// Store is what the package needs of the store; store.Deliveries describes the methods.
type Store interface {
	RecordDelivery(ctx context.Context, d store.Delivery) error
	PendingDeliveries(ctx context.Context, project string, limit int) ([]store.Delivery, error)
	FinishDelivery(ctx context.Context, project, guid, outcome string, facts ...githubjobs.Facts) error
	// Facts is that of store.Jobs.
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
}

// Options are what a Receiver is made of. Every field must be set but Secret.
type Options struct {
	Project string
	// Secret is what deliveries are signed with. Without one, all are refused.
	Secret string
	Hub    Hub
	Store  Store
	// DefaultBranch is told the repository's default branch as deliveries name it,
	// from several goroutines.
	DefaultBranch func(name string)
	// Ruled is told of a push that may have changed policy.Path on a branch.
	Ruled func(ctx context.Context, branch, head string)
	// Stirred is told that something has happened on which the verdict on pull requests may
	// depend: on those that their facts say so of, and on all into a branch that has moved,
	// where it is named. It must return at once.
	Stirred func(branch string)
	Log     *slog.Logger
	Now     func() time.Time
}

// Receiver is the endpoint (ServeHTTP) and the worker behind it (Run).
type Receiver struct {
	Options
	wake   chan struct{}
	intake *intake

	putOffs map[string]putOff // deliveries that could not be processed, by GUID; used by Run alone

	mu      sync.Mutex
	running bool
}

// New returns a receiver.
func New(o Options) *Receiver {
	return &Receiver{Options: o, wake: make(chan struct{}, 1), intake: newIntake(maxHeld), putOffs: map[string]putOff{}}
}

// Running says whether the worker runs.
func (r *Receiver) Running() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running
}

func (r *Receiver) setRunning(running bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = running
}
