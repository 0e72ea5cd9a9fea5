package postgres

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/githubjobs/githubjobs/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies the migrations that the database has not seen, all in one
// transaction, under a lock that other servers wait for.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		version, err := lockVersion(ctx, tx)
		if err != nil {
			return err
		}
		if version > len(names) {
			return fmt.Errorf("%w: it was written by a newer version of this program (schema %d, known here up to %d): run that version, or name another database in DATABASE_URL", store.ErrUnavailable, version, len(names))
		}
		for i, name := range names[version:] {
			if err := apply(ctx, tx, name, version+i+1); err != nil {
				return fmt.Errorf("applying %s: %w", name, err)
			}
		}
		return nil
	})
}

// lockVersion waits until no other server migrates, and returns how many migrations
// the database has seen.
func lockVersion(ctx context.Context, tx pgx.Tx) (version int, err error) {
	// Waiting for another server's migrations is no fault.
	if _, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', '0', true), set_config('lock_timeout', '60s', true)`); err != nil {
		return 0, err
	}
	var schema *string
	if err := tx.QueryRow(ctx, `SELECT current_schema()`).Scan(&schema); err != nil {
		return 0, err
	}
	if schema == nil {
		return 0, fmt.Errorf("%w: none of the schemas in search_path exists; create one, or correct DATABASE_URL", store.ErrUnavailable)
	}
	_, err = tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('githubjobs ' || current_schema(), 0))`)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `CREATE TABLE IF NOT EXISTS githubjobs_migrations (version int NOT NULL PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`)
	if err != nil {
		return 0, err
	}
	return version, tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) FROM githubjobs_migrations`).Scan(&version)
}

func apply(ctx context.Context, tx pgx.Tx, name string, version int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	// Without arguments the simple protocol takes several statements.
	if _, err := tx.Exec(ctx, string(script), pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO githubjobs_migrations (version) VALUES ($1)`, version)
	return err
}
