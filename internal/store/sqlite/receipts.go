package sqlite

import (
	"context"
	"encoding/json"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

// Unsigned implements store.Receipts.
func (s *Store) Unsigned(ctx context.Context, project string, after int64, limit int) (list []store.Unsigned, err error) {
	rows, err := s.read.QueryContext(ctx, `SELECT seq, id FROM receipts_due INDEXED BY receipts_due_project WHERE project = $1 AND seq > $2 ORDER BY seq LIMIT $3`, project, after, limit)
	if err != nil {
		return nil, explain(err)
	}
	err = each(rows, func() error {
		var u store.Unsigned
		err := rows.Scan(&u.Seq, &u.Job)
		list = append(list, u)
		return err
	})
	return list, explain(err)
}

// Sign implements store.Receipts, by one statement for all receipts and one for all ends.
func (s *Store) Sign(ctx context.Context, project string, receipts []store.Receipt, seen []store.Unsigned) error {
	type row struct {
		ID, About, Envelope, Attestation string
		At                               int64
	}
	rows, seqs := make([]row, len(receipts)), make([]int64, len(seen))
	for i, r := range receipts {
		rows[i] = row{r.Job, r.About, string(r.Envelope), string(r.Attestation), millis(r.SignedAt)}
	}
	for i, u := range seen {
		seqs[i] = u.Seq
	}
	signed, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	gone, err := json.Marshal(seqs)
	if err != nil {
		return err
	}
	return s.write.do(ctx, func(t *tx) error {
		if len(rows) > 0 {
			_, err := t.exec(`INSERT INTO receipts (project, id, about, signed_at, envelope, attestation)
				SELECT $1, value ->> 'ID', value ->> 'About', value ->> 'At', value ->> 'Envelope', value ->> 'Attestation' FROM json_each($2) WHERE true
				ON CONFLICT (project, id) DO UPDATE SET about = excluded.about, signed_at = excluded.signed_at, envelope = excluded.envelope, attestation = excluded.attestation`, project, string(signed))
			if err != nil {
				return err
			}
		}
		_, err := t.exec(`DELETE FROM receipts_due WHERE project = $1 AND seq IN (SELECT value FROM json_each($2))`, project, string(gone))
		return err
	})
}

// Receipt implements store.Receipts.
func (s *Store) Receipt(ctx context.Context, project, id string) (store.Receipt, error) {
	r := store.Receipt{Job: id}
	var at int64
	err := s.read.QueryRowContext(ctx, `SELECT about, signed_at, envelope, attestation FROM receipts WHERE project = $1 AND id = $2`, project, id).Scan(&r.About, &at, &r.Envelope, &r.Attestation)
	r.SignedAt = fromMillis(at)
	return r, explain(err)
}

// SweepReceipts implements store.Receipts.
func (s *Store) SweepReceipts(ctx context.Context, project string, before time.Time, limit int) (int, error) {
	return s.counted(ctx, func(t *tx) (int, error) {
		return t.affected(`DELETE FROM receipts WHERE project = $1 AND id IN (SELECT r.id FROM receipts AS r INDEXED BY receipts_signed
			WHERE r.project = $1 AND r.signed_at < $2 AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.project = r.project AND j.id = r.id) ORDER BY r.signed_at LIMIT $3)`,
			project, millis(before), limit)
	})
}
