package sqlite

import (
	"context"

	"github.com/githubjobs/githubjobs/internal/store"
)

// List implements store.Jobs.
func (s *Store) List(ctx context.Context, project string, q store.Query) (store.Page, error) {
	// SQLite knows nothing of how the values are spread, and would rather enter an
	// index at two times than at a status.
	statement, args, err := q.Select("jobs INDEXED BY "+q.Index(), project)
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
		var created, updated int64
		err := rows.Scan(&l.ID, &l.Status, &l.Reason, &l.Kind, &l.Title, &created, &updated)
		l.CreatedAt, l.UpdatedAt = fromMillis(created), fromMillis(updated)
		found = append(found, l)
		return err
	})
	if err != nil {
		return store.Page{}, explain(err)
	}
	return q.Page(found), nil
}

// Counts implements store.Jobs.
func (s *Store) Counts(ctx context.Context, project string) (store.Counts, error) {
	var c store.Counts
	var waitingSince, deliverySince, last int64
	// One statement, so that all of it is seen at one moment.
	rows, err := s.read.QueryContext(ctx, `SELECT name, n,
		(SELECT coalesce(min(created_at), 0) FROM jobs WHERE project = $1 AND waiting = 1),
		(SELECT coalesce((SELECT received_at FROM deliveries WHERE project = $1 AND finished_at = 0 ORDER BY seq LIMIT 1), 0)),
		(SELECT coalesce((SELECT received_at FROM deliveries WHERE project = $1 ORDER BY seq DESC LIMIT 1), 0))
		FROM (SELECT name, n FROM counters WHERE project = $1 UNION ALL SELECT 'active', 0)`, project)
	if err != nil {
		return c, explain(err)
	}
	err = each(rows, func() error {
		var name string
		var n int
		if err := rows.Scan(&name, &n, &waitingSince, &deliverySince, &last); err != nil {
			return err
		}
		if n != 0 {
			c.SetCounter(name, n)
		}
		return nil
	})
	c.WaitingSince, c.DeliverySince, c.LastDelivery = fromMillis(waitingSince), fromMillis(deliverySince), fromMillis(last)
	return c, explain(err)
}
