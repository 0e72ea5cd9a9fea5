package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// AcceptAll implements store.Batches.
func (s *Store) AcceptAll(ctx context.Context, project string, specs []githubjobs.Spec) (added int, err error) {
	done, err := s.turn.Take(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	err = s.write.run(ctx, &write{jobs: namesFor(project, specs...), accepts: true, plan: func(b *batch, _ *write) error {
		added = 0
		return b.acceptAll(project, specs, &added)
	}})
	return added, err
}

// acceptAll stages new jobs; none before all of them are judged.
func (b *batch) acceptAll(project string, specs []githubjobs.Spec, added *int) error {
	rows := make([]store.Row, len(specs))
	add := make([]bool, len(specs))
	for i, spec := range specs {
		stored := b.jobs[jobName{project, spec.ID}].now
		var err error
		if add[i], err = store.Admit(stored, b.swept[jobName{project, spec.ID}], spec); b.damage.Spared(project, spec.ID, err) != nil {
			return err
		}
		if !add[i] {
			continue
		}
		stored.Accepted = true
		if rows[i], _, err = store.MergeRow(stored, githubjobs.Facts{ID: spec.ID, Spec: &specs[i]}, b.now); err != nil {
			return err
		}
	}
	if err := b.dependencies(project, store.Added(specs, add)...); err != nil {
		return err
	}
	for i, spec := range specs {
		if add[i] {
			b.jobs[jobName{project, spec.ID}].set(rows[i], true)
			b.accepted[project] = true
			*added++
		}
	}
	return nil
}

// FactsOf implements store.Batches.
func (s *Store) FactsOf(ctx context.Context, project string, ids ...string) (map[string]githubjobs.Facts, error) {
	found := map[string]githubjobs.Facts{}
	err := s.read(ctx, func(rows pgx.Rows) error {
		var id string
		var raw []byte
		if err := rows.Scan(&id, &raw); err != nil {
			return err
		}
		f, err := store.Decode(id, raw, true)
		if err == nil {
			found[id] = f
		}
		return s.Spared(project, id, err)
	}, `SELECT id, facts FROM jobs WHERE project = $1 AND id = ANY($2) AND known`, project, ids)
	return found, err
}

// Batch implements store.Batches.
func (s *Store) Batch(ctx context.Context, project, id string) (store.Batch, error) {
	list, err := s.batches(ctx, `SELECT `+store.BatchColumns+` FROM batches WHERE project = $1 AND id = $2`, project, id)
	if err == nil && len(list) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		return store.Batch{}, err
	}
	return list[0], nil
}

// ListBatches implements store.Batches.
func (s *Store) ListBatches(ctx context.Context, project string, after store.Cursor, limit int) ([]store.Batch, store.Cursor, error) {
	created, id, err := after.Above()
	if err != nil {
		return nil, "", err
	}
	list, err := s.batches(ctx, `SELECT `+store.BatchColumns+` FROM batches WHERE project = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`,
		project, created, id, limit+1)
	page, next := store.PageOfBatches(list, limit)
	return page, next, err
}

// FailingBatches implements store.Batches.
func (s *Store) FailingBatches(ctx context.Context, project string) ([]store.Batch, error) {
	return s.batches(ctx, `SELECT `+store.BatchColumns+` FROM batches WHERE project = $1 AND failing`, project)
}

func (s *Store) batches(ctx context.Context, query string, args ...any) (list []store.Batch, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error {
		b, err := store.ScanBatch(rows.Scan)
		list = append(list, b)
		return err
	}, query, args...)
	return list, err
}

// StopBatch implements store.Batches. Batches are locked last, as by all other writes.
func (s *Store) StopBatch(ctx context.Context, project string, b store.Batch, at time.Time) error {
	return s.write.do(ctx, nil, func(staged *batch, _ *write) error {
		staged.tally.Stop(project, b, at)
		return nil
	})
}

// batchStatements are those that write the batches; each is locked until the commit.
func batchStatements(changes []store.BatchChange) (list []statement) {
	for _, c := range changes {
		for _, s := range c.Statements("least", "greatest") {
			list = append(list, statement{query: s.Query, args: s.Args})
		}
	}
	return list
}
