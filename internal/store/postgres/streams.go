package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	selectStream = `SELECT capability, expires_at, state FROM streams WHERE project = $1 AND id = $2`
	eventsQuery  = `SELECT body FROM events WHERE project = $1 AND id = $2 AND n > $3 AND (cardinality($4::text[]) = 0 OR type = ANY ($4)) ORDER BY n LIMIT $5`
	linesQuery   = `SELECT body FROM (SELECT n, body FROM events WHERE project = $1 AND id = $2 AND log ORDER BY n DESC LIMIT $3) newest ORDER BY n`
)

func scanStream(rows pgx.Rows, into *store.Stream, id string) error {
	var expires int64
	var state string
	if err := rows.Scan(&into.Capability, &expires, &state); err != nil {
		return err
	}
	into.Job, into.ExpiresAt = id, fromMillis(expires)
	return json.Unmarshal([]byte(state), &into.State)
}

// OpenStream implements store.Streams.
func (s *Store) OpenStream(ctx context.Context, project string, open store.Stream) (store.Stream, error) {
	return s.changeStream(ctx, project, open.Job, func(before store.Stream) (store.Stream, []store.EventRow, error) {
		after, err := store.Reopen(before, open, s.now())
		return after, nil, err
	})
}

// AppendEvents implements store.Streams.
func (s *Store) AppendEvents(ctx context.Context, project, id string, capability []byte, events []githubjobs.Event) (store.Stream, error) {
	return s.changeStream(ctx, project, id, func(before store.Stream) (store.Stream, []store.EventRow, error) {
		return store.Append(before, capability, events, s.now())
	})
}

// changeStream changes a stream in a transaction of its own, in two round trips: it has
// nothing to do with any other write, and only writers of the same stream wait for it.
func (s *Store) changeStream(ctx context.Context, project, id string, change func(store.Stream) (store.Stream, []store.EventRow, error)) (after store.Stream, err error) {
	for range tries {
		within, cancel := context.WithTimeout(ctx, writeTime)
		after, err = s.tryStream(within, project, id, change)
		cancel()
		if !isCode(err, codeSerialization) && !isCode(err, codeDeadlock) {
			break
		}
	}
	return after, explain(ctx, err)
}

func (s *Store) tryStream(ctx context.Context, project, id string, change func(store.Stream) (store.Stream, []store.EventRow, error)) (after store.Stream, err error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return after, err
	}
	defer conn.Release() // which drops a connection that is still in a transaction
	var before store.Stream
	err = pipeline(ctx, conn, []statement{begin,
		// The first of two who open a stream at once has the lock on what is no row yet.
		{query: `SELECT pg_advisory_xact_lock(hashtextextended('githubjobs stream ' || current_schema() || '.' || $1 || '.' || $2, 0))`, args: []any{project, id}},
		{query: selectStream + ` FOR UPDATE`, args: []any{project, id}, rows: func(rows pgx.Rows) error { return scanStream(rows, &before, id) }},
	})
	var rows []store.EventRow
	if err == nil {
		after, rows, err = change(before)
	}
	var writes []statement
	if err == nil {
		writes, err = streamWrites(project, after, rows)
	}
	if err == nil {
		err = pipeline(ctx, conn, append(writes, statement{query: `COMMIT`}))
	}
	if err != nil {
		_ = rollback(ctx, conn, err) // what matters is why
	}
	return after, err
}

func streamWrites(project string, s store.Stream, rows []store.EventRow) (list []statement, err error) {
	state, err := json.Marshal(s.State)
	if err != nil {
		return nil, err
	}
	list = []statement{{args: []any{project, s.Job, s.Capability, millis(s.ExpiresAt), string(state)}, query: `
		INSERT INTO streams (project, id, capability, expires_at, state) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (project, id) DO UPDATE SET capability = excluded.capability, expires_at = excluded.expires_at, state = excluded.state`}}
	if len(rows) == 0 {
		return list, nil
	}
	ids, sizes, types, logs, bodies := make([]int64, len(rows)), make([]int64, len(rows)), make([]string, len(rows)), make([]bool, len(rows)), make([]string, len(rows))
	for i, r := range rows {
		ids[i], sizes[i], types[i], logs[i], bodies[i] = r.ID, r.Bytes, string(r.Type), r.Log, r.Body
	}
	list = append(list,
		statement{args: []any{project, s.Job, ids, types, logs, sizes, bodies}, query: `
			INSERT INTO events (project, id, n, type, log, bytes, body)
			SELECT $1, $2, * FROM unnest($3::bigint[], $4::text[], $5::boolean[], $6::bigint[], $7::text[])`})
	if s.Full() {
		list = append(list, statement{args: []any{project, s.Job, s.LogBytes - store.MaxLogBytes, s.OtherBytes - store.MaxOtherBytes}, query: `
			DELETE FROM events WHERE project = $1 AND id = $2 AND (log AND bytes <= $3 OR NOT log AND bytes <= $4)`})
	}
	return list, nil
}

// Stream implements store.Streams.
func (s *Store) Stream(ctx context.Context, project, id string) (found store.Stream, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error { return scanStream(rows, &found, id) }, selectStream, project, id)
	if err == nil && found.Job == "" {
		err = store.ErrNotFound
	}
	return found, err
}

// Events implements store.Streams.
func (s *Store) Events(ctx context.Context, project, id string, after int64, types []githubjobs.EventType, limit int) ([]store.Told, error) {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return s.told(ctx, eventsQuery, project, id, after, names, limit)
}

// LastLines implements store.Streams.
func (s *Store) LastLines(ctx context.Context, project, id string, limit int) ([]store.Told, error) {
	return s.told(ctx, linesQuery, project, id, limit)
}

func (s *Store) told(ctx context.Context, query string, args ...any) (list []store.Told, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error {
		var body []byte
		if err := rows.Scan(&body); err != nil {
			return err
		}
		var one store.Told
		if err := json.Unmarshal(body, &one); err != nil {
			return err
		}
		list = append(list, one)
		return nil
	}, query, args...)
	return list, err
}
