package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"sync"

	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// maxBatch bounds how many writes share a transaction, so that the first of them
// does not wait for long.
const maxBatch = 256

// writer runs all writes on one connection. Writes that arrive while a commit is
// under way share the next transaction.
type writer struct {
	db        *sql.DB
	tx        *tx
	committed func([]jobName) // told the jobs that may have changed, before their writers are
	announce  func([]string)  // told the projects in which an end was stored
	queue     chan *write
	stop      chan struct{} // closed to ask for the end
	ended     chan struct{} // closed when no write is taken any more
	once      sync.Once
}

// write is one caller's change. An apply that fails by a judgement of its own must
// not have written anything by then.
type write struct {
	ctx   context.Context
	apply func(*tx) error
	err   error
	done  chan struct{}
}

// startWriter takes the one connection of db for itself.
func startWriter(ctx context.Context, db *sql.DB, committed func([]jobName), announce func([]string)) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		db: db, tx: &tx{conn: conn, stmts: map[string]*sql.Stmt{}}, committed: committed, announce: announce,
		queue: make(chan *write, maxBatch), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.run()
	return w, nil
}

// close lets the writes that are under way finish.
func (w *writer) close() error {
	w.once.Do(func() { close(w.stop) })
	<-w.ended
	return w.db.Close()
}

// do applies a change and returns when it is durable, or has failed. When ctx
// ends first the change may yet be made.
func (w *writer) do(ctx context.Context, apply func(*tx) error) error {
	one := &write{ctx: ctx, apply: apply, done: make(chan struct{})}
	select {
	case w.queue <- one:
	case <-w.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-one.done:
		return explain(one.err)
	case <-ctx.Done():
		return ctx.Err()
	case <-w.ended:
	}
	select {
	case <-one.done:
		return explain(one.err)
	default: // it came into the queue after the last one was taken
		return errClosed
	}
}

var errClosed = fmt.Errorf("%w: it is closed", store.ErrUnavailable)

func (w *writer) run() {
	defer close(w.ended)
	defer w.tx.close() // what was answered is committed; nothing that fails here can be lost
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

// commit applies a batch. When the transaction fails each write is tried in one of
// its own, so that a write which cannot be made spares the others.
func (w *writer) commit(batch []*write) {
	if err := w.transact(batch); err != nil {
		for _, one := range batch {
			if len(batch) > 1 {
				err = w.transact([]*write{one})
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

// transact returns an error when nothing of the batch was written.
func (w *writer) transact(batch []*write) (err error) {
	defer func() {
		if w.committed(w.tx.changed); err == nil {
			w.announce(w.tx.ended)
		}
	}()
	if err := w.tx.begin(); err != nil {
		return err
	}
	err = w.apply(batch)
	if err == nil {
		failpoint.Here("sqlite/commit")
		err = w.tx.commit()
	}
	if err != nil {
		w.tx.rollback()
		return err
	}
	failpoint.Here("sqlite/committed")
	return nil
}

func (w *writer) apply(batch []*write) error {
	for _, one := range batch {
		if one.err = one.ctx.Err(); one.err != nil {
			continue
		}
		before := w.tx.writes
		if one.err = one.apply(w.tx); one.err != nil && w.tx.writes > before {
			return one.err // the transaction holds a part of it
		}
	}
	return nil
}

// counted applies a change that says how much it has changed.
func (s *Store) counted(ctx context.Context, apply func(*tx) (int, error)) (int, error) {
	changed := make(chan int, 1)
	err := s.write.do(ctx, func(t *tx) error {
		n, err := apply(t)
		if err != nil {
			return err
		}
		select {
		case <-changed: // of a transaction that failed
		default:
		}
		changed <- n
		return nil
	})
	if err != nil {
		return 0, err
	}
	return <-changed, nil
}
