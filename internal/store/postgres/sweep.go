package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	liveQuery  = `SELECT id, facts FROM jobs WHERE project = $1 AND live AND known AND id > $3 ORDER BY id LIMIT $2`
	endedQuery = `SELECT id FROM jobs WHERE project = $1 AND NOT live AND NOT active AND updated_at < $2 ORDER BY updated_at LIMIT $3`
)

// Live implements store.Jobs.
func (s *Store) Live(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, liveQuery, after)
}

// SweepJobs implements store.Jobs. What was learnt of a job since it was found keeps it; of
// servers that sweep at the same time one removes it.
func (s *Store) SweepJobs(ctx context.Context, project string, before time.Time, limit int) (swept int, err error) {
	var list []jobName
	err = s.read(ctx, func(rows pgx.Rows) error {
		n := jobName{project: project}
		err := rows.Scan(&n.id)
		list = append(list, n)
		return err
	}, endedQuery, project, millis(before), limit)
	if err != nil || len(list) == 0 {
		return 0, err
	}
	err = s.write.do(ctx, list, func(b *batch, _ *write) error {
		swept = 0
		for _, n := range list {
			if b.jobs[n].old(millis(before)) {
				b.jobs[n].remove = true
				swept++
			}
		}
		return nil
	})
	return swept, err
}

// old says whether a job as it was locked may be removed.
func (j *job) old(before int64) bool {
	return j.exists && j.row == nil && !j.live && !j.before.Active && j.updated < before
}

// sweep removes a job.
func (j *job) sweep(n jobName, now time.Time) (list []statement) {
	if left, ok := store.SweptOf(j.before.Facts, j.before.Status, now); ok {
		list = append(list, statement{args: []any{n.project, n.id, left.Request, string(left.Status), millis(left.At)}, query: `
			INSERT INTO swept_jobs (project, id, request, status, swept_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (project, id) DO UPDATE SET request = excluded.request, status = excluded.status, swept_at = excluded.swept_at`})
	}
	if j.before.Groups != "" {
		list = append(list, statement{args: []any{n.project, n.id}, query: `DELETE FROM job_groups WHERE project = $1 AND id = $2`})
	}
	for _, query := range []string{`DELETE FROM streams WHERE project = $1 AND id = $2`, `DELETE FROM events WHERE project = $1 AND id = $2`} {
		list = append(list, statement{args: []any{n.project, n.id}, query: query})
	}
	return append(list, statement{args: []any{n.project, n.id}, query: `DELETE FROM jobs WHERE project = $1 AND id = $2`})
}

// readSwept reads what is left of the jobs of writes that accept some. It comes after the
// rows are locked, and so sees what was removed by then.
func (b *batch) readSwept(writes []*write) []statement {
	var projects, ids []string
	for _, one := range writes {
		if !one.accepts {
			continue
		}
		for _, n := range one.jobs {
			projects, ids = append(projects, n.project), append(ids, n.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return []statement{{args: []any{projects, ids}, rows: func(rows pgx.Rows) error {
		var n jobName
		var left store.Swept
		err := rows.Scan(&n.project, &n.id, &left.Request, &left.Status)
		b.swept[n] = left
		return err
	}, query: `SELECT project, id, request, status FROM swept_jobs WHERE (project, id) IN (SELECT * FROM unnest($1::text[], $2::text[]))`}}
}

// Swept implements store.Jobs.
func (s *Store) Swept(ctx context.Context, project, id string) (left store.Swept, err error) {
	found := false
	err = s.read(ctx, func(rows pgx.Rows) error {
		var at int64
		found = true
		err := rows.Scan(&left.Request, &left.Status, &at)
		left.At = fromMillis(at)
		return err
	}, `SELECT request, status, swept_at FROM swept_jobs WHERE project = $1 AND id = $2`, project, id)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return left, err
}
