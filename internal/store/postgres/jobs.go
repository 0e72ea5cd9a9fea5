package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Accept implements store.Jobs.
func (s *Store) Accept(ctx context.Context, project string, spec githubjobs.Spec) error {
	return s.write.run(ctx, &write{jobs: namesFor(project, spec), accepts: true, plan: func(b *batch, _ *write) error { return b.accept(project, spec) }})
}

// accept stages a new job.
func (b *batch) accept(project string, spec githubjobs.Spec) error {
	j := b.jobs[jobName{project, spec.ID}]
	if _, swept := b.swept[jobName{project, spec.ID}]; swept || j.now.Accepted || j.now.Known {
		return store.ErrExists
	}
	if err := b.dependencies(project, spec); err != nil {
		return err
	}
	stored := j.now
	stored.Accepted = true
	row, _, err := store.MergeRow(stored, githubjobs.Facts{ID: spec.ID, Spec: &spec}, b.now)
	if err == nil {
		j.set(row, true)
		b.accepted[project] = true
	}
	return err
}

// MergeFacts implements store.Jobs.
func (s *Store) MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error {
	if len(facts) == 0 {
		return nil
	}
	return s.write.do(ctx, namesOf(project, facts), func(b *batch, _ *write) error { return b.stage(project, facts) })
}

func namesOf(project string, facts []githubjobs.Facts) []jobName {
	list := make([]jobName, len(facts))
	for i, f := range facts {
		list[i] = jobName{project, f.ID}
	}
	return list
}

// Facts implements store.Jobs. The row's version is read from the database always,
// the facts only when it is not that of those in memory.
func (s *Store) Facts(ctx context.Context, project, id string) (githubjobs.Facts, error) {
	kept, cached, ticket := s.cache.Get(project, id)
	var raw []byte
	var version int64
	found := false
	err := s.read(ctx, func(rows pgx.Rows) error {
		found = true
		return rows.Scan(&version, &raw)
	}, `SELECT version, CASE WHEN $3 AND version = $4 THEN NULL ELSE facts END FROM jobs WHERE project = $1 AND id = $2 AND known`,
		project, id, cached, kept.Version)
	switch {
	case err != nil:
		return githubjobs.Facts{}, err
	case !found:
		return githubjobs.Facts{}, store.ErrNotFound
	case raw == nil:
		return kept.Facts, nil
	}
	f, err := store.Decode(id, raw, true)
	if err != nil {
		return githubjobs.Facts{}, err
	}
	s.cache.Put(project, id, store.Cached{Facts: f, Version: version}, len(raw), ticket)
	return f, nil
}

// What the workers ask again and again; each has an index of its own.
const (
	waitingQuery = `SELECT id, facts FROM jobs WHERE project = $1 AND waiting ORDER BY priority DESC, created_at, id LIMIT $2`
	dueQuery     = `SELECT id, facts FROM jobs WHERE project = $1 AND due_at > 0 AND due_at <= $3 ORDER BY due_at, id LIMIT $2`
	activeQuery  = `SELECT id, facts FROM jobs WHERE project = $1 AND active AND id > $3 ORDER BY id LIMIT $2`
	staleQuery   = `SELECT id, reason, facts FROM jobs WHERE project = $1 AND active`
	knownQuery   = `SELECT id, head, deleted, open_run, later FROM jobs WHERE project = $1 AND live
		UNION SELECT id, head, deleted, open_run, later FROM jobs WHERE project = $1 AND updated_at >= $2`
)

// Waiting implements store.Jobs.
func (s *Store) Waiting(ctx context.Context, project string, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, waitingQuery)
}

// Due implements store.Jobs.
func (s *Store) Due(ctx context.Context, project string, until time.Time, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, dueQuery, millis(until))
}

// Active implements store.Jobs.
func (s *Store) Active(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, activeQuery, after)
}

// page reads the facts of jobs. The query's first arguments are project and limit.
func (s *Store) page(ctx context.Context, project string, limit int, query string, args ...any) (list []githubjobs.Facts, err error) {
	err = store.Readable(limit, func(limit int) (read, damaged int, err error) {
		list = nil
		err = s.read(ctx, func(rows pgx.Rows) error {
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
		}, query, append([]any{project, limit}, args...)...)
		return read, damaged, err
	})
	return list, err
}

// Refresh implements store.Jobs. It leaves room for other writes.
func (s *Store) Refresh(ctx context.Context, project string) error {
	stale, err := s.stale(ctx, project)
	if err != nil {
		return err
	}
	for names := range slices.Chunk(stale, store.RefreshBatch) {
		if err := s.refreshAll(ctx, names); err != nil {
			return err
		}
	}
	return nil
}

// RefreshJobs implements store.Jobs.
func (s *Store) RefreshJobs(ctx context.Context, project string, ids ...string) error {
	names := make([]jobName, len(ids))
	for i, id := range ids {
		names[i] = jobName{project, id}
	}
	return s.refreshAll(ctx, names)
}

func (s *Store) refreshAll(ctx context.Context, names []jobName) error {
	return s.write.do(ctx, names, func(b *batch, _ *write) error {
		for _, n := range names {
			if err := s.refresh(b, n); err != nil {
				return err
			}
		}
		return nil
	})
}

// refresh computes the columns of a job anew.
func (s *Store) refresh(b *batch, n jobName) error {
	j := b.jobs[n]
	row, _, err := store.MergeRow(j.now, githubjobs.Facts{ID: n.id}, b.now)
	if err != nil {
		return s.Spared(n.project, n.id, err)
	}
	j.set(row, j.now.Accepted)
	return nil
}

// stale lists the active jobs whose columns no longer say what their facts mean.
func (s *Store) stale(ctx context.Context, project string) (stale []jobName, err error) {
	now := s.now()
	err = s.read(ctx, func(rows pgx.Rows) error {
		var id string
		var reason githubjobs.Reason
		var raw []byte
		if err := rows.Scan(&id, &reason, &raw); err != nil {
			return err
		}
		f, err := store.Decode(id, raw, true)
		if err == nil && githubjobs.Reduce(f, now).Reason != reason {
			stale = append(stale, jobName{project, id})
		}
		return s.Spared(project, id, err)
	}, staleQuery, project)
	return stale, err
}

// Known implements store.Jobs.
func (s *Store) Known(ctx context.Context, project string, since time.Time) (map[githubjobs.Name]store.Known, error) {
	known := map[githubjobs.Name]store.Known{}
	err := s.read(ctx, func(rows pgx.Rows) error {
		var id, later string
		var k store.Known
		if err := rows.Scan(&id, &k.Head, &k.Deleted, &k.Run, &later); err != nil {
			return err
		}
		return store.AddKnown(known, id, k, later)
	}, knownQuery, project, millis(since))
	return known, err
}

// List implements store.Jobs.
func (s *Store) List(ctx context.Context, project string, q store.Query) (store.Page, error) {
	statement, args, err := q.Select(project, nil)
	if err != nil {
		return store.Page{}, err
	}
	var found []store.Listed
	err = s.read(ctx, func(rows pgx.Rows) error {
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
	}, statement, args...)
	return q.Page(found), err
}

// Counts implements store.Jobs.
func (s *Store) Counts(ctx context.Context, project string) (c store.Counts, err error) {
	// One statement, so that all of it is seen at one moment.
	err = s.read(ctx, func(rows pgx.Rows) error {
		var name string
		var n, waiting, delivery int64
		err := rows.Scan(&name, &n, &waiting, &delivery)
		c.AddCounter(name, n)
		c.WaitingSince, c.DeliverySince = fromMillis(waiting), fromMillis(delivery)
		return err
	}, `SELECT name, n,
		coalesce((SELECT created_at FROM jobs WHERE project = $1 AND waiting ORDER BY created_at LIMIT 1), 0),
		coalesce((SELECT received_at FROM deliveries WHERE project = $1 AND finished_at = 0 ORDER BY seq LIMIT 1), 0)
		FROM counters WHERE project = $1`, project)
	return c, err
}
