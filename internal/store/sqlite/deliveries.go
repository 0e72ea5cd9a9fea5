package sqlite

import (
	"context"
	"database/sql"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// RecordDelivery implements store.Deliveries.
func (s *Store) RecordDelivery(ctx context.Context, d store.Delivery) error {
	return s.write.do(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO deliveries (project, guid, event, received_at, body) VALUES (?, ?, ?, ?, ?)`,
			d.Project, d.GUID, d.Event, millis(d.ReceivedAt), d.Body)
		if isUnique(err) {
			return store.ErrDuplicate
		}
		return err
	})
}

const deliveryColumns = `project, guid, event, received_at, finished_at, outcome, body`

func scanDelivery(row interface{ Scan(...any) error }) (store.Delivery, error) {
	var d store.Delivery
	var received, finished int64
	err := row.Scan(&d.Project, &d.GUID, &d.Event, &received, &finished, &d.Outcome, &d.Body)
	d.ReceivedAt, d.FinishedAt = fromMillis(received), fromMillis(finished)
	return d, explain(err)
}

// PendingDeliveries implements store.Deliveries.
func (s *Store) PendingDeliveries(ctx context.Context, project string, limit int) ([]store.Delivery, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries WHERE project = ? AND finished_at = 0 ORDER BY seq LIMIT ?`, project, limit)
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
	return s.write.do(ctx, func(tx *sql.Tx) error {
		if err := mergeAll(tx, project, facts, s.now()); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE deliveries SET finished_at = ?, outcome = ? WHERE project = ? AND guid = ?`, millis(s.now()), outcome, project, guid)
		return err
	})
}

// Delivery implements store.Deliveries.
func (s *Store) Delivery(ctx context.Context, project, guid string) (store.Delivery, error) {
	return scanDelivery(s.read.QueryRowContext(ctx, `SELECT `+deliveryColumns+` FROM deliveries WHERE project = ? AND guid = ?`, project, guid))
}
