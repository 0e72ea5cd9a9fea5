// Package task is what every kind of job has in common. Each kind is one package
// below this one.
//
// The package imports githubjobs, githubjobs/policy, go-github and the standard library.
package task

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// Kind does the tasks of one kind of job. Its two halves run in different
// processes: Fetch where a token is and nothing of the job's runs, Run where the
// job's code may run and no token is.
type Kind interface {
	// Depth is how many commits of history the task needs; 0 for all of them.
	Depth() int
	// Fetch asks GitHub for what Run will need and writes it into the folder inputs.
	Fetch(ctx context.Context, repo Repository, spec githubjobs.Spec, inputs string) error
	// Run does the task in t.Tree. It returns an *ExitError when the task itself
	// failed. ctx is done when the task must end.
	Run(ctx context.Context, t Task) (Report, error)
}

// Chooser is a Kind on which the repository's policy has a say.
type Chooser interface {
	// Choose settles what the job and the policy of its base branch leave open, and writes
	// it into the folder inputs for Run. anyOf are the names of secrets of which the task
	// needs one; mend says in words how it gets one.
	Choose(spec githubjobs.Spec, rules policy.Policy, inputs string) (anyOf []string, mend string, err error)
}

// Reader is a Kind that needs what only git can tell. Read is called between Fetch and
// Run, where git and the clone are and nothing of the job's runs; an image that tasks
// run in may be without git. Of t there are Spec, Commit, Base and Inputs, into which it
// writes what Run will need.
type Reader interface {
	Read(ctx context.Context, t Task) error
}

// Repository is the job's repository at GitHub's API.
type Repository struct {
	Client      *github.Client
	Owner, Name string
}

// Task is what Run is given. No path in it is secret; nothing else is to be used.
type Task struct {
	Spec githubjobs.Spec
	// Commit is the creation commit. Its tree is that of its parent, the base.
	Commit string
	// Base is the bare repository, Tree the checkout, Inputs what Fetch wrote,
	// Scratch a folder outside of the checkout that may be written.
	Base, Tree, Inputs, Scratch string
	// Repository is owner/name at the GitHub whose address is Server.
	Repository, Server string
	// Environ is the environment of programs that the task starts.
	Environ []string
	// Grace is how long a program of the task's may take to end when ctx is done.
	Grace time.Duration
	// Log gets the task's output.
	Log io.Writer
}

// Report is what a task has to say of itself.
type Report struct {
	Summary string          `json:"summary,omitempty"` // Markdown, a few lines
	Stats   json.RawMessage `json:"stats,omitempty"`   // the kind's own figures, a JSON object
	Error   string          `json:"error,omitempty"`   // why it failed
	// Usage is what the task used of a language model; nil for nothing.
	Usage *githubjobs.Usage `json:"usage,omitempty"`
}

// ExitError tells that the task failed, as opposed to the agent.
type ExitError struct {
	Code    int // not 0
	Message string
}

func (e *ExitError) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Message
}

// Refused tells that the job may not or can't be done as it is. No other attempt mends that:
// a person does, as Err says.
type Refused struct {
	Reason githubjobs.Reason // ReasonPolicyDenied or ReasonSecretMissing
	Err    error
}

// Deny is a refusal because of the policy on the base branch; nil for nil.
func Deny(err error) error { return refuse(githubjobs.ReasonPolicyDenied, err) }

// Lack is a refusal for want of a secret; nil for nil.
func Lack(err error) error { return refuse(githubjobs.ReasonSecretMissing, err) }

func refuse(reason githubjobs.Reason, err error) error {
	if err == nil {
		return nil
	}
	return &Refused{reason, err}
}

func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap returns why.
func (r *Refused) Unwrap() error { return r.Err }
