package sqlite

import (
	"context"

	"github.com/githubjobs/githubjobs/internal/store"
)

// List implements store.Jobs.
func (s *Store) List(ctx context.Context, project string, q store.Query) (store.Page, error) {
	// SQLite knows nothing of how the values are spread, and would rather enter an
	// index at two times than at a status.
	statement, args, err := q.Select(project, indexedBy)
	if err != nil {
		return store.Page{}, err
	}
	rows, err := s.read.QueryContext(ctx, statement, args...)
	if err != nil {
		return store.Page{}, explain(err)
	}
	var found []store.Listed
	err = each(rows, func() error {
		var l store.Listed
		var later string
		var created, updated int64
		err := rows.Scan(&l.ID, &l.Status, &l.Reason, &l.Kind, &l.Title, &created, &updated, &later)
		if err == nil {
			l.Attempt, err = store.PresentOf(l.ID, later)
		}
		l.CreatedAt, l.UpdatedAt = fromMillis(created), fromMillis(updated)
		found = append(found, l)
		return err
	})
	if err != nil {
		return store.Page{}, explain(err)
	}
	return q.Page(found), nil
}

func indexedBy(index string) string { return "INDEXED BY " + index }

// Counts implements store.Jobs.
func (s *Store) Counts(ctx context.Context, project string) (store.Counts, error) {
	var c store.Counts
	var waiting, delivery int64
	// One statement, so that all of it is seen at one moment.
	rows, err := s.read.QueryContext(ctx, `SELECT name, n,
		coalesce((SELECT created_at FROM jobs INDEXED BY jobs_waiting_since WHERE project = $1 AND waiting = 1 ORDER BY created_at LIMIT 1), 0),
		coalesce((SELECT received_at FROM deliveries INDEXED BY deliveries_pending WHERE project = $1 AND finished_at = 0 ORDER BY seq LIMIT 1), 0)
		FROM counters WHERE project = $1`, project)
	if err != nil {
		return c, explain(err)
	}
	err = each(rows, func() error {
		var name string
		var n int64
		err := rows.Scan(&name, &n, &waiting, &delivery)
		c.AddCounter(name, n)
		return err
	})
	c.WaitingSince, c.DeliverySince = fromMillis(waiting), fromMillis(delivery)
	return c, explain(err)
}
