package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

const selectStream = `SELECT capability, expires_at, state FROM streams WHERE project = $1 AND id = $2`

// stream makes a stream of a row.
func stream(id string, capability []byte, expires int64, state string) (s store.Stream, err error) {
	s = store.Stream{Job: id, Capability: capability, ExpiresAt: fromMillis(expires)}
	return s, json.Unmarshal([]byte(state), &s.State)
}

// stream returns the zero value when there is none.
func (t *tx) stream(project, id string) (store.Stream, error) {
	var capability []byte
	var expires int64
	var state string
	found, err := t.get(selectStream, []any{project, id}, &capability, &expires, &state)
	if err != nil || !found {
		return store.Stream{}, err
	}
	return stream(id, capability, expires, state)
}

func (t *tx) putStream(project string, s store.Stream) error {
	state, err := json.Marshal(s.State)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO streams (project, id, capability, expires_at, state) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (project, id) DO UPDATE SET capability = excluded.capability, expires_at = excluded.expires_at, state = excluded.state`,
		project, s.Job, s.Capability, millis(s.ExpiresAt), string(state))
	return err
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

func (s *Store) changeStream(ctx context.Context, project, id string, change func(store.Stream) (store.Stream, []store.EventRow, error)) (store.Stream, error) {
	changed := make(chan store.Stream, 1)
	err := s.write.do(ctx, func(t *tx) error {
		before, err := t.stream(project, id)
		if err != nil {
			return err
		}
		after, rows, err := change(before)
		if err != nil {
			return err
		}
		if err := t.putStream(project, after); err != nil {
			return err
		}
		if err := t.putEvents(project, after, rows); err != nil {
			return err
		}
		select {
		case <-changed: // of a transaction that failed
		default:
		}
		changed <- after
		return nil
	})
	if err != nil {
		return store.Stream{}, err
	}
	return <-changed, nil
}

func (t *tx) putEvents(project string, s store.Stream, rows []store.EventRow) error {
	if len(rows) == 0 {
		return nil
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO events (project, id, n, type, log, bytes, body)
		SELECT $1, $2, value ->> 'id', value ->> 'type', value ->> 'log', value ->> 'bytes', value ->> 'body' FROM json_each($3)`, project, s.Job, string(list))
	if err != nil || !s.Full() {
		return err
	}
	_, err = t.exec(`DELETE FROM events WHERE project = $1 AND id = $2 AND (log = 1 AND bytes <= $3 OR log = 0 AND bytes <= $4)`,
		project, s.Job, s.LogBytes-store.MaxLogBytes, s.OtherBytes-store.MaxOtherBytes)
	return err
}

// sweepStream removes what a job has told.
func (t *tx) sweepStream(project, id string) error {
	for _, query := range []string{`DELETE FROM streams WHERE project = $1 AND id = $2`, `DELETE FROM events WHERE project = $1 AND id = $2`} {
		if _, err := t.exec(query, project, id); err != nil {
			return err
		}
	}
	return nil
}

// Stream implements store.Streams.
func (s *Store) Stream(ctx context.Context, project, id string) (store.Stream, error) {
	var capability []byte
	var expires int64
	var state string
	if err := s.read.QueryRowContext(ctx, selectStream, project, id).Scan(&capability, &expires, &state); err != nil {
		if errors.Is(err, sql.ErrNoRows) {
			return store.Stream{}, store.ErrNotFound
		}
		return store.Stream{}, explain(err)
	}
	found, err := stream(id, capability, expires, state)
	return found, explain(err)
}

// Events implements store.Streams.
func (s *Store) Events(ctx context.Context, project, id string, after int64, types []githubjobs.EventType, limit int) ([]store.Told, error) {
	list, err := json.Marshal(types)
	if err != nil {
		return nil, err
	}
	return s.told(ctx, `SELECT body FROM events WHERE project = $1 AND id = $2 AND n > $3 AND ($4 = 0 OR type IN (SELECT value FROM json_each($5))) ORDER BY n LIMIT $6`,
		project, id, after, len(types), string(list), limit)
}

// LastLines implements store.Streams.
func (s *Store) LastLines(ctx context.Context, project, id string, limit int) ([]store.Told, error) {
	return s.told(ctx, `SELECT body FROM (SELECT n, body FROM events WHERE project = $1 AND id = $2 AND log = 1 ORDER BY n DESC LIMIT $3) ORDER BY n`, project, id, limit)
}

func (s *Store) told(ctx context.Context, query string, args ...any) (list []store.Told, err error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	err = each(rows, func() error {
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
	})
	return list, explain(err)
}
