package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// AcceptAll implements store.Batches. The rows are computed before it is their turn to be
// written, for which others wait.
func (s *Store) AcceptAll(ctx context.Context, project string, specs []githubjobs.Spec) (added int, err error) {
	rows := make([]store.Row, len(specs))
	for i, spec := range specs {
		if rows[i], _, err = store.MergeRow(store.Stored{Accepted: true}, githubjobs.Facts{ID: spec.ID, Spec: &spec}, s.now()); err != nil {
			return 0, err
		}
	}
	done, err := s.turn.Take(ctx)
	if err != nil {
		return 0, err
	}
	defer done()
	err = s.write.do(ctx, func(t *tx) error {
		added = 0
		return s.acceptAll(t, project, specs, rows, &added)
	})
	return added, err
}

// acceptAll writes nothing before all jobs are judged.
func (s *Store) acceptAll(t *tx, project string, specs []githubjobs.Spec, rows []store.Row, added *int) error {
	before := make([]store.Stored, len(specs))
	add := make([]bool, len(specs))
	for i, spec := range specs {
		var err error
		if before[i], err = load(t, project, spec.ID); err != nil {
			return err
		}
		left, _, err := t.swept(project, spec)
		if err != nil {
			return err
		}
		if add[i], err = store.Admit(before[i], left, spec); s.Spared(project, spec.ID, err) != nil {
			return err
		}
	}
	if err := dependencies(t, project, store.Added(specs, add)...); err != nil {
		return err
	}
	for i, spec := range specs {
		if !add[i] {
			continue
		}
		row := rows[i]
		if stored := before[i]; len(stored.Facts) > 0 { // its branch was seen before
			stored.Accepted = true
			var err error
			if row, _, err = store.MergeRow(stored, githubjobs.Facts{ID: spec.ID, Spec: &specs[i]}, s.now()); err != nil {
				return err
			}
		}
		if err := put(t, jobName{project, spec.ID}, before[i], row.Stored(true), row); err != nil {
			return err
		}
		*added++
	}
	return nil
}

// FactsOf implements store.Batches.
func (s *Store) FactsOf(ctx context.Context, project string, ids ...string) (map[string]githubjobs.Facts, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, err
	}
	// CROSS JOIN keeps SQLite from beginning with the jobs.
	rows, err := s.read.QueryContext(ctx, `SELECT j.id, j.facts FROM json_each($2) AS l CROSS JOIN jobs AS j WHERE j.project = $1 AND j.id = l.value AND j.known`, project, string(list))
	if err != nil {
		return nil, explain(err)
	}
	found := map[string]githubjobs.Facts{}
	err = each(rows, func() error {
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
	})
	return found, explain(err)
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
	list, err := s.batches(ctx, `SELECT `+store.BatchColumns+` FROM batches INDEXED BY batches_list
		WHERE project = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4`, project, created, id, limit+1)
	page, next := store.PageOfBatches(list, limit)
	return page, next, err
}

// FailingBatches implements store.Batches.
func (s *Store) FailingBatches(ctx context.Context, project string) ([]store.Batch, error) {
	return s.batches(ctx, `SELECT `+store.BatchColumns+` FROM batches INDEXED BY batches_failing WHERE project = $1 AND failing = 1`, project)
}

func (s *Store) batches(ctx context.Context, query string, args ...any) (list []store.Batch, err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	err = each(rows, func() error {
		b, err := store.ScanBatch(rows.Scan)
		list = append(list, b)
		return err
	})
	return list, explain(err)
}

// StopBatch implements store.Batches.
func (s *Store) StopBatch(ctx context.Context, project string, b store.Batch, at time.Time) error {
	return s.write.do(ctx, func(t *tx) error {
		t.tally.Stop(project, b, at)
		return nil
	})
}

// commitBatches adds the tally to the batches.
func (t *tx) commitBatches() error {
	var errs []error
	for _, c := range t.tally.BatchChanges() {
		for _, s := range c.Statements("min", "max") {
			_, err := t.exec(s.Query, s.Args...)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
