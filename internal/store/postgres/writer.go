package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	maxBatch = 256 // writes in a transaction, so that the first of them does not wait for long
	tries    = 16  // of a transaction in whose way another server stood: each may find one job more that the other has stored
)

// writer runs all writes of this process, one transaction at a time. Writes that
// arrive while it is under way share the next one.
type writer struct {
	pool  *pgxpool.Pool
	now   func() time.Time
	shard int
	// damage is told of rows that cannot be read.
	damage *store.Damage
	queue  chan *write
	stop   chan struct{} // closed to ask for the end
	ended  chan struct{} // closed when no write is taken any more
	once   sync.Once
}

// write is one caller's change: the jobs whose rows it needs, the schedule, if it is about
// one, and the plan that judges them and stages what is to be written. A plan that fails
// has staged nothing.
type write struct {
	ctx      context.Context
	jobs     []jobName
	schedule *scheduleName
	accepts  bool // some of the jobs are new
	plan     func(*batch, *write) error
	err      error
	done     chan struct{}
}

func startWriter(pool *pgxpool.Pool, now func() time.Time, shard int, damage *store.Damage) *writer {
	w := &writer{pool: pool, now: now, shard: shard, damage: damage, queue: make(chan *write, maxBatch), stop: make(chan struct{}), ended: make(chan struct{})}
	go w.work()
	return w
}

// close lets the writes that are under way finish.
func (w *writer) close() {
	w.once.Do(func() { close(w.stop) })
	<-w.ended
}

// do makes a change and returns when it is durable, or has failed. When ctx ends
// first, or the connection is lost during the commit, the change may yet be made.
func (w *writer) do(ctx context.Context, jobs []jobName, plan func(*batch, *write) error) error {
	return w.run(ctx, &write{jobs: jobs, plan: plan})
}

// run makes a change that has its jobs and its plan; see do.
func (w *writer) run(ctx context.Context, one *write) error {
	one.ctx, one.done = ctx, make(chan struct{})
	select {
	case w.queue <- one:
	case <-w.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-one.done:
		return explain(ctx, one.err)
	case <-ctx.Done():
		return ctx.Err()
	case <-w.ended:
	}
	select {
	case <-one.done:
		return explain(ctx, one.err)
	default: // it came into the queue after the last one was taken
		return errClosed
	}
}

var errClosed = fmt.Errorf("%w: it is closed", store.ErrUnavailable)

func (w *writer) work() {
	defer close(w.ended)
	for {
		select {
		case first := <-w.queue:
			w.commit(w.gather(first))
		case <-w.stop:
			for len(w.queue) > 0 {
				w.commit(w.gather(<-w.queue))
			}
			return
		}
	}
}

func (w *writer) gather(first *write) []*write {
	batch := []*write{first}
	for len(batch) < maxBatch {
		select {
		case next := <-w.queue:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit applies a batch. When PostgreSQL finds fault with the transaction each
// write is tried in one of its own, so that a bad one spares the others.
func (w *writer) commit(batch []*write) {
	if err := w.try(batch); err != nil {
		apart := len(batch) > 1 && isCode(err, "") && !lost(err) && !isCode(err, codeDiskFull)
		for _, one := range batch {
			if apart {
				err = w.try([]*write{one})
			}
			if err != nil { // what was judged in a transaction that failed counts no more
				one.err = err
			}
		}
	}
	for _, one := range batch {
		close(one.done)
	}
}

// again is an error after which a transaction is known not to have happened, and may
// go through when it is made once more.
type again struct{ error }

func (a again) Unwrap() error { return a.error }

func (w *writer) try(batch []*write) (err error) {
	for range tries {
		ctx, cancel := context.WithTimeout(context.Background(), writeTime)
		err = w.transact(ctx, batch)
		cancel()
		if _, retry := errors.AsType[again](err); !retry {
			return err
		}
	}
	return err
}

// transact makes one transaction in three round trips: lock and read the rows, write
// them, count and commit. One without jobs does without the first.
func (w *writer) transact(ctx context.Context, writes []*write) error {
	conn, err := w.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release() // which drops a connection that is still in a transaction
	b, err := lock(ctx, conn, w.now(), w.damage, writes)
	if err != nil {
		return repeatable(err)
	}
	for _, one := range writes {
		if one.err = one.ctx.Err(); one.err == nil {
			one.err = one.plan(b, one)
		}
	}
	if err := b.write(ctx, conn); err != nil {
		return repeatable(errors.Join(err, rollback(ctx, conn, err)))
	}
	failpoint.Here("postgres/commit")
	if err := b.commit(ctx, conn, w.shard); err != nil {
		err = errors.Join(err, rollback(ctx, conn, err))
		if lost(err) { // the commit may have been made
			return err
		}
		return repeatable(err)
	}
	failpoint.Here("postgres/committed")
	return nil
}

// rollback frees the locks at once. Where the connection is lost the server does so.
func rollback(ctx context.Context, conn *pgxpool.Conn, cause error) error {
	if lost(cause) || ctx.Err() != nil {
		return nil
	}
	_, err := conn.Exec(ctx, `ROLLBACK`)
	return err
}

// repeatable marks the errors of a transaction that is known not to have happened,
// and that had no fault of its own.
func repeatable(err error) error {
	if errors.Is(err, errRace) || isCode(err, codeSerialization) || isCode(err, codeDeadlock) || lost(err) {
		return again{err}
	}
	return err
}

// pipeline sends statements in one round trip and hands each result to its visitor.
func pipeline(ctx context.Context, conn *pgxpool.Conn, statements []statement) error {
	var p pgx.Batch
	for _, s := range statements {
		p.Queue(s.query, s.args...)
	}
	results := conn.SendBatch(ctx, &p)
	for _, s := range statements {
		if s.rows != nil {
			if err := s.visit(results); err != nil {
				return errors.Join(err, results.Close())
			}
			continue
		}
		tag, err := results.Exec()
		if err == nil && s.affected != nil {
			err = s.affected(tag.RowsAffected())
		}
		if err != nil {
			return errors.Join(err, results.Close())
		}
	}
	return results.Close()
}
