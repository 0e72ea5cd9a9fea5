package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/semaphore"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	// maxBatchBody bounds the body that creates a batch, in bytes, and those that are worked on
	// at the same time: each takes several times its size.
	maxBatchBody = 32 << 20
	leastBody    = 64 << 10 // counts for a small one
	batchWait    = 20 * time.Second
)

// BatchJobRequest is a job of a batch.
type BatchJobRequest struct {
	JobRequest
	DependencyRequest
	Name       string    `json:"name,omitempty" doc:"Names the job for the depends_on of the other jobs of the batch" maxLength:"63"`
	DelayUntil time.Time `json:"delay_until,omitzero" doc:"The job is not pushed before this time"`
}

// Batch is the answer that tells of a batch.
type Batch struct {
	BatchID string `json:"batch_id" doc:"Names the batch. Where it was created as a whole, the job at an index has the id {batch_id}-{index}, with the index in five digits"`
	Total   int    `json:"total" doc:"How many jobs it was created with or, where callers named it job by job, how many there are"`
	Counts  Counts `json:"counts" doc:"How many jobs have each status"`
	// Missing is more than 0 where the server forgot jobs.
	Missing     int       `json:"missing,omitempty" doc:"How many of the jobs the server does not know: its database was lost before they were pushed, and a repeat of the request with its idempotency key creates them; or it has forgotten them in the course of time"`
	Terminal    bool      `json:"terminal" doc:"Whether polling may stop: all jobs that there are are at an end"`
	Failures    int       `json:"failures" doc:"How many jobs failed by themselves: without those that were cancelled, and those that depend on one that failed"`
	MaxFailures *int      `json:"max_failures,omitempty" doc:"How many may fail; left out for any number"`
	Stopped     bool      `json:"stopped" doc:"More jobs failed than may; the others are cancelled"`
	Indexed     bool      `json:"indexed" doc:"Whether it was created as a whole, so that its results are told by index"`
	CreatedAt   time.Time `json:"created_at,omitzero" doc:"When the batch, or the first of its jobs, was created; left out where all of its jobs are forgotten"`
}

// Counts are how many jobs have each status.
type Counts struct {
	Pending   int `json:"pending" doc:"Wait for their push or a runner"`
	Running   int `json:"running" doc:"Are being done"`
	Completed int `json:"completed" doc:"Have succeeded"`
	Failed    int `json:"failed" doc:"Have failed, or were cancelled"`
	Merged    int `json:"merged" doc:"Have succeeded and are merged"`
}

func tellBatch(b store.Batch) Batch {
	n := b.Status
	out := Batch{
		BatchID: b.ID, Total: max(b.Size, b.Known()), Missing: max(0, b.Size-b.Known()), Terminal: b.Active() == 0, Failures: b.Failures, Stopped: b.Over(),
		Indexed: b.Size > 0, CreatedAt: b.CreatedAt, Counts: Counts{
			Pending: n[githubjobs.StatusPending], Running: n[githubjobs.StatusRunning], Completed: n[githubjobs.StatusCompleted], Failed: n[githubjobs.StatusFailed], Merged: n[githubjobs.StatusMerged],
		},
	}
	if b.Limit > 0 {
		most := b.Limit - 1
		out.MaxFailures = &most
	}
	return out
}

type batchInput struct {
	Key  string `header:"Idempotency-Key" doc:"Names this request: repeated with the same key it means the same batch" minLength:"1" maxLength:"255"`
	head http.Header
	body io.Reader
	size int64
}

var _ huma.Resolver = (*batchInput)(nil)

// Resolve implements huma.Resolver.
func (in *batchInput) Resolve(ctx huma.Context) []error {
	r, w := humago.Unwrap(ctx)
	in.head, in.body, in.size = r.Header, http.MaxBytesReader(w, r.Body, maxBatchBody), r.ContentLength
	return nil
}

type batchOutput struct {
	Status   int
	Replayed string `header:"Idempotency-Replayed" doc:"true: the key named this batch already, and no job was created" enum:"true"`
	Body     Batch
}

// createBatch answers when all jobs are durable, as create-job does; none is where it fails.
func (a *api) createBatch(ctx context.Context, in *batchInput) (*batchOutput, error) {
	release, err := a.takeRoom(ctx, in.size)
	if err != nil {
		return nil, err
	}
	defer release()
	id, request, err := a.readBatch(ctx, in)
	if err != nil {
		return nil, err
	}
	if err := a.chooseAll(ctx, request); err != nil {
		return nil, err
	}
	if err := a.admitBatch(ctx, request); err != nil {
		return nil, err
	}
	if err := a.batchSecretsProblem(ctx, request); err != nil {
		return nil, err
	}
	failpoint.Here("batch/accept")
	added, err := a.Batches.AcceptAll(ctx, a.Project, request.specs)
	switch {
	case errors.Is(err, store.ErrExists):
		return nil, batchKeyReused(id)
	case errors.Is(err, store.ErrDependency):
		return nil, a.batchDependencyProblem(request, err)
	case err != nil:
		return nil, a.storeProblem(ctx, err)
	}
	failpoint.Here("batch/accepted")
	a.Accepted()
	out := &batchOutput{Status: http.StatusCreated, Body: created(id, request)}
	if added < len(request.specs) {
		b, err := a.Batches.Batch(ctx, a.Project, id)
		switch {
		case errors.Is(err, store.ErrNotFound): // all of its jobs have ended long ago, and were removed
			out.Body = Batch{BatchID: id, Total: len(request.specs), Missing: len(request.specs), Terminal: true, MaxFailures: request.maxFailures, Indexed: true}
		case err != nil:
			return nil, a.batchProblem(ctx, id, err)
		default:
			out.Body = tellBatch(b)
		}
	}
	if added == 0 {
		out.Status, out.Replayed = http.StatusOK, strconv.FormatBool(true)
	}
	return out, nil
}

// created is the batch at its creation.
func created(id string, b *batchRequest) Batch {
	return Batch{
		BatchID: id, Total: len(b.specs), Counts: Counts{Pending: len(b.specs)}, MaxFailures: b.maxFailures, Indexed: true, CreatedAt: b.specs[0].CreatedAt,
	}
}

// takeRoom keeps the bodies that are worked on at the same time within maxBatchBody.
func (a *api) takeRoom(ctx context.Context, size int64) (release func(), err error) {
	if size < 0 || size > maxBatchBody { // it is not announced, or will be refused
		size = maxBatchBody
	}
	size = max(size, leastBody)
	within, cancel := context.WithTimeout(ctx, batchWait)
	defer cancel()
	if err := a.room.Acquire(within, size); err != nil {
		return nil, problem.New(problem.TooManyBatches, "The batch was not created: other large batches are being stored. Try again.").After(storageRetry)
	}
	return func() { a.room.Release(size) }, nil
}

func newRoom() *semaphore.Weighted { return semaphore.NewWeighted(maxBatchBody) }

// readBatch makes the specs of a batch from the caller's body.
func (a *api) readBatch(ctx context.Context, in *batchInput) (id string, b *batchRequest, err error) {
	header, err := keyFromHeader(in.head)
	if err != nil {
		return "", nil, err
	}
	raw, err := io.ReadAll(in.body)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return "", nil, problem.New(problem.BodyTooLarge, "The body has more than %d bytes; make several batches of it.", maxBatchBody)
	}
	if err != nil {
		return "", nil, problem.New(problem.InvalidBody, "The body could not be read to its end: %s.", err)
	}
	if b, err = decodeBatch(raw, header, a.DefaultKind); err != nil {
		return "", nil, err
	}
	base, err := a.Base(ctx)
	if err != nil {
		return "", nil, a.storeProblem(ctx, err)
	}
	now := a.Now()
	if id = githubjobs.NewBatchID(now); b.key != "" {
		id = githubjobs.KeyedBatchID(a.Project, b.key)
	}
	return id, b, b.complete(id, base, now)
}

// complete makes the specs of the batch with that id whole, and validates them.
func (b *batchRequest) complete(id, base string, now time.Time) error {
	byName, wrong := b.byName()
	for i := range b.specs {
		s := &b.specs[i]
		if s.Base == "" {
			if s.Base = base; base == "" {
				return baseUnknown()
			}
		}
		s.ID, s.Batch, s.Request = githubjobs.MemberID(id, i), id, b.fingerprint
		s.Member = &githubjobs.Member{Index: i, Of: len(b.specs), Name: b.names[i], MaxFailures: b.maxFailures}
		s.Labels = append(s.Labels, b.labels...)
		err := b.resolve(id, i, byName)
		if s.Normalize(now); err == nil {
			err = fieldProblem(s.Validate())
		}
		if err != nil {
			if wrong.add(inField(b.at(i), err)); len(wrong) >= mostMistakes {
				break
			}
		}
	}
	if len(wrong) > 0 {
		return wrong.problem()
	}
	return b.circle()
}

// admitBatch turns a batch away that cannot be pushed in time. A request whose key was used
// before needs no room.
func (a *api) admitBatch(ctx context.Context, b *batchRequest) error {
	now := 0 // jobs that are to be pushed without delay, and wait for no others
	for _, s := range b.specs {
		if (githubjobs.Facts{Spec: &s}).Holding(a.Now()) == githubjobs.HeldByNothing {
			now++
		}
	}
	after, most := a.Room(ctx, now)
	if after == 0 {
		return nil
	}
	if a.knownBatch(ctx, b) {
		return nil
	}
	if now > most {
		return problem.New(problem.BatchTooLarge, "The batch was not created: of its %d jobs, %d at most can be pushed to GitHub within the time that a job may wait (MAX_QUEUE_TIME). Make batches of that size, one after the other; or let the server wait longer or push faster (REFS_PER_10_SECONDS, PUSHES_PER_MINUTE).", now, most).OfField(b.list)
	}
	return problem.New(problem.QueueFull, "The batch was not created: so many jobs wait to be pushed to GitHub that it would not be the turn of all of its jobs in time. Try again when Retry-After has passed.").After(after)
}

// knownBatch says whether the batch's key was used before.
func (a *api) knownBatch(ctx context.Context, b *batchRequest) bool {
	if b.key == "" {
		return false
	}
	known, err := a.Batches.FactsOf(ctx, a.Project, b.specs[0].ID, b.specs[len(b.specs)-1].ID)
	return err == nil && len(known) > 0
}

// chooseAll is choose for every job of a batch.
func (a *api) chooseAll(ctx context.Context, b *batchRequest) error {
	for i := range b.specs {
		if err := a.choose(ctx, &b.specs[i]); err != nil {
			if a.knownBatch(ctx, b) {
				return nil
			}
			return inField(b.at(i), err)
		}
	}
	return nil
}
