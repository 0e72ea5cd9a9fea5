package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	unsignedQuery = `SELECT seq, id FROM receipts_due WHERE project = $1 AND seq > $2 ORDER BY seq LIMIT $3`
	signStatement = `INSERT INTO receipts (project, id, about, signed_at, envelope, attestation) SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[])
		ON CONFLICT (project, id) DO UPDATE SET about = excluded.about, signed_at = excluded.signed_at, envelope = excluded.envelope, attestation = excluded.attestation`
)

// Unsigned implements store.Receipts.
func (s *Store) Unsigned(ctx context.Context, project string, after int64, limit int) (list []store.Unsigned, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error {
		var u store.Unsigned
		err := rows.Scan(&u.Seq, &u.Job)
		list = append(list, u)
		return err
	}, unsignedQuery, project, after, limit)
	return list, err
}

// putUnsigned keeps the ends of the jobs that are written of which a receipt is to be made.
func (b *batch) putUnsigned() []statement {
	var projects, ids []string
	for _, n := range b.names {
		if j := b.jobs[n]; j.row != nil && j.row.Unsigned() {
			projects, ids = append(projects, n.project), append(ids, n.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return []statement{{args: []any{projects, ids}, query: `INSERT INTO receipts_due (project, id) SELECT * FROM unnest($1::text[], $2::text[])`}}
}

// Sign implements store.Receipts.
func (s *Store) Sign(ctx context.Context, project string, receipts []store.Receipt, seen []store.Unsigned) error {
	var ids, abouts, envelopes, attestations []string
	var times, seqs []int64
	for _, r := range slices.SortedFunc(slices.Values(receipts), func(a, b store.Receipt) int { return jobName{project, a.Job}.compare(jobName{project, b.Job}) }) {
		ids, abouts, times, envelopes = append(ids, r.Job), append(abouts, r.About), append(times, millis(r.SignedAt)), append(envelopes, string(r.Envelope))
		attestations = append(attestations, string(r.Attestation))
	}
	for _, u := range seen {
		seqs = append(seqs, u.Seq)
	}
	return s.write.do(ctx, nil, func(b *batch, _ *write) error {
		if len(ids) > 0 {
			b.queue("receipts", signStatement, []any{project, ids, abouts, times, envelopes, attestations}, nil)
		}
		b.queue("receipts_due", `DELETE FROM receipts_due WHERE project = $1 AND seq = ANY ($2)`, []any{project, seqs}, nil)
		return nil
	})
}

// Receipt implements store.Receipts.
func (s *Store) Receipt(ctx context.Context, project, id string) (store.Receipt, error) {
	r := store.Receipt{Job: id}
	found := false
	err := s.read(ctx, func(rows pgx.Rows) error {
		found = true
		var at int64
		err := rows.Scan(&r.About, &at, &r.Envelope, &r.Attestation)
		r.SignedAt = fromMillis(at)
		return err
	}, `SELECT about, signed_at, envelope, attestation FROM receipts WHERE project = $1 AND id = $2`, project, id)
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return r, err
}

// SweepReceipts implements store.Receipts. Servers that sweep at the same time take
// different ones.
func (s *Store) SweepReceipts(ctx context.Context, project string, before time.Time, limit int) (int, error) {
	return s.removed(ctx, `DELETE FROM receipts WHERE project = $1 AND id IN (SELECT r.id FROM receipts r
		WHERE r.project = $1 AND r.signed_at < $2 AND NOT EXISTS (SELECT FROM jobs j WHERE j.project = r.project AND j.id = r.id)
		ORDER BY r.signed_at LIMIT $3 FOR UPDATE SKIP LOCKED)`, project, millis(before), limit)
}
