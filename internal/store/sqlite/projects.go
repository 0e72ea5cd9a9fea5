package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

// Project implements store.Projects.
func (s *Store) Project(ctx context.Context, project string) (store.Project, error) {
	var p store.Project
	var reconciled int64
	err := s.read.QueryRowContext(ctx, `SELECT default_branch, base_head, reconciled_at FROM projects WHERE id = ?`, project).Scan(&p.DefaultBranch, &p.BaseHead, &reconciled)
	if errors.Is(err, sql.ErrNoRows) {
		return p, nil
	}
	p.ReconciledAt = fromMillis(reconciled)
	return p, explain(err)
}

// SetDefaultBranch implements store.Projects.
func (s *Store) SetDefaultBranch(ctx context.Context, project, branch string) error {
	return s.exec(ctx, `INSERT INTO projects (id, default_branch) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET default_branch = excluded.default_branch`, project, store.Text(branch))
}

// SetBaseHead implements store.Projects.
func (s *Store) SetBaseHead(ctx context.Context, project, sha string) error {
	return s.exec(ctx, `INSERT INTO projects (id, base_head) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET base_head = excluded.base_head`, project, sha)
}

// SetReconciled implements store.Projects.
func (s *Store) SetReconciled(ctx context.Context, project string, at time.Time) error {
	return s.exec(ctx, `INSERT INTO projects (id, reconciled_at) VALUES (?, ?)
		ON CONFLICT (id) DO UPDATE SET reconciled_at = excluded.reconciled_at`, project, millis(at))
}

func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	return s.write.do(ctx, func(t *tx) error {
		_, err := t.exec(query, args...)
		return err
	})
}
