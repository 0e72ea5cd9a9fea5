// Package api is the HTTP side of the server: endpoints, authentication, errors,
// OpenAPI. It reads and writes the store, and asks GitHub nothing but what Options.Gate does.
//
// It imports githubjobs and its packages, internal/gatekeeper, internal/store, internal/schedule, internal/batch, internal/live and internal/api/problem; what
// else it needs it is handed in Options.
package api

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/batch"
	"github.com/githubjobs/githubjobs/internal/live"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Jobs is what the API needs of the store; store.Jobs describes the methods.
type Jobs interface {
	Accept(ctx context.Context, project string, spec githubjobs.Spec) error
	Swept(ctx context.Context, project, id string) (store.Swept, error)
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
	List(ctx context.Context, project string, q store.Query) (store.Page, error)
}

// Batches is what the API needs of the store for batches; store.Batches describes the methods.
type Batches interface {
	batch.Store
	AcceptAll(ctx context.Context, project string, specs []githubjobs.Spec) (added int, err error)
	Batch(ctx context.Context, project, id string) (store.Batch, error)
	ListBatches(ctx context.Context, project string, after store.Cursor, limit int) (list []store.Batch, next store.Cursor, err error)
}

// Receipts is what the API needs of the store for receipts; store.Receipts describes the method.
type Receipts interface {
	Receipt(ctx context.Context, project, id string) (store.Receipt, error)
}

// Options are what the API is made of. Every field must be set.
type Options struct {
	Project     string   // whose jobs are served
	Keys        []string // accepted API keys
	DefaultKind githubjobs.Kind
	Jobs        Jobs
	Batches     Batches
	Schedules   store.Schedules
	Receipts    Receipts
	Gate        Gate
	Live        *live.Service // of the same project and clock
	Scheduler   Scheduler
	// Base returns the branch into which a job is merged that names none. It
	// returns "" while that is not known.
	Base func(ctx context.Context) (string, error)
	Admission
	// Read says whether GitHub was ever read completely; before, a job that is not known may
	// be known there.
	Read func() bool
	// JobRetention is after how long jobs that have ended are removed; 0 for never.
	JobRetention time.Duration
	// Full returns 0 while jobs are taken; else it is how long it takes until there is room.
	Full func(ctx context.Context) time.Duration
	// Room returns 0 when there is room for so many jobs; else how long it takes until there is,
	// and how many there is room for when none wait.
	Room func(ctx context.Context, jobs int) (after time.Duration, most int)
	// ReceiptKeys are those that sign receipts, the present one first, and may be none.
	ReceiptKeys []receipt.Key
	// Accepted is called after a job was stored. It must return at once.
	Accepted func()
	// Canceled is called after a request to cancel a job was stored. It must return at once.
	Canceled func()
	// Scheduled is called after a schedule was stored. It must return at once.
	Scheduled func()
	// Readiness is called for /readyz.
	Readiness func(ctx context.Context) Readiness
	Webhook   http.Handler // takes GitHub's deliveries
	Metrics   http.Handler // answers /metrics
	Log       *slog.Logger
	Now       func() time.Time
}

type api struct {
	Options
	digests [][sha256.Size]byte // of Keys
	answers *answers
	room    *semaphore.Weighted // for the bodies of batches
}

// New makes the handler of the whole server.
func New(o Options) http.Handler {
	a := &api{Options: o, answers: newAnswers(), room: newRoom()}
	for _, key := range o.Keys {
		a.digests = append(a.digests, sha256.Sum256([]byte(key)))
	}
	return a.observe(a.routes())
}
