package sqlite

import (
	"cmp"
	"context"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// RecordDelivery implements store.Deliveries.
func (s *Store) RecordDelivery(ctx context.Context, d store.Delivery) error {
	return s.write.do(ctx, func(t *tx) error {
		added, err := t.exec(`INSERT INTO deliveries (project, guid, event, received_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			d.Project, d.GUID, d.Event, millis(d.ReceivedAt))
		if err != nil {
			return err
		}
		if n, err := added.RowsAffected(); n == 0 {
			t.unwritten()
			return cmp.Or(err, store.ErrDuplicate)
		}
		seq, err := added.LastInsertId()
		if err != nil {
			return err
		}
		t.tally.Add(d.Project, store.CountDeliveries, 1)
		t.tally.Delivered(d.Project, millis(d.ReceivedAt))
		_, err = t.exec(`INSERT INTO delivery_bodies (seq, body) VALUES ($1, $2)`, seq, d.Body)
		return err
	})
}

const deliveryColumns = `project, guid, event, received_at, finished_at, outcome, body FROM deliveries`

func scanDelivery(row interface{ Scan(...any) error }) (store.Delivery, error) {
	var d store.Delivery
	var received, finished int64
	err := row.Scan(&d.Project, &d.GUID, &d.Event, &received, &finished, &d.Outcome, &d.Body)
	d.ReceivedAt, d.FinishedAt = fromMillis(received), fromMillis(finished)
	return d, explain(err)
}

// PendingDeliveries implements store.Deliveries.
func (s *Store) PendingDeliveries(ctx context.Context, project string, limit int) ([]store.Delivery, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+deliveryColumns+` INDEXED BY deliveries_pending
		JOIN delivery_bodies USING (seq) WHERE project = $1 AND finished_at = 0 ORDER BY seq LIMIT $2`, project, limit)
	if err != nil {
		return nil, explain(err)
	}
	var list []store.Delivery
	err = each(rows, func() error {
		d, err := scanDelivery(rows)
		list = append(list, d)
		return err
	})
	return list, explain(err)
}

// FinishDelivery implements store.Deliveries.
func (s *Store) FinishDelivery(ctx context.Context, project, guid, outcome string, facts ...githubjobs.Facts) error {
	return s.write.do(ctx, func(t *tx) error {
		if err := s.mergeAll(t, project, facts); err != nil {
			return err
		}
		ended, err := t.exec(`UPDATE deliveries SET finished_at = $1, outcome = $2 WHERE project = $3 AND guid = $4 AND finished_at = 0`,
			millis(s.now()), store.Text(outcome), project, guid)
		if err != nil {
			return err
		}
		n, err := ended.RowsAffected()
		t.tally.Add(project, store.CountDeliveries, -n)
		return err
	})
}

// Delivery implements store.Deliveries.
func (s *Store) Delivery(ctx context.Context, project, guid string) (store.Delivery, error) {
	return scanDelivery(s.read.QueryRowContext(ctx, `SELECT `+deliveryColumns+`
		JOIN delivery_bodies USING (seq) WHERE project = $1 AND guid = $2`, project, guid))
}

// SweepDeliveries implements store.Deliveries.
func (s *Store) SweepDeliveries(ctx context.Context, before time.Time, limit int) (int, error) {
	const old = `(SELECT seq FROM deliveries WHERE finished_at > 0 AND received_at < $1 ORDER BY received_at, seq LIMIT $2)`
	return s.counted(ctx, func(t *tx) (int, error) {
		if _, err := t.exec(`DELETE FROM delivery_bodies WHERE seq IN `+old, millis(before), limit); err != nil {
			return 0, err
		}
		return t.affected(`DELETE FROM deliveries WHERE seq IN `+old, millis(before), limit)
	})
}
