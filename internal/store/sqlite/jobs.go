package sqlite

import (
	"bytes"
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
	return s.write.do(ctx, func(t *tx) error {
		before, err := load(t, project, spec.ID)
		if err != nil {
			return err
		}
		if before.Accepted || before.Known {
			return store.ErrExists
		}
		row, _, err := store.MergeRow(before.Facts, true, githubjobs.Facts{ID: spec.ID, Spec: &spec}, s.now())
		if err != nil {
			return err
		}
		return put(t, jobName{project, spec.ID}, before, row.Stored(true), row)
	})
}

// MergeFacts implements store.Jobs.
func (s *Store) MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error {
	if len(facts) == 0 {
		return nil
	}
	return s.write.do(ctx, func(t *tx) error { return mergeAll(t, project, facts, s.now()) })
}

// mergeAll writes nothing before all facts are found to be good, and each job once.
func mergeAll(t *tx, project string, facts []githubjobs.Facts, now time.Time) error {
	type change struct {
		before store.Stored
		row    store.Row
	}
	changes := map[string]*change{}
	var order []string
	for _, f := range facts {
		c := changes[f.ID]
		if c == nil {
			before, err := load(t, project, f.ID)
			if err != nil {
				return err
			}
			c = &change{before: before, row: store.Row{Facts: before.Facts}}
			changes[f.ID] = c
			order = append(order, f.ID)
		}
		row, changed, err := store.MergeRow(c.row.Facts, c.before.Accepted, f, now)
		if err != nil {
			return err
		}
		if changed {
			c.row = row
		}
	}
	for _, id := range order {
		c := changes[id]
		if bytes.Equal(c.row.Facts, c.before.Facts) {
			continue
		}
		if err := put(t, jobName{project, id}, c.before, c.row.Stored(c.before.Accepted), c.row); err != nil {
			return err
		}
	}
	return nil
}

// load returns what is stored of a job; the zero value when there is no row.
func load(t *tx, project, id string) (b store.Stored, err error) {
	_, err = t.get(`SELECT facts, accepted, known, waiting, active, status FROM jobs WHERE project = $1 AND id = $2`, []any{project, id},
		&b.Facts, &b.Accepted, &b.Known, &b.Waiting, &b.Active, &b.Status)
	return b, err
}

func put(t *tx, job jobName, before, after store.Stored, r store.Row) error {
	_, err := t.exec(`INSERT INTO jobs (project, id, accepted, known, waiting, active, status, reason, kind, title,
			created_at, updated_at, live, head, deleted, open_run, facts)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
		ON CONFLICT (project, id) DO UPDATE SET accepted = excluded.accepted, known = excluded.known, waiting = excluded.waiting,
			active = excluded.active, status = excluded.status, reason = excluded.reason, kind = excluded.kind,
			title = excluded.title, created_at = excluded.created_at, updated_at = excluded.updated_at, live = excluded.live,
			head = excluded.head, deleted = excluded.deleted, open_run = excluded.open_run, facts = excluded.facts`,
		job.project, job.id, after.Accepted, r.Known, r.Waiting, r.Active, r.Status, r.Reason, r.Kind, r.Title,
		millis(r.CreatedAt), millis(r.UpdatedAt), r.Live, r.News.Head, r.News.Deleted, r.News.Run, string(r.Facts))
	t.tally.Job(job.project, before, after)
	t.changed = append(t.changed, job)
	return err
}

// Facts implements store.Jobs.
func (s *Store) Facts(ctx context.Context, project, id string) (githubjobs.Facts, error) {
	if err := ctx.Err(); err != nil {
		return githubjobs.Facts{}, err
	}
	kept, ok, ticket := s.cache.Get(project, id)
	if ok {
		return kept.Facts, nil
	}
	// One row is read by its key in microseconds; to watch ctx would take as long.
	var raw []byte
	if err := s.facts.QueryRowContext(background, project, id).Scan(&raw); err != nil {
		return githubjobs.Facts{}, explain(err)
	}
	if err := json.Unmarshal(raw, &kept.Facts); err != nil {
		return githubjobs.Facts{}, fmt.Errorf("%w: the facts of job %s are damaged: %w", store.ErrUnavailable, id, err)
	}
	s.cache.Put(project, id, kept, len(raw), ticket)
	return kept.Facts, nil
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
	return s.write.do(ctx, func(t *tx) error {
		for _, id := range ids {
			if err := refresh(t, project, id, s.now()); err != nil {
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

func refresh(t *tx, project, id string, now time.Time) error {
	before, err := load(t, project, id)
	if err != nil {
		return err
	}
	row, _, err := store.MergeRow(before.Facts, before.Accepted, githubjobs.Facts{ID: id}, now)
	if err != nil {
		return err
	}
	return put(t, jobName{project, id}, before, row.Stored(before.Accepted), row)
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
