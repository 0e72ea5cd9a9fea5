package sqlite

import (
	"context"
	"encoding/json"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Members implements store.Order.
func (s *Store) Members(ctx context.Context, project string, group store.Group, after store.Place, limit int) ([]githubjobs.Facts, error) {
	// CROSS JOIN keeps SQLite from beginning with the jobs.
	return s.page(ctx, project, limit, `SELECT j.id, j.facts FROM job_groups AS g INDEXED BY job_groups_list CROSS JOIN jobs AS j ON j.project = g.project AND j.id = g.id
		WHERE g.project = $1 AND g.name = $3 AND (g.created_at, g.id) > ($4, $5) ORDER BY g.created_at, g.id LIMIT $2`, string(group), millis(after.CreatedAt), after.ID)
}

// Ends implements store.Order.
func (s *Store) Ends(ctx context.Context, project string, limit int) (list []store.End, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT seq, id, concurrency_key FROM ends INDEXED BY ends_project WHERE project = $1 ORDER BY seq LIMIT $2`, project, limit)
	if err != nil {
		return nil, explain(err)
	}
	err = each(rows, func() error {
		var e store.End
		err := rows.Scan(&e.Seq, &e.ID, &e.Key)
		list = append(list, e)
		return err
	})
	return list, explain(err)
}

// Forget implements store.Order.
func (s *Store) Forget(ctx context.Context, project string, ends ...store.End) error {
	seqs := make([]int64, len(ends))
	for i, e := range ends {
		seqs[i] = e.Seq
	}
	list, err := json.Marshal(seqs)
	if err != nil {
		return err
	}
	return s.exec(ctx, `DELETE FROM ends WHERE project = $1 AND seq IN (SELECT value FROM json_each($2))`, project, string(list))
}

// end keeps the end of a job, if others may wait for it.
func end(t *tx, job jobName, key string) error {
	waited := key != ""
	if !waited {
		var one int
		var err error
		waited, err = t.get(`SELECT 1 FROM job_groups INDEXED BY job_groups_list WHERE project = $1 AND name = $2 LIMIT 1`, []any{job.project, string(store.Dependents(job.id))}, &one)
		if err != nil {
			return err
		}
	}
	if !waited {
		return nil
	}
	t.ended = append(t.ended, job.project)
	_, err := t.exec(`INSERT INTO ends (project, id, concurrency_key) VALUES ($1, $2, $3)`, job.project, job.id, key)
	return err
}

// dependencies returns a *store.DependencyError when one of these jobs depends on one that
// is neither known nor among them.
func dependencies(t *tx, project string, specs ...githubjobs.Spec) error {
	return store.CheckDependencies(specs, func(id string) (bool, error) {
		var one int
		return t.get(`SELECT 1 FROM jobs WHERE project = $1 AND id = $2 AND known = 1`, []any{project, id}, &one)
	})
}
