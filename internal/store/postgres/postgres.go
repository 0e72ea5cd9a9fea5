// Package postgres keeps the projection in a PostgreSQL database, which several
// server processes may share.
//
// Writes are gathered: those of one process that arrive while a transaction is
// being committed share the next one, in three round trips for any number of them.
// Facts are joined under the locks of their rows, so that no server overwrites what
// another one learnt. It imports internal/store and jackc/pgx.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/githubjobs/githubjobs/internal/store"
)

var _ store.Store = (*Store)(nil)

const (
	cacheSize   = 32 << 20         // bytes of facts kept in memory
	counterSets = 16               // shards of the counters
	readTime    = 15 * time.Second // for one read, a new connection included
	writeTime   = 30 * time.Second // for one transaction
	connectTime = 5 * time.Second
)

// session are the settings of every connection, where the URL does not say otherwise.
var session = map[string]string{
	"application_name":  "githubjobs",
	"statement_timeout": "10s",
	"lock_timeout":      "5s",
	// A server that hangs in a transaction must not keep its locks from the others.
	"idle_in_transaction_session_timeout": "15s",
}

// Store is a store.Store on a PostgreSQL database.
type Store struct {
	store.Damage
	pool  *pgxpool.Pool
	write *writer
	turn  store.Turn // of batches
	now   func() time.Time
	cache *store.Cache // of facts; their version is compared at every read
}

// Open connects to the database and brings its schema up to date; servers that are
// started at the same time do so one after the other. now is the clock; nil means
// time.Now. No error holds the URL's password.
func Open(ctx context.Context, databaseURL string, now func() time.Time) (*Store, error) {
	config, err := parse(databaseURL)
	if err != nil {
		return nil, err
	}
	return start(ctx, config, databaseURL, now)
}

func start(ctx context.Context, config *pgxpool.Config, databaseURL string, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w", Address(databaseURL), explain(ctx, err))
	}
	if err := migrate(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("opening database %s: %w", Address(databaseURL), explain(ctx, err))
	}
	s := &Store{turn: store.NewTurn(), pool: pool, now: now, cache: store.NewCache(cacheSize)}
	s.write = startWriter(pool, now, rand.IntN(counterSets), &s.Damage)
	return s, nil
}

// Validate says what is wrong with the URL of a database, without its password.
func Validate(databaseURL string) error {
	_, err := parse(databaseURL)
	return err
}

func parse(databaseURL string) (*pgxpool.Config, error) {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("is not the URL of a PostgreSQL database; write it like postgres://user:password@host:5432/database, with special characters of the password percent-encoded")
	}
	if strings.Trim(u.Path, "/") == "" && !u.Query().Has("dbname") {
		return nil, errors.New("names no database; write it like postgres://user:password@host:5432/database")
	}
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		// The cause may repeat the URL.
		return nil, errors.New("has a setting that PostgreSQL does not know or that has a wrong value; see libpq's connection parameters (postgresql.org/docs/current/libpq-connect.html)")
	}
	for name, value := range session {
		if _, given := config.ConnConfig.RuntimeParams[name]; !given {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = connectTime
	}
	config.AfterConnect = durable
	return config, nil
}

// durable makes a commit wait for the disk where the database is set not to. A
// stricter setting, which waits for replicas too, stays.
func durable(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
	return err
}

// Address names the database without user and password, for logs.
func Address(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil || u.Host == "" {
		return "postgres"
	}
	return (&url.URL{Scheme: "postgres", Host: u.Host, Path: u.Path}).String()
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.write.close()
	s.pool.Close()
	return nil
}

// Check implements store.Store.
func (s *Store) Check(ctx context.Context) error {
	return s.exec(ctx, `INSERT INTO checks (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at`, millis(s.now()))
}

// exec runs one statement that writes.
func (s *Store) exec(ctx context.Context, query string, args ...any) error {
	return s.write.do(ctx, nil, func(b *batch, _ *write) error {
		b.queue(query, query, args, nil)
		return nil
	})
}

// read runs a query, visits its rows, and tries once more when the connection was
// found to be lost before there was a row.
func (s *Store) read(ctx context.Context, visit func(pgx.Rows) error, query string, args ...any) error {
	within, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	visited := false
	once := func() error {
		rows, err := s.pool.Query(within, query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			visited = true
			if err := visit(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	err := once()
	if lost(err) && !visited && within.Err() == nil {
		err = once()
	}
	return explain(ctx, err)
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
