package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// RecordDelivery implements store.Deliveries.
func (s *Store) RecordDelivery(ctx context.Context, d store.Delivery) error {
	return s.write.do(ctx, nil, func(b *batch, one *write) error {
		b.queue(deliveryOrder(d.Project, d.GUID), `WITH added AS (
				INSERT INTO deliveries (project, guid, event, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING seq)
			INSERT INTO delivery_bodies (seq, body) SELECT seq, $5 FROM added`,
			[]any{d.Project, d.GUID, d.Event, millis(d.ReceivedAt), d.Body}, func(n int64) error {
				if n == 0 {
					one.err = store.ErrDuplicate
					return nil
				}
				b.tally.Add(d.Project, store.CountDeliveries, n)
				b.tally.Delivered(d.Project, millis(d.ReceivedAt))
				return nil
			})
		return nil
	})
}

func deliveryOrder(project, guid string) string { return "delivery " + project + " " + guid }

const deliveryColumns = `project, guid, event, received_at, finished_at, outcome, body FROM deliveries JOIN delivery_bodies USING (seq)`

func (s *Store) deliveries(ctx context.Context, query string, args ...any) (list []store.Delivery, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error {
		var d store.Delivery
		var received, finished int64
		err := rows.Scan(&d.Project, &d.GUID, &d.Event, &received, &finished, &d.Outcome, &d.Body)
		d.ReceivedAt, d.FinishedAt = fromMillis(received), fromMillis(finished)
		list = append(list, d)
		return err
	}, query, args...)
	return list, err
}

// PendingDeliveries implements store.Deliveries.
func (s *Store) PendingDeliveries(ctx context.Context, project string, limit int) ([]store.Delivery, error) {
	return s.deliveries(ctx, `SELECT `+deliveryColumns+` WHERE project = $1 AND finished_at = 0 ORDER BY seq LIMIT $2`, project, limit)
}

// FinishDelivery implements store.Deliveries.
func (s *Store) FinishDelivery(ctx context.Context, project, guid, outcome string, facts ...githubjobs.Facts) error {
	return s.write.do(ctx, namesOf(project, facts), func(b *batch, _ *write) error {
		if err := b.stage(project, facts); err != nil {
			return err
		}
		b.queue(deliveryOrder(project, guid), `UPDATE deliveries SET finished_at = $1, outcome = $2 WHERE project = $3 AND guid = $4 AND finished_at = 0`,
			[]any{millis(b.now), store.Text(outcome), project, guid}, func(n int64) error {
				b.tally.Add(project, store.CountDeliveries, -n)
				return nil
			})
		return nil
	})
}

// Delivery implements store.Deliveries.
func (s *Store) Delivery(ctx context.Context, project, guid string) (store.Delivery, error) {
	list, err := s.deliveries(ctx, `SELECT `+deliveryColumns+` WHERE project = $1 AND guid = $2`, project, guid)
	if err != nil {
		return store.Delivery{}, err
	}
	if len(list) == 0 {
		return store.Delivery{}, store.ErrNotFound
	}
	return list[0], nil
}

// SweepDeliveries implements store.Deliveries. Servers that sweep at the same time
// take different deliveries.
func (s *Store) SweepDeliveries(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.removed(ctx, `WITH old AS (DELETE FROM deliveries WHERE seq IN (
			SELECT seq FROM deliveries WHERE finished_at > 0 AND received_at < $1 ORDER BY received_at, seq LIMIT $2 FOR UPDATE SKIP LOCKED)
			RETURNING seq)
		DELETE FROM delivery_bodies WHERE seq IN (SELECT seq FROM old)`, millis(before), limit)
}

// removed runs a statement that removes rows, and says how many.
func (s *Store) removed(ctx context.Context, query string, args ...any) (int, error) {
	removed := make(chan int64, 1)
	err := s.write.do(ctx, nil, func(b *batch, _ *write) error {
		b.queue("", query, args, func(n int64) error {
			select {
			case <-removed: // of a transaction that failed
			default:
			}
			removed <- n
			return nil
		})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return int(<-removed), nil
}
