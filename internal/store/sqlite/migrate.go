package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

//go:embed migrations/*.sql
var migrations embed.FS

// applicationID marks the file as ours in its header ("ghjb"); see
// https://sqlite.org/pragma.html#pragma_application_id.
const applicationID = 0x67686a62

// migrate applies the migrations that the file has not seen, each in its own
// transaction together with its number.
func migrate(ctx context.Context, db *sql.DB) error {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return err
	}
	slices.Sort(names)
	version, err := schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if version > len(names) {
		return fmt.Errorf("it was written by a newer version of this program (schema %d, known here up to %d): run that version, or name another file in DATABASE_PATH", version, len(names))
	}
	for i, name := range names[version:] {
		if err := apply(ctx, db, name, version+i+1); err != nil {
			return fmt.Errorf("applying %s: %w", name, err)
		}
	}
	return nil
}

// schemaVersion is the number of migrations that the file has seen.
func schemaVersion(ctx context.Context, db *sql.DB) (int, error) {
	var version, app, tables int
	err := errors.Join(
		db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version),
		db.QueryRowContext(ctx, `PRAGMA application_id`).Scan(&app),
		db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables))
	if err != nil {
		return 0, err
	}
	if app != applicationID && (app != 0 || tables > 0) {
		return 0, errors.New("it is a database of another program: name another file in DATABASE_PATH")
	}
	return version, nil
}

func apply(ctx context.Context, db *sql.DB, name string, version int) error {
	script, err := migrations.ReadFile(name)
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, q := range []string{string(script), fmt.Sprintf(`PRAGMA user_version = %d`, version), fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return err
		}
	}
	return tx.Commit()
}
