package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/internal/store"
)

// Project implements store.Projects.
func (s *Store) Project(ctx context.Context, project string) (p store.Project, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error {
		var reconciled int64
		err := rows.Scan(&p.DefaultBranch, &p.BaseHead, &reconciled)
		p.ReconciledAt = fromMillis(reconciled)
		return err
	}, `SELECT default_branch, base_head, reconciled_at FROM projects WHERE id = $1`, project)
	return p, err
}

// SetDefaultBranch implements store.Projects.
func (s *Store) SetDefaultBranch(ctx context.Context, project, branch string) error {
	return s.exec(ctx, `INSERT INTO projects (id, default_branch) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET default_branch = excluded.default_branch`, project, store.Text(branch))
}

// SetBaseHead implements store.Projects.
func (s *Store) SetBaseHead(ctx context.Context, project, sha string) error {
	return s.exec(ctx, `INSERT INTO projects (id, base_head) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET base_head = excluded.base_head`, project, sha)
}

// SetReconciled implements store.Projects.
func (s *Store) SetReconciled(ctx context.Context, project string, at time.Time) error {
	return s.exec(ctx, `INSERT INTO projects (id, reconciled_at) VALUES ($1, $2)
		ON CONFLICT (id) DO UPDATE SET reconciled_at = excluded.reconciled_at`, project, millis(at))
}
