package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/githubjobs/githubjobs/internal/store"
)

// tx is the transaction of one batch of writes, on the writer's own connection. It
// prepares every statement once.
type tx struct {
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt
	writes  int // statements that were run to write
	tally   store.Tally
	changed []jobName
	ended   []string // projects of which a job has ended that others may wait for
}

type jobName struct{ project, id string }

// background is the context of all statements: an end of the caller's would cost a
// goroutine at each of them, and could leave a batch half applied.
var background = context.Background()

func (t *tx) stmt(query string) (*sql.Stmt, error) {
	if s := t.stmts[query]; s != nil {
		return s, nil
	}
	s, err := t.conn.PrepareContext(background, query)
	if err == nil {
		t.stmts[query] = s
	}
	return s, err
}

// exec runs a statement that writes.
func (t *tx) exec(query string, args ...any) (sql.Result, error) {
	t.writes++
	s, err := t.stmt(query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(background, args...)
}

// affected runs a statement that writes, and says how many rows it wrote.
func (t *tx) affected(query string, args ...any) (int, error) {
	result, err := t.exec(query, args...)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// unwritten takes back the count of a statement that was found to have written nothing.
func (t *tx) unwritten() { t.writes-- }

// get reads one row. found is false when there is none.
func (t *tx) get(query string, args []any, into ...any) (found bool, err error) {
	s, err := t.stmt(query)
	if err != nil {
		return false, err
	}
	err = s.QueryRowContext(background, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (t *tx) begin() error {
	t.writes, t.tally, t.changed, t.ended = 0, store.NewTally(), t.changed[:0], t.ended[:0]
	_, err := t.exec(`BEGIN IMMEDIATE`)
	return err
}

// commit adds the tally to the counters and the batches, and makes everything durable.
func (t *tx) commit() error {
	for _, c := range t.tally.Changes() {
		_, err := t.exec(`INSERT INTO counters (project, name, n) VALUES ($1, $2, $3)
			ON CONFLICT (project, name) DO UPDATE SET n = iif($4, max(n, excluded.n), n + excluded.n)`, c.Project, c.Name, c.N, c.Time)
		if err != nil {
			return err
		}
	}
	if err := t.commitBatches(); err != nil {
		return err
	}
	_, err := t.exec(`COMMIT`)
	return err
}

// rollback ends a transaction that failed. SQLite may have ended it by itself, which
// makes this an error that says nothing.
func (t *tx) rollback() { _, _ = t.exec(`ROLLBACK`) }

func (t *tx) close() error {
	var errs []error
	for _, s := range t.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, t.conn.Close())...)
}
