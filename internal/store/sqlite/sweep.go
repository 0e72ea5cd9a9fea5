package sqlite

import (
	"context"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Live implements store.Jobs.
func (s *Store) Live(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, `SELECT id, facts FROM jobs INDEXED BY jobs_live WHERE project = $1 AND live = 1 AND known = 1 AND id > $3 ORDER BY id LIMIT $2`, after)
}

// SweepJobs implements store.Jobs.
func (s *Store) SweepJobs(ctx context.Context, project string, before time.Time, limit int) (int, error) {
	return s.counted(ctx, func(t *tx) (int, error) {
		list, err := t.endedBefore(project, before, limit)
		if err != nil {
			return 0, err
		}
		for _, job := range list {
			if err := s.sweep(t, project, job); err != nil {
				return 0, err
			}
		}
		return len(list), nil
	})
}

type endedJob struct {
	id string
	store.Stored
}

func (t *tx) endedBefore(project string, before time.Time, limit int) (list []endedJob, err error) {
	stmt, err := t.stmt(`SELECT id, facts, accepted, known, waiting, active, status, reason, group_names FROM jobs INDEXED BY jobs_ended
		WHERE project = $1 AND live = 0 AND active = 0 AND updated_at < $2 ORDER BY updated_at LIMIT $3`)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(background, project, millis(before), limit)
	if err != nil {
		return nil, err
	}
	err = each(rows, func() error {
		var j endedJob
		err := rows.Scan(&j.id, &j.Facts, &j.Accepted, &j.Known, &j.Waiting, &j.Active, &j.Status, &j.Reason, &j.Groups)
		list = append(list, j)
		return err
	})
	return list, err
}

func (s *Store) sweep(t *tx, project string, job endedJob) error {
	if left, ok := store.SweptOf(job.Facts, job.Status, s.now()); ok {
		_, err := t.exec(`INSERT INTO swept_jobs (project, id, request, status, swept_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (project, id) DO UPDATE SET request = excluded.request, status = excluded.status, swept_at = excluded.swept_at`,
			project, job.id, left.Request, left.Status, millis(left.At))
		if err != nil {
			return err
		}
	}
	if job.Groups != "" {
		if _, err := t.exec(`DELETE FROM job_groups WHERE project = $1 AND id = $2`, project, job.id); err != nil {
			return err
		}
	}
	if err := t.sweepStream(project, job.id); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM jobs WHERE project = $1 AND id = $2`, project, job.id)
	t.tally.Job(project, job.Stored, store.Stored{})
	t.changed = append(t.changed, jobName{project, job.id})
	return err
}

// swept is what is left of the job of a spec with an idempotency key; found is false where
// nothing is.
func (t *tx) swept(project string, spec githubjobs.Spec) (s store.Swept, found bool, err error) {
	if spec.Request == "" {
		return s, false, nil
	}
	found, err = t.get(`SELECT request, status FROM swept_jobs WHERE project = $1 AND id = $2`, []any{project, spec.ID}, &s.Request, &s.Status)
	return s, found, err
}

// Swept implements store.Jobs.
func (s *Store) Swept(ctx context.Context, project, id string) (left store.Swept, err error) {
	var at int64
	err = s.read.QueryRowContext(ctx, `SELECT request, status, swept_at FROM swept_jobs WHERE project = $1 AND id = $2`, project, id).Scan(&left.Request, &left.Status, &at)
	left.At = fromMillis(at)
	return left, explain(err)
}
