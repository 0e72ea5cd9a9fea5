// Package state is the memory of localhub: users, repositories, pull requests, workflow runs and all else that GitHub keeps outside of git.
//
// Everything lives in plain Go structs guarded by one lock and is written through to one SQLite file, so that a restart (also after kill -9)
// continues where the last committed Update stood. The package imports no other package of this module.
package state

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// DB is the state of one localhub. Its methods are safe for concurrent use.
type DB struct {
	mu  sync.RWMutex
	tx  *Tx
	sql *sql.DB

	waiting struct {
		sync.Mutex
		list []*waiter
	}
	statements map[string]*sql.Stmt // by their text
}

const schema = `
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS doc(kind TEXT, key INTEGER, json TEXT NOT NULL, PRIMARY KEY(kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter(kind TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blob(kind TEXT, key INTEGER, data BLOB NOT NULL, PRIMARY KEY(kind, key));`

// Open reads the state in the SQLite file at path, which it creates when absent.
//
// The state holds secrets: only the owner of the file can read it. SQLite gives the files beside it the same mode.
func Open(path string) (*DB, error) {
	if err := protect(path); err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	conn, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, fmt.Errorf("open state %s: %w", path, err)
	}
	conn.SetMaxOpenConns(1)
	db := &DB{sql: conn, tx: newTx(), statements: map[string]*sql.Stmt{}}
	if err := db.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read state %s: %w", path, err), conn.Close())
	}
	return db, nil
}

// protect makes the file, where it is not there, and takes it and those beside it from everybody else.
func protect(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(file.Chmod(0o600), file.Close())
	for _, name := range []string{path + "-wal", path + "-shm"} {
		if e := os.Chmod(name, 0o600); !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// Close closes the file. Every Update that has returned is in it already.
func (db *DB) Close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.sql.Close()
}

// View calls read with the state as it stands; nothing changes while it runs. read must neither write nor call View or Update.
func (db *DB) View(read func(tx *Tx)) {
	db.mu.RLock()
	defer db.mu.RUnlock()
	read(db.tx)
}

// Blob returns the bytes that Tx.PutBlob stored, or nil when there are none. It must not be called inside View or Update.
func (db *DB) Blob(kind string, key int64) ([]byte, error) {
	var data []byte
	err := db.sql.QueryRow(`SELECT data FROM blob WHERE kind=? AND key=?`, kind, key).Scan(&data)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	return data, err
}

// load fills the tables from the file.
func (db *DB) load() error {
	if _, err := db.sql.Exec(schema); err != nil {
		return err
	}
	for _, text := range []string{putDoc, deleteDoc, putCounter, putBlob, deleteBlob} {
		statement, err := db.sql.Prepare(text)
		if err != nil {
			return err
		}
		db.statements[text] = statement
	}
	if err := db.each(`SELECT kind, key, json FROM doc ORDER BY kind, key`, func(rows *sql.Rows) error {
		var kind, text string
		var key int64
		if err := rows.Scan(&kind, &key, &text); err != nil {
			return err
		}
		t, ok := db.tx.tables[kind]
		if !ok {
			return fmt.Errorf("unknown kind %q: the file was written by a newer version", kind)
		}
		return t.load([]byte(text))
	}); err != nil {
		return err
	}
	return db.each(`SELECT kind, last FROM counter`, func(rows *sql.Rows) error {
		var kind string
		var last int64
		if err := rows.Scan(&kind, &last); err != nil {
			return err
		}
		if t, ok := db.tx.tables[kind]; ok {
			t.loadCounter(last)
		}
		return nil
	})
}

func (db *DB) each(query string, row func(*sql.Rows) error) error {
	rows, err := db.sql.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
