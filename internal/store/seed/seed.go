// Package seed fills databases with many jobs, for benchmarks: a million in the time
// that a store would take for some ten thousand. Only tests import it.
//
// The first job is written by the store itself; the database then copies its row, with
// the indexes away and put back at the end.
package seed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/postgres"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

// JobID is the id of the i-th job, from 0 on.
func JobID(i int) string { return fmt.Sprintf("bench-%07d", i) }

// finished is what is known of a job that was merged, about 1.7 KB in JSON.
func finished(id string, at time.Time) githubjobs.Facts {
	const creation, result = "0123456789abcdef0123456789abcdef01234567", "76543210fedcba9876543210fedcba9876543210"
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Daily activity report", Base: "main"}
	spec.Normalize(at)
	return githubjobs.Facts{
		ID: id, Spec: &spec, Dispatch: &githubjobs.Dispatch{At: at}, Branch: &githubjobs.BranchFact{Head: result, Moved: true, Deleted: true, At: at},
		Runs:  []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: creation, URL: "http://127.0.0.1/demo/reports/actions/runs/1", StartedAt: at, At: at}},
		Pulls: []githubjobs.PullFact{{Number: 1, URL: "http://127.0.0.1/demo/reports/pull/1", Merged: true, MergedAt: at, MergeSHA: creation, HeadSHA: result, At: at}},
		Result: &githubjobs.ResultFact{SHA: result, Log: strings.Repeat("a line of the task's log that is 50 characters.\n", 10), At: at, Result: githubjobs.Result{
			ID: id, Attempt: 1, RunID: 1, Outcome: githubjobs.OutcomeSuccess, StartedAt: at, FinishedAt: at, ChangedFiles: []string{"reports/a.md"}, FilesTotal: 1}},
	}
}

// first writes the first job and what a server remembers of the project: that GitHub
// was read just now. The job ended a month ago.
func first(ctx context.Context, s store.Store, project string) error {
	if err := s.MergeFacts(ctx, project, finished(JobID(0), ago().Add(-time.Hour))); err != nil {
		return err
	}
	return s.SetReconciled(ctx, project, time.Now())
}

func ago() time.Time { return time.Now().AddDate(0, -1, 0) }

// copyJob makes jobs of the first one in the database itself. The databases differ in
// how they count and how they write a number. Each job is a millisecond younger than
// the one before.
const copyJob = `INSERT INTO jobs (project, id, accepted, known, waiting, active, status, reason, kind, title, created_at, updated_at, live, head, deleted, open_run, facts%[1]s)
	SELECT project, %[2]s, accepted, known, waiting, active, status, reason, kind, title, created_at + i, updated_at, live, head, deleted, open_run, replace(facts, 'bench-0000000', %[2]s)%[3]s
	FROM %[4]s WHERE id = 'bench-0000000'`

func count(n int) string { return fmt.Sprintf(`UPDATE counters SET n = %d WHERE name = 'merged'`, n) }

// SQLite makes a database of n jobs.
func SQLite(ctx context.Context, path, project string, n int) error {
	s, err := sqlite.Open(ctx, path, ago)
	if err != nil {
		return err
	}
	if err := first(ctx, s, project); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // the settings are the connection's
	names, definitions, err := sqliteIndexes(ctx, db)
	if err != nil {
		return err
	}
	statements := []string{`PRAGMA journal_mode = DELETE`, `PRAGMA synchronous = OFF`, `PRAGMA cache_size = -64000`}
	for _, name := range names {
		statements = append(statements, `DROP INDEX `+name)
	}
	statements = append(statements, fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n-1)+
		fmt.Sprintf(copyJob, "", `printf('bench-%07d', i)`, "", "jobs, n"), count(n))
	statements = append(append(statements, definitions...), `PRAGMA synchronous = FULL`, `PRAGMA journal_mode = WAL`)
	for _, q := range statements {
		if _, err := db.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("%.80s: %w", q, err)
		}
	}
	return nil
}

// sqliteIndexes lists the indexes of the jobs that have a definition of their own.
func sqliteIndexes(ctx context.Context, db *sql.DB) (names, definitions []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'jobs' AND sql IS NOT NULL`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			return nil, nil, err
		}
		names, definitions = append(names, name), append(definitions, definition)
	}
	return names, definitions, rows.Err()
}

// Postgres fills an empty database, or schema, with n jobs.
func Postgres(ctx context.Context, databaseURL, project string, n int) error {
	s, err := postgres.Open(ctx, databaseURL, ago)
	if err != nil {
		return err
	}
	if err := first(ctx, s, project); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'jobs'::regclass AND NOT indisprimary`)
	if err != nil {
		return err
	}
	statements := []string{`SET synchronous_commit = off`, `SET maintenance_work_mem = '256MB'`}
	var definitions []string
	var name, definition string
	_, err = pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		statements, definitions = append(statements, `DROP INDEX `+name), append(definitions, definition)
		return nil
	})
	if err != nil {
		return err
	}
	statements = append(statements, fmt.Sprintf(copyJob, ", version", `'bench-' || lpad(i::text, 7, '0')`, ", i", fmt.Sprintf("jobs, generate_series(1, %d) i", n-1)), count(n))
	for _, q := range append(append(statements, definitions...), `VACUUM ANALYZE jobs`) {
		if _, err := conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("%.80s: %w", q, err)
		}
	}
	return checkpoint(ctx, conn)
}

// checkpoint writes out what was seeded, so that it does not disturb a measurement;
// where the user may not ask for that, PostgreSQL does it in its own time.
func checkpoint(ctx context.Context, conn *pgx.Conn) error {
	const mayNot = "42501"
	_, err := conn.Exec(ctx, `CHECKPOINT`)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == mayNot {
		return nil
	}
	return err
}
