package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/githubjobs/githubjobs/internal/store"
)

// maxBatch bounds how many writes share a transaction, so that the first of them
// does not wait for long.
const maxBatch = 256

// writer runs all writes on one connection. Writes that arrive while a commit is
// under way share the next transaction, each behind a savepoint of its own.
type writer struct {
	db    *sql.DB
	queue chan *write
	stop  chan struct{} // closed to ask for the end
	ended chan struct{} // closed when no write is taken any more
	once  sync.Once
}

// write is one caller's change.
type write struct {
	ctx   context.Context
	apply func(*sql.Tx) error
	err   error
	done  chan struct{}
}

func startWriter(db *sql.DB) *writer {
	w := &writer{db: db, queue: make(chan *write, maxBatch), stop: make(chan struct{}), ended: make(chan struct{})}
	go w.run()
	return w
}

// close lets the writes that are under way finish.
func (w *writer) close() error {
	w.once.Do(func() { close(w.stop) })
	<-w.ended
	return w.db.Close()
}

// do applies a change and returns when it is durable, or has failed. When ctx
// ends first the change may yet be made.
func (w *writer) do(ctx context.Context, apply func(*sql.Tx) error) error {
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

// commit applies a batch. A change that fails is undone alone; a transaction that
// fails fails all of its changes.
func (w *writer) commit(batch []*write) {
	if err := w.transact(batch); err != nil {
		for _, one := range batch {
			if one.err == nil {
				one.err = err
			}
		}
	}
	for _, one := range batch {
		close(one.done)
	}
}

func (w *writer) transact(batch []*write) error {
	tx, err := w.db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, one := range batch {
		if one.err = one.ctx.Err(); one.err != nil {
			continue
		}
		if err := within(tx, one); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// within applies one change behind a savepoint. It returns an error only when the
// whole transaction is lost.
func within(tx *sql.Tx, one *write) error {
	if _, err := tx.Exec(`SAVEPOINT one`); err != nil {
		return err
	}
	if one.err = one.apply(tx); one.err != nil {
		if _, err := tx.Exec(`ROLLBACK TO one`); err != nil {
			// SQLite ended the transaction by itself: the disk is full, or broken.
			return errors.Join(one.err, err)
		}
	}
	_, err := tx.Exec(`RELEASE one`)
	return err
}
