package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Batches are the jobs that share a batch id, counted. They are computed from the jobs,
// in the transactions that change these, but for StoppedAt.
type Batches interface {
	// AcceptAll stores new jobs, to be pushed, in one transaction. Those that are there
	// already, from the same request, stay as they are; added is how many were not. It
	// stores none and returns ErrExists when one of the ids is taken by another request.
	AcceptAll(ctx context.Context, project string, specs []githubjobs.Spec) (added int, err error)
	// FactsOf returns what is known of these jobs, by id. What Facts would not return is
	// left out.
	FactsOf(ctx context.Context, project string, ids ...string) (map[string]githubjobs.Facts, error)
	// Batch returns one batch, or ErrNotFound. It costs the same for any number of jobs.
	Batch(ctx context.Context, project, id string) (Batch, error)
	// ListBatches lists batches, the newest first, from behind the given place on; next is
	// empty when there is no more. An error of the cursor wraps ErrQuery.
	ListBatches(ctx context.Context, project string, after Cursor, limit int) (list []Batch, next Cursor, err error)
	// FailingBatches lists those whose jobs failed more often than they may, while some are
	// not at an end, until they are stopped.
	FailingBatches(ctx context.Context, project string) ([]Batch, error)
	// StopBatch notes that all jobs of the batch, as it was read, were asked to end. It does
	// nothing where jobs have come into it since. Jobs that come later take the note away.
	StopBatch(ctx context.Context, project string, b Batch, at time.Time) error
}

// Batch is what is known of the jobs that share a batch id.
type Batch struct {
	ID        string
	CreatedAt time.Time // of the first of its jobs
	// Size is how many jobs it was created with; 0 where callers named it job by job.
	Size int
	// Limit is the number of failures that ends the batch; 0 for none. It is one more than
	// githubjobs.Member.MaxFailures.
	Limit     int
	Status    map[githubjobs.Status]int // how many jobs have each status; none stands for 0
	Failures  int                       // how many of the failed ones failed by themselves; see Failure
	StoppedAt time.Time                 // when the last jobs were asked to end because too many had failed; zero for never
}

// Known is how many jobs of the batch the store has.
func (b Batch) Known() (n int) {
	for _, of := range b.Status {
		n += of
	}
	return n
}

// Active is how many of them are not at an end.
func (b Batch) Active() int {
	return b.Status[githubjobs.StatusPending] + b.Status[githubjobs.StatusRunning]
}

// Over says whether more of them failed than may.
func (b Batch) Over() bool { return b.Limit > 0 && b.Failures >= b.Limit }

// Turn lets one after the other through: of batches that come at the same time, each has a
// transaction of its own, so that none becomes too large.
type Turn chan struct{}

// NewTurn returns a turn that nobody has.
func NewTurn() Turn { return make(Turn, 1) }

// Take waits for the turn. done must be called after its error is nil.
func (t Turn) Take(ctx context.Context) (done func(), err error) {
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// NewBatch makes a batch of the columns of its row.
func NewBatch(id string, created int64, size, limit int, statuses [5]int, failures int, stopped int64) Batch {
	b := Batch{ID: id, CreatedAt: time.UnixMilli(created).UTC(), Size: size, Limit: limit, Failures: failures, Status: map[githubjobs.Status]int{}}
	for i, status := range githubjobs.Statuses() {
		if statuses[i] != 0 {
			b.Status[status] = statuses[i]
		}
	}
	if stopped != 0 {
		b.StoppedAt = time.UnixMilli(stopped).UTC()
	}
	return b
}

// PageOfBatches makes the page of ListBatches of what was found, which is one more than the
// limit where there is a next page.
func PageOfBatches(found []Batch, limit int) (page []Batch, next Cursor) {
	if len(found) <= limit {
		return found, ""
	}
	last := found[limit-1]
	return found[:limit], newCursor(Listed{ID: last.ID, CreatedAt: last.CreatedAt})
}

// Above is the place of a cursor of ListBatches; beyond all batches for the empty one.
func (c Cursor) Above() (millis int64, id string, err error) {
	if c == "" {
		return 1<<63 - 1, "", nil
	}
	return c.position()
}

// Admit judges a job of AcceptAll by what is stored under its id, or left of it: whether it
// is to be added. Its error is ErrExists, or wraps ErrDamaged.
func Admit(stored Stored, left Swept, spec githubjobs.Spec) (add bool, err error) {
	if !stored.Accepted && !stored.Known {
		if left.Request != "" && left.Request != spec.Request {
			return false, ErrExists
		}
		return left.Request == "", nil
	}
	f, err := Decode(spec.ID, stored.Facts, true)
	if err == nil && !f.Spec.SameRequest(spec) {
		err = ErrExists
	}
	return false, err
}

// BatchKey names a batch.
type BatchKey struct{ Project, ID string }

// BatchChange is what a transaction does to a batch: the numbers are added to its own.
type BatchChange struct {
	BatchKey
	By       [5]int64 // for each of githubjobs.Statuses, in their order
	Failures int64
	batchTerms
	// Stop is set to note, at that time in milliseconds, that the batch was stopped, if it
	// has so many jobs.
	Stop, StopKnown int64
}

// Jobs is how many jobs come into the batch; fewer than 0 when some leave it.
func (c BatchChange) Jobs() (n int64) {
	for _, by := range c.By {
		n += by
	}
	return n
}

// Counts says whether the change is more than a stop.
func (c BatchChange) Counts() bool {
	return c.By != [5]int64{} || c.Failures != 0 || c.Created != never
}

// batchTerms are what a job says of its batch. Of several jobs the least time and the
// greatest numbers count, so that their order does not matter.
type batchTerms struct{ Created, Size, Limit int64 }

// never is later than every time.
const never = 1<<63 - 1

// Failure says whether a job with this reason counts as a failure of its batch: one that
// was cancelled, or depends on one that failed, does not.
func Failure(reason githubjobs.Reason) bool {
	return reason.Status() == githubjobs.StatusFailed && reason != githubjobs.ReasonCanceled && reason != githubjobs.ReasonDependencyFailed
}

// termsOf trusts a spec only where it is consistent: a commit may say anything.
func termsOf(spec *githubjobs.Spec) batchTerms {
	if spec == nil {
		return batchTerms{Created: never}
	}
	terms := batchTerms{Created: max(spec.CreatedAt.UnixMilli(), 0)}
	if m := spec.Member; m != nil && githubjobs.IsWholeBatch(spec.Batch) && m.Of <= githubjobs.MaxBatch && spec.ID == githubjobs.MemberID(spec.Batch, m.Index) {
		if terms.Size = int64(m.Of); m.MaxFailures != nil {
			terms.Limit = int64(*m.MaxFailures) + 1
		}
	}
	return terms
}

// batchOf is the batch that a stored job is counted in; empty for none.
func batchOf(s Stored) string {
	rest, ok := strings.CutPrefix(s.Groups, `["`+batchGroup(""))
	if !ok || !s.Known {
		return ""
	}
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// countBatch counts the change of one job in its batch, or in the one it leaves and the one it
// comes into.
func (t Tally) countBatch(project string, before, after Stored) {
	from, to := batchOf(before), batchOf(after)
	if from == to && before.Status == after.Status && before.Reason == after.Reason {
		return
	}
	t.addToBatch(project, from, before, -1)
	t.addToBatch(project, to, after, 1)
	if from != to && to != "" {
		c := t.batch(project, to)
		c.Created, c.Size, c.Limit = min(c.Created, after.batch.Created), max(c.Size, after.batch.Size), max(c.Limit, after.batch.Limit)
	}
}

func (t Tally) addToBatch(project, id string, s Stored, by int64) {
	if id == "" {
		return
	}
	c := t.batch(project, id)
	if i := slices.Index(githubjobs.Statuses(), s.Status); i >= 0 {
		c.By[i] += by
	}
	if Failure(s.Reason) {
		c.Failures += by
	}
}

func (t Tally) batch(project, id string) *BatchChange {
	key := BatchKey{project, id}
	c := t.batches[key]
	if c == nil {
		c = &BatchChange{BatchKey: key, batchTerms: batchTerms{Created: never}}
		t.batches[key] = c
	}
	return c
}

// Stop notes that a batch was stopped; see Batches.StopBatch.
func (t Tally) Stop(project string, b Batch, at time.Time) {
	c := t.batch(project, b.ID)
	c.Stop, c.StopKnown = at.UnixMilli(), int64(b.Known())
}

// BatchChanges lists what is to be done to batches in one order for all writers, so that no
// two of them wait for each other. It is done after Changes.
func (t Tally) BatchChanges() (list []BatchChange) {
	for _, c := range t.batches {
		if c.Counts() || c.Stop != 0 {
			list = append(list, *c)
		}
	}
	slices.SortFunc(list, func(a, b BatchChange) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.ID, b.ID))
	})
	return list
}

// Statements that write a batch, in SQL that SQLite and PostgreSQL both read but for the
// names of the functions that give the lesser and the greater of two numbers.
const (
	putBatch = `INSERT INTO batches AS b (project, id, created_at, size, failure_limit, pending, running, completed, failed, merged, failures)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (project, id) DO UPDATE SET
		created_at = least(b.created_at, excluded.created_at), size = greatest(b.size, excluded.size), failure_limit = greatest(b.failure_limit, excluded.failure_limit),
		pending = b.pending + excluded.pending, running = b.running + excluded.running, completed = b.completed + excluded.completed,
		failed = b.failed + excluded.failed, merged = b.merged + excluded.merged, failures = b.failures + excluded.failures,
		stopped_at = CASE WHEN $12 THEN 0 ELSE b.stopped_at END`
	dropBatch = `DELETE FROM batches WHERE project = $1 AND id = $2 AND pending + running + completed + failed + merged = 0`
	stopBatch = `UPDATE batches SET stopped_at = $3 WHERE project = $1 AND id = $2 AND pending + running + completed + failed + merged = $4`
)

// BatchStatement is one statement that writes a batch.
type BatchStatement struct {
	Query string
	Args  []any
}

// Statements are those of the change, in their order. least and greatest are the database's functions.
func (c BatchChange) Statements(least, greatest string) (list []BatchStatement) {
	if c.Counts() {
		query := strings.NewReplacer("least(", least+"(", "greatest(", greatest+"(").Replace(putBatch)
		jobs := c.Jobs()
		list = append(list, BatchStatement{query, []any{c.Project, c.ID, c.Created, c.Size, c.Limit, c.By[0], c.By[1], c.By[2], c.By[3], c.By[4], c.Failures, jobs > 0}})
		if jobs < 0 {
			list = append(list, BatchStatement{dropBatch, []any{c.Project, c.ID}})
		}
	}
	if c.Stop != 0 {
		list = append(list, BatchStatement{stopBatch, []any{c.Project, c.ID, c.Stop, c.StopKnown}})
	}
	return list
}

// BatchColumns are what ScanBatch reads.
const BatchColumns = `id, created_at, size, failure_limit, pending, running, completed, failed, merged, failures, stopped_at`

// ScanBatch reads a row of BatchColumns.
func ScanBatch(scan func(...any) error) (Batch, error) {
	var id string
	var created, stopped int64
	var size, limit, failures int
	var n [5]int
	err := scan(&id, &created, &size, &limit, &n[0], &n[1], &n[2], &n[3], &n[4], &failures, &stopped)
	return NewBatch(id, created, size, limit, n, failures, stopped), err
}
