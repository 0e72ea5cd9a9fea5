package state

import (
	"fmt"
	"strings"
	"time"
)

// Workflow is a workflow file of a repository, to which it belongs. ByName: WorkflowName(repository id, path).
type Workflow struct {
	ID           int64
	RepositoryID int64
	Name         string
	Path         string // .github/workflows/run-job.yml
	State        string // active, disabled_manually, deleted
	LastRun      int    // the last run_number given
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// WorkflowName is the key of Workflows.ByName.
func WorkflowName(repositoryID int64, path string) string {
	return fmt.Sprintf("%d/%s", repositoryID, path)
}

func (w Workflow) key() int64     { return w.ID }
func (w Workflow) parent() int64  { return w.RepositoryID }
func (w Workflow) unique() string { return WorkflowName(w.RepositoryID, w.Path) }

// Run is a workflow run in its current attempt. It belongs to its repository.
type Run struct {
	ID           int64
	RepositoryID int64
	WorkflowID   int64
	Number       int // run_number
	Attempt      int // run_attempt, from 1
	SuiteID      int64
	Name         string
	DisplayTitle string
	Path         string
	Event        string // push, workflow_dispatch, pull_request, …
	Payload      []byte // the event's JSON, as in GITHUB_EVENT_PATH
	HeadBranch   string
	HeadSHA      string
	HeadCommit   HeadCommit
	Ref          string // refs/heads/…
	Status       string // queued, in_progress, completed, waiting, pending, requested
	Conclusion   string // "" until completed
	ActorID      int64  // who caused the run
	TriggerID    int64  // who started this attempt (triggering_actor)
	Group        string // concurrency group
	CancelledBy  int64  // a cancel was asked for by this user; 0: none
	CreatedAt    time.Time
	UpdatedAt    time.Time
	StartedAt    time.Time // run_started_at: of this attempt
	Previous     []Attempt // earlier attempts, oldest first
	Error        string    // why the run could not start (conclusion startup_failure)
	Zombie       bool      `json:",omitempty"` // queued for ever, by a fault
	Change       int64     `json:",omitempty"` // the RefChange that started it
}

// HeadCommit is what a run shows of the commit that it runs on.
type HeadCommit struct {
	Tree, Message                 string
	AuthorName, AuthorEmail       string
	CommitterName, CommitterEmail string
	When                          time.Time
}

// Attempt is an earlier attempt of a run.
type Attempt struct {
	Attempt              int
	Status, Conclusion   string
	TriggerID            int64
	StartedAt, UpdatedAt time.Time
}

func (r Run) key() int64     { return r.ID }
func (r Run) parent() int64  { return r.RepositoryID }
func (r Run) unique() string { return "" }

// Job is a job of one attempt of a run, to which it belongs. Its id is that of its check run.
type Job struct {
	ID           int64
	RepositoryID int64
	RunID        int64
	Attempt      int
	JobID        string // its key in the workflow file
	Name         string
	Needs        []string
	Labels       []string // runs-on
	RunnerID     int64
	RunnerName   string
	Status       string // queued, in_progress, completed, waiting
	Conclusion   string // "" until completed
	CreatedAt    time.Time
	StartedAt    time.Time
	CompletedAt  time.Time
	Steps        []Step

	Matrix          map[string]any    // its combination of the matrix; nil without one
	ContinueOnError bool              // its failure is none of the run's
	Outputs         map[string]string // for the jobs that need it
	Summary         string            // Markdown that its steps wrote to GITHUB_STEP_SUMMARY
}

// Step of a job. LogFrom and LogTo are its first and last+1 line in the job's log.
type Step struct {
	Number         int
	Name           string
	Status         string // queued, in_progress, completed
	Conclusion     string
	StartedAt      time.Time
	CompletedAt    time.Time
	LogFrom, LogTo int
}

func (j Job) key() int64     { return j.ID }
func (j Job) parent() int64  { return j.RunID }
func (j Job) unique() string { return "" }

// Variable is a configuration variable of a repository, to which it belongs. ByName: SettingName(repository id, name).
type Variable struct {
	ID                   int64
	RepositoryID         int64
	Name, Value          string
	CreatedAt, UpdatedAt time.Time
}

// Secret is an Actions secret of a repository, to which it belongs. ByName: SettingName(repository id, name).
type Secret struct {
	ID                   int64
	RepositoryID         int64
	Name, Value          string
	CreatedAt, UpdatedAt time.Time
}

// OrganizationSecret is an Actions secret of an organisation, to which it belongs: each of its repositories has it. ByName: SettingName(owner id, name).
type OrganizationSecret struct {
	ID                   int64
	OwnerID              int64
	Name, Value          string
	CreatedAt, UpdatedAt time.Time
}

// SettingName is the key of Variables.ByName and Secrets.ByName: names are compared without regard to case.
func SettingName(belongsTo int64, name string) string {
	return fmt.Sprintf("%d/%s", belongsTo, strings.ToUpper(name))
}

func (v Variable) key() int64     { return v.ID }
func (v Variable) parent() int64  { return v.RepositoryID }
func (v Variable) unique() string { return SettingName(v.RepositoryID, v.Name) }

func (s Secret) key() int64     { return s.ID }
func (s Secret) parent() int64  { return s.RepositoryID }
func (s Secret) unique() string { return SettingName(s.RepositoryID, s.Name) }

func (s OrganizationSecret) key() int64     { return s.ID }
func (s OrganizationSecret) parent() int64  { return s.OwnerID }
func (s OrganizationSecret) unique() string { return SettingName(s.OwnerID, s.Name) }
