package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	membersQuery = `SELECT j.id, j.facts FROM job_groups g JOIN jobs j ON j.project = g.project AND j.id = g.id
		WHERE g.project = $1 AND g.name = $3 AND (g.created_at, g.id) > ($4, $5) ORDER BY g.created_at, g.id LIMIT $2`
	endsQuery = `SELECT seq, id, concurrency_key FROM ends WHERE project = $1 ORDER BY seq LIMIT $2`
)

// Members implements store.Order.
func (s *Store) Members(ctx context.Context, project string, group store.Group, after store.Place, limit int) ([]githubjobs.Facts, error) {
	return s.page(ctx, project, limit, membersQuery, string(group), millis(after.CreatedAt), after.ID)
}

// Ends implements store.Order.
func (s *Store) Ends(ctx context.Context, project string, limit int) (list []store.End, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error {
		var e store.End
		err := rows.Scan(&e.Seq, &e.ID, &e.Key)
		list = append(list, e)
		return err
	}, endsQuery, project, limit)
	return list, err
}

// Forget implements store.Order.
func (s *Store) Forget(ctx context.Context, project string, ends ...store.End) error {
	seqs := make([]int64, len(ends))
	for i, e := range ends {
		seqs[i] = e.Seq
	}
	return s.write.do(ctx, nil, func(b *batch, _ *write) error {
		b.queue("ends", `DELETE FROM ends WHERE project = $1 AND seq = ANY ($2)`, []any{project, seqs}, nil)
		return nil
	})
}

// putEnd keeps the end of a job, if others may wait for it. Whoever stores a job locks
// those that it depends on: so either the end is stored before, and the look at that job
// finds it, or the job is found here.
func (b *batch) putEnd(n jobName, key string) statement {
	return statement{args: []any{n.project, n.id, key, string(store.Dependents(n.id))},
		query: `INSERT INTO ends (project, id, concurrency_key) SELECT $1, $2, $3::text
			WHERE $3::text <> '' OR EXISTS (SELECT FROM job_groups WHERE project = $1 AND name = $4)`,
		affected: func(rows int64) error {
			if rows > 0 {
				b.accepted[n.project] = true
			}
			return nil
		}}
}

// namesFor are the jobs whose rows are needed to accept these.
func namesFor(project string, specs ...githubjobs.Spec) (list []jobName) {
	for _, spec := range specs {
		list = append(list, jobName{project, spec.ID})
		for _, id := range spec.DependsOn {
			list = append(list, jobName{project, id})
		}
	}
	return list
}

// dependencies returns a *store.DependencyError when one of these jobs depends on one that
// is neither known nor among them.
func (b *batch) dependencies(project string, specs ...githubjobs.Spec) error {
	return store.CheckDependencies(specs, func(id string) (bool, error) { return b.jobs[jobName{project, id}].now.Known, nil })
}
