// Package sqlite keeps the projection in one SQLite file, for one server process.
//
// Writes are gathered: those that arrive while a transaction is being committed
// share the next one, and so one flush to the disk. Reads run beside them (WAL).
// It imports internal/store and modernc.org/sqlite.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/gofrs/flock"
	_ "modernc.org/sqlite" // the database/sql driver

	"github.com/githubjobs/githubjobs/internal/store"
)

var _ store.Store = (*Store)(nil)

const (
	readers   = 4        // connections that read beside the writer
	cacheSize = 32 << 20 // bytes of facts kept in memory
)

// Store is a store.Store on one SQLite file.
type Store struct {
	store.Damage
	write  *writer
	turn   store.Turn // of batches
	read   *sql.DB
	lock   *flock.Flock
	now    func() time.Time
	opened time.Time    // when the lock was taken
	cache  *store.Cache // of facts; this process alone writes the file
	facts  *sql.Stmt    // the statement of Facts, which every status read runs

	mu      sync.Mutex
	leaders map[string]func() // by project: told of ends
}

// Open opens the database file, creates it when there is none, for this user alone,
// and brings its schema up to date. A symbolic link stands for what it leads to. It refuses a file that another process has open, one that
// is not a database of this program, and one that a newer version has written.
// now is the clock; nil means time.Now.
func Open(ctx context.Context, path string, now func() time.Time) (*Store, error) {
	if now == nil {
		now = time.Now
	}
	file, err := realPath(path)
	if err != nil {
		return nil, fmt.Errorf("opening database %s: %w: %w", path, store.ErrUnavailable, err)
	}
	lock, err := lockFile(file)
	if err != nil {
		return nil, err
	}
	s := &Store{turn: store.NewTurn(), lock: lock, now: now, opened: now(), cache: store.NewCache(cacheSize), leaders: map[string]func(){}}
	if err := errors.Join(create(file), s.open(ctx, file)); err != nil {
		return nil, errors.Join(fmt.Errorf("opening database %s: %w", path, explain(err)), s.Close())
	}
	return s, nil
}

// pragmas are those of the connection that writes. FULL flushes the log at every
// commit: an accepted job survives a power cut. The log is brought into the file every
// 32 MB: a webhook alone can fill 4.
var pragmas = []string{"journal_mode(WAL)", "synchronous(FULL)", "busy_timeout(5000)", "wal_autocheckpoint(8000)", "cache_size(-16000)"}

func (s *Store) open(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", dsn(path, pragmas...))
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	if err := migrate(ctx, db); err != nil {
		return errors.Join(err, db.Close())
	}
	if s.write, err = startWriter(ctx, db, s.forget, s.announce); err != nil {
		return errors.Join(err, db.Close())
	}
	s.read, err = sql.Open("sqlite", dsn(path, "query_only(1)", "busy_timeout(5000)"))
	if err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	s.facts, err = s.read.PrepareContext(ctx, `SELECT facts FROM jobs WHERE project = ? AND id = ? AND known = 1`)
	return err
}

// forget drops what was written from the cache.
func (s *Store) forget(jobs []jobName) {
	for _, j := range jobs {
		s.cache.Forget(j.project, j.id)
	}
}

func dsn(path string, pragmas ...string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
}

// Close implements store.Store.
func (s *Store) Close() error {
	var errs []error
	if s.facts != nil {
		errs = append(errs, s.facts.Close())
	}
	if s.read != nil {
		errs = append(errs, s.read.Close())
	}
	if s.write != nil {
		errs = append(errs, s.write.close())
	}
	return errors.Join(append(errs, s.lock.Unlock())...)
}

// Check implements store.Store.
func (s *Store) Check(ctx context.Context) error {
	return s.exec(ctx, `INSERT INTO checks (id, at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET at = excluded.at`, millis(s.now()))
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
