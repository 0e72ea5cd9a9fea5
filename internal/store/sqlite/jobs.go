package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Accept implements store.Jobs.
func (s *Store) Accept(ctx context.Context, project string, spec githubjobs.Spec) error {
	return s.write.do(ctx, func(tx *sql.Tx) error {
		stored, accepted, err := load(tx, project, spec.ID)
		if err != nil {
			return err
		}
		if accepted || known(stored) {
			return store.ErrExists
		}
		return merge(tx, project, githubjobs.Facts{ID: spec.ID, Spec: &spec}, stored, true, s.now())
	})
}

func known(stored []byte) bool {
	var f struct{ Spec json.RawMessage }
	return json.Unmarshal(stored, &f) == nil && f.Spec != nil
}

// MergeFacts implements store.Jobs.
func (s *Store) MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error {
	if len(facts) == 0 {
		return nil
	}
	return s.write.do(ctx, func(tx *sql.Tx) error { return mergeAll(tx, project, facts, s.now()) })
}

func mergeAll(tx *sql.Tx, project string, facts []githubjobs.Facts, now time.Time) error {
	for _, f := range facts {
		stored, accepted, err := load(tx, project, f.ID)
		if err != nil {
			return err
		}
		if err := merge(tx, project, f, stored, accepted, now); err != nil {
			return err
		}
	}
	return nil
}

// load returns the stored facts of a job; none when there is no row.
func load(tx *sql.Tx, project, id string) (facts []byte, accepted bool, err error) {
	err = tx.QueryRow(`SELECT facts, accepted FROM jobs WHERE project = ? AND id = ?`, project, id).Scan(&facts, &accepted)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return facts, accepted, err
}

func merge(tx *sql.Tx, project string, f githubjobs.Facts, stored []byte, accepted bool, now time.Time) error {
	if !githubjobs.ValidID(f.ID) {
		return fmt.Errorf("facts of a job with the id %q, which is not valid", f.ID)
	}
	row, changed, err := store.MergeRow(stored, accepted, f, now)
	if err != nil || !changed {
		return err
	}
	return put(tx, project, f.ID, accepted, row)
}

func put(tx *sql.Tx, project, id string, accepted bool, r store.Row) error {
	_, err := tx.Exec(`INSERT INTO jobs (project, id, accepted, known, waiting, active, status, reason, kind, title,
			created_at, updated_at, live, head, deleted, open_run, facts)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (project, id) DO UPDATE SET accepted = excluded.accepted, known = excluded.known, waiting = excluded.waiting,
			active = excluded.active, status = excluded.status, reason = excluded.reason, kind = excluded.kind,
			title = excluded.title, created_at = excluded.created_at, updated_at = excluded.updated_at, live = excluded.live,
			head = excluded.head, deleted = excluded.deleted, open_run = excluded.open_run, facts = excluded.facts`,
		project, id, accepted, r.Known, r.Waiting, r.Active, r.Status, r.Reason, r.Kind, r.Title,
		millis(r.CreatedAt), millis(r.UpdatedAt), r.Live, r.News.Head, r.News.Deleted, r.News.Run, string(r.Facts))
	return err
}

// Facts implements store.Jobs.
func (s *Store) Facts(ctx context.Context, project, id string) (githubjobs.Facts, error) {
	var raw []byte
	var f githubjobs.Facts
	if err := s.facts.QueryRowContext(ctx, project, id).Scan(&raw); err != nil {
		return f, explain(err)
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, fmt.Errorf("%w: the facts of job %s are damaged: %w", store.ErrUnavailable, id, err)
	}
	return f, nil
}

// Waiting implements store.Jobs.
func (s *Store) Waiting(ctx context.Context, project string, limit int) ([]githubjobs.Spec, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT facts FROM jobs WHERE project = ? AND waiting = 1 ORDER BY created_at, id LIMIT ?`, project, limit)
	if err != nil {
		return nil, explain(err)
	}
	var specs []githubjobs.Spec
	err = each(rows, func() error {
		var raw []byte
		var f githubjobs.Facts
		if err := errors.Join(rows.Scan(&raw), json.Unmarshal(raw, &f)); err != nil {
			return err
		}
		specs = append(specs, *f.Spec)
		return nil
	})
	return specs, explain(err)
}

// each calls visit on every row and closes the rows.
func each(rows *sql.Rows, visit func() error) error {
	defer rows.Close()
	for rows.Next() {
		if err := visit(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Refresh implements store.Jobs.
func (s *Store) Refresh(ctx context.Context, project string) error {
	ids, err := s.stale(ctx, project)
	if err != nil || len(ids) == 0 {
		return explain(err)
	}
	return s.write.do(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if err := refresh(tx, project, id, s.now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// stale lists the active jobs whose columns no longer say what their facts mean.
func (s *Store) stale(ctx context.Context, project string) (ids []string, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, reason, accepted, facts FROM jobs WHERE project = ? AND active = 1`, project)
	if err != nil {
		return nil, err
	}
	now := s.now()
	err = each(rows, func() error {
		var id string
		var reason githubjobs.Reason
		var accepted bool
		var raw []byte
		if err := rows.Scan(&id, &reason, &accepted, &raw); err != nil {
			return err
		}
		row, _, err := store.MergeRow(raw, accepted, githubjobs.Facts{ID: id}, now)
		if err == nil && row.Reason != reason {
			ids = append(ids, id)
		}
		return err
	})
	return ids, err
}

func refresh(tx *sql.Tx, project, id string, now time.Time) error {
	stored, accepted, err := load(tx, project, id)
	if err != nil {
		return err
	}
	row, _, err := store.MergeRow(stored, accepted, githubjobs.Facts{ID: id}, now)
	if err != nil {
		return err
	}
	return put(tx, project, id, accepted, row)
}

// Known implements store.Jobs.
func (s *Store) Known(ctx context.Context, project string, since time.Time) (map[string]store.Known, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, head, deleted, open_run FROM jobs WHERE project = ?1 AND live = 1
		UNION SELECT id, head, deleted, open_run FROM jobs WHERE project = ?1 AND updated_at >= ?2`, project, millis(since))
	if err != nil {
		return nil, explain(err)
	}
	known := map[string]store.Known{}
	err = each(rows, func() error {
		var id string
		var k store.Known
		err := rows.Scan(&id, &k.Head, &k.Deleted, &k.Run)
		known[id] = k
		return err
	})
	return known, explain(err)
}

// Counts implements store.Jobs.
func (s *Store) Counts(ctx context.Context, project string) (store.Counts, error) {
	var c store.Counts
	var waitingSince, deliverySince, last int64
	err := s.read.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM jobs WHERE project = ?1 AND waiting = 1),
		(SELECT coalesce(min(created_at), 0) FROM jobs WHERE project = ?1 AND waiting = 1),
		(SELECT count(*) FROM jobs WHERE project = ?1 AND active = 1),
		(SELECT count(*) FROM deliveries WHERE project = ?1 AND finished_at = 0),
		(SELECT coalesce(min(received_at), 0) FROM deliveries WHERE project = ?1 AND finished_at = 0),
		(SELECT coalesce((SELECT received_at FROM deliveries WHERE project = ?1 ORDER BY seq DESC LIMIT 1), 0))`, project).
		Scan(&c.Waiting, &waitingSince, &c.Active, &c.Deliveries, &deliverySince, &last)
	c.WaitingSince, c.DeliverySince, c.LastDelivery = fromMillis(waitingSince), fromMillis(deliverySince), fromMillis(last)
	return c, explain(err)
}
