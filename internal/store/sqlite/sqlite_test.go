package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T, now func() time.Time) store.Store {
		return open(t, filepath.Join(t.TempDir(), "with space & ünicode?.db"), now)
	})
}

func open(t testing.TB, path string, now func() time.Time) *Store {
	t.Helper()
	s, err := Open(context.Background(), path, now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReopenKeepsEverything(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	s := open(t, path, nil)
	if err := s.Accept(t.Context(), "p", storetest.Spec("a", storetest.Now)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path, nil)
	defer s.Close()
	if specs, err := s.Waiting(t.Context(), "p", 10); err != nil || len(specs) != 1 {
		t.Fatalf("waiting %v, %v", specs, err)
	}
	// The log is written ahead, and flushed at every commit.
	var journal string
	var sync int
	if err := errors.Join(s.write.tx.conn.QueryRowContext(t.Context(), `PRAGMA journal_mode`).Scan(&journal), s.write.tx.conn.QueryRowContext(t.Context(), `PRAGMA synchronous`).Scan(&sync)); err != nil || journal != "wal" || sync != 2 {
		t.Fatalf("journal_mode %s, synchronous %d, %v; want wal, 2", journal, sync, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(t *testing.T, path string)
		says    string
	}{
		"a file in use": {func(t *testing.T, path string) {
			s := open(t, path, nil)
			t.Cleanup(func() { s.Close() })
		}, "in use by another server process"},
		"a file that is no database": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("This is a letter. ", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "is not a SQLite database"},
		"another program's database": {func(t *testing.T, path string) { raw(t, path, `CREATE TABLE customers (id INTEGER)`) }, "database of another program"},
		"a newer version's database": {func(t *testing.T, path string) {
			open(t, path, nil).Close()
			raw(t, path, `PRAGMA user_version = 99`)
		}, "newer version"},
		"a folder": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
		}, "cannot be opened"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a.db")
			c.prepare(t, path)
			s, err := Open(t.Context(), path, nil)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), path) {
				t.Fatalf("error %q does not name the file and say %q", err, c.says)
			}
		})
	}
}

func raw(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(query); err != nil {
		t.Fatal(err)
	}
}

// A full disk is played by SQLite's own bound on the size of the file.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"), nil)
	defer s.Close()
	if _, err := s.write.tx.conn.ExecContext(t.Context(), `PRAGMA max_page_count = 40`); err != nil {
		t.Fatal(err)
	}
	var accepted []string
	var full error
	for i := 0; full == nil && i < 1000; i++ {
		spec := storetest.Spec(fmt.Sprint("job-", i), storetest.Now)
		spec.Prompt = strings.Repeat("x", 3000)
		if full = s.Accept(t.Context(), "p", spec); full == nil {
			accepted = append(accepted, spec.ID)
		}
	}
	if !errors.Is(full, store.ErrFull) {
		t.Fatalf("error %v, want ErrFull", full)
	}
	for _, id := range accepted {
		if _, err := s.Facts(t.Context(), "p", id); err != nil {
			t.Errorf("job %s was accepted: %v", id, err)
		}
	}
	if _, err := s.write.tx.conn.ExecContext(t.Context(), `PRAGMA max_page_count = 4000`); err != nil {
		t.Fatal(err)
	}
	if err := s.Accept(t.Context(), "p", storetest.Spec("after", storetest.Now)); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestOneBadWriteSparesTheOthers(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"), nil)
	defer s.Close()
	if err := s.Accept(t.Context(), "p", storetest.Spec("taken", storetest.Now)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			id, expected := fmt.Sprint("job-", i), error(nil)
			if i%3 == 0 {
				id, expected = "taken", store.ErrExists
			}
			if err := s.Accept(t.Context(), "p", storetest.Spec(id, storetest.Now)); !errors.Is(err, expected) {
				t.Errorf("%s: %v, want %v", id, err, expected)
			}
		})
	}
	wg.Wait()
	if c, err := s.Counts(t.Context(), "p"); err != nil || c.Waiting != 41 {
		t.Fatalf("counts %+v, %v; want 41 waiting", c, err)
	}
}

func TestWritesAfterClose(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"), nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			err := s.Accept(t.Context(), "p", storetest.Spec(fmt.Sprint("job-", i), storetest.Now))
			if err != nil && !errors.Is(err, store.ErrUnavailable) {
				t.Error(err)
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := s.Check(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("error %v, want ErrUnavailable", err)
	}
}

func BenchmarkFacts(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "a.db"), nil)
	defer s.Close()
	if err := s.Accept(b.Context(), "p", storetest.Spec("a", storetest.Now)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Facts(b.Context(), "p", "a"); err != nil {
			b.Fatal(err)
		}
	}
}
