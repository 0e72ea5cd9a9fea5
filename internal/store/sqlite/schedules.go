package sqlite

import (
	"context"
	"math/rand/v2"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Schedules implements store.Schedules.
func (s *Store) Schedules(ctx context.Context, project string) ([]store.Schedule, error) {
	return s.schedules(ctx, project, `SELECT name, revision, body FROM schedules WHERE project = $1 ORDER BY name`)
}

// Schedule implements store.Schedules.
func (s *Store) Schedule(ctx context.Context, project, name string) (store.Schedule, error) {
	list, err := s.schedules(ctx, project, `SELECT name, revision, body FROM schedules WHERE project = $1 AND name = $2`, name)
	if err != nil {
		return store.Schedule{}, err
	}
	if len(list) == 0 {
		return store.Schedule{}, store.ErrNotFound
	}
	return list[0], nil
}

func (s *Store) schedules(ctx context.Context, project, query string, args ...any) (list []store.Schedule, err error) {
	rows, err := s.read.QueryContext(ctx, query, append([]any{project}, args...)...)
	if err != nil {
		return nil, explain(err)
	}
	err = each(rows, func() error {
		var name, body string
		var revision int64
		if err := rows.Scan(&name, &revision, &body); err != nil {
			return err
		}
		list = append(list, s.DecodeSchedule(project, name, revision, body))
		return nil
	})
	return list, explain(err)
}

// SaveSchedule implements store.Schedules.
func (s *Store) SaveSchedule(ctx context.Context, project string, schedule store.Schedule, job *githubjobs.Spec) error {
	body, err := schedule.Encode()
	if err != nil {
		return err
	}
	return s.write.do(ctx, func(t *tx) error {
		if err := unchanged(t, project, schedule.Name, schedule.Revision); err != nil {
			return err
		}
		if job != nil {
			if err := s.accept(t, project, *job); err != nil {
				return err
			}
		}
		_, err := t.exec(`INSERT INTO schedules (project, name, revision, body) VALUES ($1, $2, $3, $4)
			ON CONFLICT (project, name) DO UPDATE SET revision = excluded.revision, body = excluded.body`,
			project, schedule.Name, 1+rand.Int64N(1<<62), body)
		return err
	})
}

// unchanged returns nil when the schedule has the revision; 0 means that there is none.
func unchanged(t *tx, project, name string, revision int64) error {
	var have int64
	_, err := t.get(`SELECT revision FROM schedules WHERE project = $1 AND name = $2`, []any{project, name}, &have)
	if err == nil && have != revision {
		err = store.ErrChanged
	}
	return err
}

// DeleteSchedule implements store.Schedules.
func (s *Store) DeleteSchedule(ctx context.Context, project, name string, revision int64) error {
	return s.write.do(ctx, func(t *tx) error {
		if err := unchanged(t, project, name, revision); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM schedules WHERE project = $1 AND name = $2`, project, name)
		return err
	})
}
