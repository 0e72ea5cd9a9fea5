package postgres

import (
	"context"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

type scheduleName struct{ project, name string }

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
	err = s.read(ctx, func(rows pgx.Rows) error {
		var name, body string
		var revision int64
		if err := rows.Scan(&name, &revision, &body); err != nil {
			return err
		}
		list = append(list, s.DecodeSchedule(project, name, revision, body))
		return nil
	}, query, append([]any{project}, args...)...)
	return list, err
}

// SaveSchedule implements store.Schedules.
func (s *Store) SaveSchedule(ctx context.Context, project string, schedule store.Schedule, job *githubjobs.Spec) error {
	body, err := schedule.Encode()
	if err != nil {
		return err
	}
	one := &write{schedule: &scheduleName{project, schedule.Name}}
	if job != nil {
		one.jobs, one.accepts = []jobName{{project, job.ID}}, true
	}
	one.plan = func(b *batch, _ *write) error {
		before := b.schedules[*one.schedule]
		if before != schedule.Revision {
			return store.ErrChanged
		}
		if job != nil {
			if err := b.accept(project, *job); err != nil {
				return err
			}
		}
		b.putSchedule(*one.schedule, before, body)
		return nil
	}
	return s.write.run(ctx, one)
}

// putSchedule stages the row of a schedule that has the given revision; 0 for none.
func (b *batch) putSchedule(n scheduleName, before int64, body string) {
	query := `INSERT INTO schedules (project, name, revision, body) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`
	if before != 0 {
		query = `UPDATE schedules SET revision = $3, body = $4 WHERE project = $1 AND name = $2`
	}
	revision := 1 + rand.Int64N(1<<62)
	b.schedules[n] = revision
	b.queue(n.order(), query, []any{n.project, n.name, revision, body}, func(n int64) error {
		if n == 0 {
			return errRace
		}
		return nil
	})
}

func (n scheduleName) order() string { return "schedule " + n.project + " " + n.name }

// DeleteSchedule implements store.Schedules.
func (s *Store) DeleteSchedule(ctx context.Context, project, name string, revision int64) error {
	one := &write{schedule: &scheduleName{project, name}}
	one.plan = func(b *batch, _ *write) error {
		if b.schedules[*one.schedule] != revision {
			return store.ErrChanged
		}
		b.schedules[*one.schedule] = 0
		b.queue(one.schedule.order(), `DELETE FROM schedules WHERE project = $1 AND name = $2`, []any{project, name}, nil)
		return nil
	}
	return s.write.run(ctx, one)
}

// lockSchedules locks the schedules that the writes are about and reads their revisions;
// 0 for those that are not there.
func (b *batch) lockSchedules(writes []*write) []statement {
	var projects, names []string
	for _, one := range writes {
		if one.schedule != nil {
			projects, names = append(projects, one.schedule.project), append(names, one.schedule.name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []statement{{args: []any{projects, names}, rows: func(rows pgx.Rows) error {
		var n scheduleName
		var revision int64
		err := rows.Scan(&n.project, &n.name, &revision)
		b.schedules[n] = revision
		return err
	}, query: `SELECT project, name, revision FROM schedules WHERE (project, name) IN (SELECT * FROM unnest($1::text[], $2::text[]))
		ORDER BY project, name FOR UPDATE`}}
}
