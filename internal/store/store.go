// Package store keeps the server's projection of what GitHub knows about jobs,
// and the little that is the server's own: jobs that were accepted and are not
// pushed yet, schedules, the webhook deliveries that were received, what attempts tell
// of themselves while they go on, and the receipts of jobs that have ended.
//
// The package declares the interface and the rules that every store shares. It
// imports the standard library, githubjobs and githubjobs/receipt; the stores live in packages named
// after their technology, and storetest holds the suite that each of them passes.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

var (
	// ErrNotFound: the store has nothing under that name.
	ErrNotFound = errors.New("not found")
	// ErrExists: a job with that id is there already.
	ErrExists = errors.New("a job with this id exists already")
	// ErrDuplicate: a delivery with that GUID was recorded before.
	ErrDuplicate = errors.New("the delivery was received before")
	// ErrFull: the disk is full, and nothing can be written until there is room.
	ErrFull = errors.New("the disk that holds the database is full")
	// ErrLost: another process may lead the project by now.
	ErrLost = errors.New("the lead of the project is lost")
	// ErrUnavailable: the database cannot be used at present.
	ErrUnavailable = errors.New("the database is unavailable")
)

// Store is the projection. All methods may be called concurrently. What a method
// wrote is durable (it survives the loss of power) when the method returns nil.
// Errors that are not named at a method wrap ErrFull or ErrUnavailable, or the
// context's error; in the latter case the write may yet happen.
type Store interface {
	Jobs
	Batches
	Order
	Deliveries
	Schedules
	Streams
	Receipts
	Projects
	Leadership
	// Check writes to the database, to tell whether that is possible.
	Check(ctx context.Context) error
	// Close waits for the writes under way and releases the database.
	Close() error
}

// Jobs are the facts of every job, by project.
type Jobs interface {
	// Accept stores a new job, to be pushed. It returns ErrExists when the id is taken, also
	// by a job that was removed, and else a DependencyError when the job depends on one that
	// is not known.
	Accept(ctx context.Context, project string, spec githubjobs.Spec) error
	// Waiting lists accepted jobs that are to be pushed now and of which no push is known:
	// the highest priority first, and of one priority the oldest.
	Waiting(ctx context.Context, project string, limit int) ([]githubjobs.Facts, error)
	// Due lists the jobs about which something is to be done by the given time, the
	// longest due first; see githubjobs.Facts.Next.
	Due(ctx context.Context, project string, until time.Time, limit int) ([]githubjobs.Facts, error)
	// MergeFacts joins facts to what is known, all of them in one transaction.
	// Facts of a job that is unknown are kept; see Facts.
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
	// Facts returns what is known of a job. It returns ErrNotFound also while the
	// job's spec is unknown: a branch named like a job's need not be one. The facts
	// are shared with other callers: what they refer to must not be changed. Its error
	// wraps ErrDamaged when what is stored cannot be read; wherever else a store meets
	// such a job it spares the others, see Damage.
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	// RefreshJobs computes anew the columns of these jobs.
	RefreshJobs(ctx context.Context, project string, ids ...string) error
	// Refresh computes anew the columns of the jobs that are not at an end, since
	// some states are reached by the passing of time alone.
	Refresh(ctx context.Context, project string) error
	// Active returns what is known of the jobs that are not at an end, in the order of
	// their ids, from the first one after the given id on; none when there is no more.
	Active(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error)
	// Live returns what is known of the jobs whose branch exists or whose run has not ended,
	// in the order of their ids, from the first one after the given id on.
	Live(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error)
	// SweepJobs removes at most limit jobs of the project that have ended, whose branch is
	// gone, and of which nothing was learnt since the given time, the oldest first. It
	// returns how many it removed. The ids of those with an idempotency key stay taken; see
	// Swept.
	SweepJobs(ctx context.Context, project string, before time.Time, limit int) (int, error)
	// Swept returns what is left of a job that had an idempotency key and was removed, or
	// ErrNotFound.
	Swept(ctx context.Context, project, id string) (Swept, error)
	// Known says what is known of the attempts of the jobs that GitHub may have news of:
	// those with a branch that exists, those with a run that has not ended, and those of
	// which something was learnt since the given time.
	Known(ctx context.Context, project string, since time.Time) (map[githubjobs.Name]Known, error)
	// List lists jobs, the newest first, a page at a time. An error of the query
	// wraps ErrQuery.
	List(ctx context.Context, project string, q Query) (Page, error)
	// Counts says how many jobs there are and how much there is to do. It costs the
	// same for any number of jobs.
	Counts(ctx context.Context, project string) (Counts, error)
}

// RefreshBatch is how many jobs Refresh writes in one transaction, so that other writes
// need not wait for all of them.
const RefreshBatch = 200

// Known is what a store knows of an attempt of a job, as far as it decides what to ask GitHub.
type Known struct {
	Head    string // of its branch; empty while that, or what its commits say, is not known
	Deleted bool   // the branch is known to be gone
	Run     int64  // id of a run that has not ended; 0 for none
}

// Counts says how many jobs a project has, and how much there is to do.
type Counts struct {
	Jobs          int                       // all of them
	Status        map[githubjobs.Status]int // how many have each status; none stands for 0
	Waiting       int                       // jobs accepted and not pushed
	WaitingSince  time.Time                 // creation of the oldest of them; zero when there is none
	Active        int                       // jobs that are not at an end, the waiting ones included
	Deliveries    int                       // received and not processed
	LastDelivery  time.Time                 // receipt of the newest delivery, whether it is kept or not; zero when there is none
	DeliverySince time.Time                 // receipt of the oldest that is not processed
}

// Leadership chooses, among the processes that share a database, the one that works
// on a project's repository.
type Leadership interface {
	// Lead waits until no other process leads the project, and takes the lead. It is
	// freed by Release and by the death of the process at once, and some seconds after
	// the process was frozen or cut off from the database. accepted is called whenever
	// any process accepted a job, or a request to cancel or to attempt one, or stored an End, and must
	// return at once.
	Lead(ctx context.Context, project string, accepted func()) (Lease, error)
}

// Lease is the lead of a project, while it lasts.
type Lease interface {
	// Since is when the lead was taken: whatever another process did, it did before.
	Since() time.Time
	// Lost is closed when the lead is known to be lost. It is never closed by Release.
	Lost() <-chan struct{}
	// Hold returns nil when the lead is still held now; the database says so.
	Hold(ctx context.Context) error
	// Release gives the lead up. It may be called more than once.
	Release()
}

// Deliveries are the webhook deliveries that GitHub sent, each processed once.
type Deliveries interface {
	// RecordDelivery stores a delivery. It returns ErrDuplicate when the project
	// has one with that GUID.
	RecordDelivery(ctx context.Context, d Delivery) error
	// PendingDeliveries lists those that are not processed, oldest first.
	PendingDeliveries(ctx context.Context, project string, limit int) ([]Delivery, error)
	// FinishDelivery merges the facts that a delivery told and marks it as
	// processed, in one transaction.
	FinishDelivery(ctx context.Context, project, guid, outcome string, facts ...githubjobs.Facts) error
	// Delivery returns one delivery, or ErrNotFound.
	Delivery(ctx context.Context, project, guid string) (Delivery, error)
	// SweepDeliveries removes at most limit deliveries, of all projects, that were
	// received before the given time and are processed, the oldest first. It returns
	// how many it removed.
	SweepDeliveries(ctx context.Context, before time.Time, limit int) (int, error)
}

// Delivery is one webhook delivery, as it came.
type Delivery struct {
	Project    string
	GUID       string // X-GitHub-Delivery; a redelivery has the same
	Event      string // X-GitHub-Event
	ReceivedAt time.Time
	Body       []byte
	FinishedAt time.Time // zero until it is processed
	Outcome    string    // what came of it, in words
}

// Projects is what the server remembers of a repository.
type Projects interface {
	// Project returns the zero Project for one that is not known yet.
	Project(ctx context.Context, project string) (Project, error)
	// SetDefaultBranch remembers the repository's default branch.
	SetDefaultBranch(ctx context.Context, project, branch string) error
	// SetBaseHead remembers where the branch that jobs start from was when its rules may
	// have changed.
	SetBaseHead(ctx context.Context, project, sha string) error
	// SetReconciled remembers until when the facts of GitHub are known completely.
	SetReconciled(ctx context.Context, project string, at time.Time) error
}

// Project is what the server remembers of one repository.
type Project struct {
	DefaultBranch string
	BaseHead      string // of the branch that jobs start from, when a push last may have changed its rules; "" before that
	ReconciledAt  time.Time
}
