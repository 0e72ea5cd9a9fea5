package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Accept implements store.Jobs.
func (s *Store) Accept(ctx context.Context, project string, spec githubjobs.Spec) error {
	return s.write.do(ctx, func(t *tx) error { return s.accept(t, project, spec) })
}

func (s *Store) accept(t *tx, project string, spec githubjobs.Spec) error {
	before, err := load(t, project, spec.ID)
	if err != nil {
		return err
	}
	if before.Accepted || before.Known {
		return store.ErrExists
	}
	if _, found, err := t.swept(project, spec); err != nil || found {
		return cmp.Or(err, store.ErrExists)
	}
	if err := dependencies(t, project, spec); err != nil {
		return err
	}
	before.Accepted = true
	row, _, err := store.MergeRow(before, githubjobs.Facts{ID: spec.ID, Spec: &spec}, s.now())
	if err != nil {
		return err
	}
	return put(t, jobName{project, spec.ID}, before, row.Stored(true), row)
}

// MergeFacts implements store.Jobs.
func (s *Store) MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error {
	if len(facts) == 0 {
		return nil
	}
	return s.write.do(ctx, func(t *tx) error { return s.mergeAll(t, project, facts) })
}

// mergeAll writes nothing before all facts are found to be good, and each job once.
func (s *Store) mergeAll(t *tx, project string, facts []githubjobs.Facts) error {
	type change struct {
		before, after store.Stored
		row           *store.Row // nil while there is nothing to write
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
			c = &change{before: before, after: before}
			changes[f.ID] = c
			order = append(order, f.ID)
		}
		row, changed, err := store.MergeRow(c.after, f, s.now())
		if err := s.Spared(project, f.ID, err); err != nil {
			return err
		}
		if changed {
			c.row, c.after = &row, row.Stored(c.before.Accepted)
		}
	}
	for _, id := range order {
		c := changes[id]
		if c.row == nil || bytes.Equal(c.after.Facts, c.before.Facts) {
			continue
		}
		if err := put(t, jobName{project, id}, c.before, c.after, *c.row); err != nil {
			return err
		}
	}
	return nil
}

// load returns what is stored of a job; the zero value when there is no row.
func load(t *tx, project, id string) (b store.Stored, err error) {
	_, err = t.get(`SELECT facts, accepted, known, waiting, active, status, reason, group_names FROM jobs WHERE project = $1 AND id = $2`, []any{project, id},
		&b.Facts, &b.Accepted, &b.Known, &b.Waiting, &b.Active, &b.Status, &b.Reason, &b.Groups)
	return b, err
}

// insertJob writes a job that has no row; values are its arguments. A statement that can only
// end the whole transaction, and not itself, keeps no journal of its own, which would take
// a third of the time.
const insertJob = `INSERT OR ROLLBACK INTO jobs (project, id, accepted, known, waiting, active, status, reason, kind, title,
		created_at, updated_at, live, head, deleted, open_run, facts, due_at, group_names, priority, later)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`

// putJob writes a job whether there is a row or not.
const putJob = insertJob + `
	ON CONFLICT (project, id) DO UPDATE SET accepted = excluded.accepted, known = excluded.known, waiting = excluded.waiting,
		active = excluded.active, status = excluded.status, reason = excluded.reason, kind = excluded.kind,
		title = excluded.title, created_at = excluded.created_at, updated_at = excluded.updated_at, live = excluded.live,
		head = excluded.head, deleted = excluded.deleted, open_run = excluded.open_run, facts = excluded.facts, due_at = excluded.due_at, group_names = excluded.group_names,
		priority = excluded.priority, later = excluded.later`

func values(job jobName, accepted bool, r store.Row) []any {
	return []any{job.project, job.id, accepted, r.Known, r.Waiting, r.Active, r.Status, r.Reason, r.Kind, r.Title,
		millis(r.CreatedAt), millis(r.UpdatedAt), r.Live, r.News.Head, r.News.Deleted, r.News.Run, string(r.Facts), millis(r.DueAt), r.Groups, r.Priority, r.Later}
}

func put(t *tx, job jobName, before, after store.Stored, r store.Row) error {
	query := putJob
	if len(before.Facts) == 0 {
		query = insertJob
	}
	_, err := t.exec(query, values(job, after.Accepted, r)...)
	t.tally.Job(job.project, before, after)
	t.changed = append(t.changed, job)
	if err == nil && (before.Groups != "" || r.Groups != "") {
		err = putGroups(t, job, before, r)
	}
	if err == nil && store.Ended(before, after) {
		err = end(t, job, r.Key)
	}
	if err == nil && r.Unsigned() {
		_, err = t.exec(`INSERT INTO receipts_due (project, id) VALUES ($1, $2)`, job.project, job.id)
	}
	return err
}

// insertGroups writes the groups of a job that had none; see insertJob.
const insertGroups = `INSERT OR ROLLBACK INTO job_groups (project, name, id, status, reason, kind, created_at) SELECT $1, value, $2, $3, $4, $5, $6 FROM json_each($7)`

// putGroups writes what of a job's groups is not there as it should be.
func putGroups(t *tx, job jobName, before store.Stored, r store.Row) error {
	names := cmp.Or(r.Groups, "[]")
	if before.Groups != "" && before.Groups != r.Groups {
		if _, err := t.exec(`DELETE FROM job_groups WHERE project = $1 AND id = $2 AND name NOT IN (SELECT value FROM json_each($3))`, job.project, job.id, names); err != nil {
			return err
		}
	}
	query := insertGroups
	if before.Groups != "" {
		query += ` WHERE true
		ON CONFLICT (project, id, name) DO UPDATE SET status = excluded.status, reason = excluded.reason, kind = excluded.kind, created_at = excluded.created_at
		WHERE (status, reason, kind, created_at) IS NOT (excluded.status, excluded.reason, excluded.kind, excluded.created_at)`
	}
	_, err := t.exec(query, job.project, job.id, r.Status, r.Reason, r.Kind, millis(r.CreatedAt), names)
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
	f, err := store.Decode(id, raw, true)
	if err != nil {
		return githubjobs.Facts{}, err
	}
	s.cache.Put(project, id, store.Cached{Facts: f}, len(raw), ticket)
	return f, nil
}

// What the workers ask again and again names its index: SQLite then refuses a query
// that could not use it, instead of reading every job. A partial index is used only
// where its own condition stands in the query.

// Waiting implements store.Jobs.
func (s *Store) Waiting(ctx context.Context, project string, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, `SELECT id, facts FROM jobs INDEXED BY jobs_waiting WHERE project = $1 AND waiting = 1 ORDER BY priority DESC, created_at, id LIMIT $2`)
}

// Due implements store.Jobs.
func (s *Store) Due(ctx context.Context, project string, until time.Time, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, `SELECT id, facts FROM jobs INDEXED BY jobs_due WHERE project = $1 AND due_at > 0 AND due_at <= $3 ORDER BY due_at, id LIMIT $2`, millis(until))
}

// Active implements store.Jobs.
func (s *Store) Active(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, `SELECT id, facts FROM jobs INDEXED BY jobs_active WHERE project = $1 AND active = 1 AND id > $3 ORDER BY id LIMIT $2`, after)
}

// page reads the facts of jobs. The query's first arguments are project and limit.
func (s *Store) page(ctx context.Context, project string, limit int, query string, args ...any) (list []githubjobs.Facts, err error) {
	err = store.Readable(limit, func(limit int) (read, damaged int, err error) {
		list = nil
		rows, err := s.read.QueryContext(ctx, query, append([]any{project, limit}, args...)...)
		if err != nil {
			return 0, 0, err
		}
		err = each(rows, func() error {
			var id string
			var raw []byte
			if err := rows.Scan(&id, &raw); err != nil {
				return err
			}
			read++
			f, err := store.Decode(id, raw, true)
			if err != nil {
				damaged++
				return s.Spared(project, id, err)
			}
			list = append(list, f)
			return nil
		})
		return read, damaged, err
	})
	return list, explain(err)
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

// RefreshJobs implements store.Jobs.
func (s *Store) RefreshJobs(ctx context.Context, project string, ids ...string) error {
	return s.write.do(ctx, func(t *tx) error {
		for _, id := range ids {
			if err := s.refresh(t, project, id); err != nil {
				return err
			}
		}
		return nil
	})
}

// Refresh implements store.Jobs. It leaves room for other writes.
func (s *Store) Refresh(ctx context.Context, project string) error {
	stale, err := s.stale(ctx, project)
	if err != nil {
		return explain(err)
	}
	for ids := range slices.Chunk(stale, store.RefreshBatch) {
		if err := s.RefreshJobs(ctx, project, ids...); err != nil {
			return err
		}
	}
	return nil
}

// stale lists the active jobs whose columns no longer say what their facts mean.
func (s *Store) stale(ctx context.Context, project string) (ids []string, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, reason, facts FROM jobs INDEXED BY jobs_active WHERE project = ? AND active = 1`, project)
	if err != nil {
		return nil, err
	}
	now := s.now()
	err = each(rows, func() error {
		var id string
		var reason githubjobs.Reason
		var raw []byte
		if err := rows.Scan(&id, &reason, &raw); err != nil {
			return err
		}
		f, err := store.Decode(id, raw, true)
		if err == nil && githubjobs.Reduce(f, now).Reason != reason {
			ids = append(ids, id)
		}
		return s.Spared(project, id, err)
	})
	return ids, err
}

func (s *Store) refresh(t *tx, project, id string) error {
	before, err := load(t, project, id)
	if err != nil {
		return err
	}
	row, _, err := store.MergeRow(before, githubjobs.Facts{ID: id}, s.now())
	if err != nil {
		return s.Spared(project, id, err)
	}
	return put(t, jobName{project, id}, before, row.Stored(before.Accepted), row)
}

// Known implements store.Jobs.
func (s *Store) Known(ctx context.Context, project string, since time.Time) (map[githubjobs.Name]store.Known, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT id, head, deleted, open_run, later FROM jobs INDEXED BY jobs_live WHERE project = ?1 AND live = 1
		UNION SELECT id, head, deleted, open_run, later FROM jobs INDEXED BY jobs_updated WHERE project = ?1 AND updated_at >= ?2`, project, millis(since))
	if err != nil {
		return nil, explain(err)
	}
	known := map[githubjobs.Name]store.Known{}
	err = each(rows, func() error {
		var id, later string
		var k store.Known
		if err := rows.Scan(&id, &k.Head, &k.Deleted, &k.Run, &later); err != nil {
			return err
		}
		return store.AddKnown(known, id, k, later)
	})
	return known, explain(err)
}
