package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/internal/require"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	require.Postgres(t)
	storetest.Run(t, func(t *testing.T, now func() time.Time) store.Store { return open(t, schema(t), now) })
}

// schema makes an empty schema and returns a URL whose tables are made in it.
func schema(t testing.TB) string {
	t.Helper()
	base := require.Postgres(t)
	name := "test_" + strings.ToLower(rand.Text())
	admin(t, base, "CREATE SCHEMA "+name)
	t.Cleanup(func() { admin(t, base, "DROP SCHEMA "+name+" CASCADE") })
	return with(t, base, "search_path", name, "pool_max_conns", "3", "application_name", name)
}

// with returns the URL with settings added.
func with(t testing.TB, databaseURL string, settings ...string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(settings); i += 2 {
		q.Set(settings[i], settings[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// admin runs a statement on a connection of its own.
func admin(t testing.TB, databaseURL, statement string, args ...any) {
	t.Helper()
	ctx := context.Background()
	conn := connect(t, databaseURL)
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement, args...); err != nil {
		t.Fatal(fmt.Errorf("%s: %w", statement, err))
	}
}

// connect opens one connection, which takes no settings of the pool.
func connect(t testing.TB, databaseURL string) *pgx.Conn {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Del("pool_max_conns")
	u.RawQuery = q.Encode()
	conn, err := pgx.Connect(context.Background(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func open(t testing.TB, databaseURL string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(context.Background(), databaseURL, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDamagedRows(t *testing.T) {
	t.Parallel()
	storetest.Damage(t, func(t *testing.T, now func() time.Time, log *slog.Logger) (store.Store, func(id, facts string)) {
		db := schema(t)
		s := open(t, db, now)
		s.Log = log
		return s, func(id, facts string) {
			admin(t, db, `UPDATE jobs SET facts = $1, version = version + 1 WHERE id = $2`, facts, id)
		}
	})
}

func TestDamagedSchedules(t *testing.T) {
	t.Parallel()
	storetest.ScheduleDamage(t, func(t *testing.T, now func() time.Time, log *slog.Logger) (store.Store, func(name, body string)) {
		db := schema(t)
		s := open(t, db, now)
		s.Log = log
		return s, func(name, body string) { admin(t, db, `UPDATE schedules SET body = $1 WHERE name = $2`, body, name) }
	})
}
