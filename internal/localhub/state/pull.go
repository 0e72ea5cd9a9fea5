package state

import (
	"fmt"
	"iter"
	"time"
)

// Pull is a pull request. It belongs to its base repository. ByName: PullName(repository id, number).
type Pull struct {
	ID           int64
	RepositoryID int64
	Number       int
	Title        string
	Body         string
	AuthorID     int64
	State        string // "open" or "closed"
	Draft        bool
	Locked       bool

	HeadRepositoryID int64  // 0: deleted
	HeadRef          string // branch name without refs/heads/
	HeadSHA          string
	BaseRef          string
	BaseSHA          string // of the base branch when the pull request was opened or last synchronised

	Labels    []int64 // label ids
	Assignees []int64 // user ids

	Merged         bool
	MergedAt       time.Time
	MergedByID     int64
	MergeCommitSHA string
	ClosedAt       time.Time
	// Merging is a merge under way: it is written before the base branch moves, and taken away when all else of the merge is written. What a
	// killed process leaves of it tells what it was about to do.
	Merging *Merging `json:",omitempty"`

	// Async is the newest asynchronous merge that was asked for.
	Async *AsyncMerge `json:",omitempty"`

	MaintainerCanModify  bool
	CreatedAt, UpdatedAt time.Time
}

// Merging is a merge that moves the base branch from Old to New, in the name of ByID. HeadSHA is what it merges.
type Merging struct {
	Old, New, HeadSHA string
	ByID              int64
	ByRunToken        bool
	InstallationID    int64
}

// AsyncMerge is a merge that was asked for and is done later, by the merge queue where the branch has one.
type AsyncMerge struct {
	UUID           string
	Method, Action string // as asked for; "default" where nothing was said
	SHA            string // the head that is to be merged
	Title, Message *string
	ByID           int64
	Status         string // pending, enqueued, merged, failed
	Why            string // of failed
}

// Enqueued says that a pull request is in the merge queue. A push to its branch takes it out.
func (p Pull) Enqueued() bool {
	return p.Async != nil && p.Async.Status == "enqueued" && p.Async.SHA == p.HeadSHA && p.State == "open"
}

// PullName is the key of Pulls.ByName.
func PullName(repositoryID int64, number int) string {
	return fmt.Sprintf("%d/%d", repositoryID, number)
}

func (p Pull) key() int64     { return p.ID }
func (p Pull) parent() int64  { return p.RepositoryID }
func (p Pull) unique() string { return PullName(p.RepositoryID, p.Number) }
func (p Pull) isOpen() bool   { return p.State == "open" }

// OpenPulls iterates over the open pull requests to a repository, by ascending id. Inside Update, collect before you Put.
func (tx *Tx) OpenPulls(repositoryID int64) iter.Seq[Pull] {
	return func(yield func(Pull) bool) {
		for id := range tx.Pulls.marked(repositoryID) {
			if p, ok := tx.Pulls.Get(id); ok && !yield(p) {
				return
			}
		}
	}
}

// OpenPullCount returns how many pull requests to a repository are open.
func (tx *Tx) OpenPullCount(repositoryID int64) int { return len(tx.Pulls.open[repositoryID]) }

// Comment is a comment on an issue or pull request. It belongs to its Pull.
type Comment struct {
	ID                   int64
	RepositoryID         int64
	PullID               int64
	AuthorID             int64
	Body                 string
	CreatedAt, UpdatedAt time.Time
}

func (c Comment) key() int64     { return c.ID }
func (c Comment) parent() int64  { return c.PullID }
func (c Comment) unique() string { return "" }

// Label belongs to its repository. ByName: LabelName(repository id, name).
type Label struct {
	ID           int64
	RepositoryID int64
	Name         string
	Color        string // six hex digits without #
	Description  string
	Default      bool
}

// LabelName is the key of Labels.ByName.
func LabelName(repositoryID int64, name string) string {
	return fmt.Sprintf("%d/%s", repositoryID, UserName(name))
}

func (l Label) key() int64     { return l.ID }
func (l Label) parent() int64  { return l.RepositoryID }
func (l Label) unique() string { return LabelName(l.RepositoryID, l.Name) }

// Review of a pull request, to which it belongs.
type Review struct {
	ID           int64
	RepositoryID int64
	PullID       int64
	AuthorID     int64
	Body         string
	State        string // APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
	CommitID     string
	SubmittedAt  time.Time
}

func (r Review) key() int64     { return r.ID }
func (r Review) parent() int64  { return r.PullID }
func (r Review) unique() string { return "" }

// CommitStatus is a status set on a commit by the statuses API. It belongs to its repository.
type CommitStatus struct {
	ID                   int64
	RepositoryID         int64
	SHA                  string
	State                string // error, failure, pending, success
	Context              string
	Description          string
	TargetURL            string
	CreatorID            int64
	CreatedAt, UpdatedAt time.Time
}

func (s CommitStatus) key() int64     { return s.ID }
func (s CommitStatus) parent() int64  { return s.RepositoryID }
func (s CommitStatus) unique() string { return "" }
