package state

import "time"

// CheckSuite groups the check runs of one App on one commit; each workflow run has its own. It belongs to its repository.
type CheckSuite struct {
	ID                   int64
	RepositoryID         int64
	AppID                int64 // 0: GitHub Actions
	HeadBranch           string
	HeadSHA              string
	Before, After        string
	Status               string // queued, in_progress, completed
	Conclusion           string // "" until completed
	CreatedAt, UpdatedAt time.Time
}

func (s CheckSuite) key() int64     { return s.ID }
func (s CheckSuite) parent() int64  { return s.RepositoryID }
func (s CheckSuite) unique() string { return "" }

// CheckRun belongs to its repository. A workflow job is a check run with the job's id: take job ids from CheckRuns.NextID.
type CheckRun struct {
	ID           int64
	RepositoryID int64
	SuiteID      int64
	AppID        int64 // 0: GitHub Actions (made with a run token, or by a workflow job)
	JobID        int64 // set for the check run of a workflow job
	Name         string
	HeadSHA      string
	ExternalID   string
	DetailsURL   string
	Status       string // queued, in_progress, completed
	Conclusion   string // "" until completed
	StartedAt    time.Time
	CompletedAt  time.Time

	Title, Summary, Text string // output
	Annotations          []Annotation
}

// Annotation of a check run.
type Annotation struct {
	Path                   string
	StartLine, EndLine     int
	StartColumn, EndColumn int
	Level                  string // notice, warning, failure
	Message, Title         string
	RawDetails             string
}

func (c CheckRun) key() int64     { return c.ID }
func (c CheckRun) parent() int64  { return c.RepositoryID }
func (c CheckRun) unique() string { return "" }
