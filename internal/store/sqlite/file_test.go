package sqlite

import (
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// A database has one lock, whatever it is called.
func TestLinksShareTheLock(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	for _, name := range []string{"real", "there"} {
		if err := os.Mkdir(at(name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link.db": "real/a.db", "again.db": at("link.db"), "folder": "real", "there/back.db": "../link.db"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"real/a.db", "link.db", "again.db", "folder/a.db", "there/back.db", "real/../link.db"}
	for _, first := range names { // the file is not there yet at the first
		s := open(t, at(first), nil)
		for _, second := range names {
			other, err := Open(t.Context(), at(second), nil)
			if err == nil {
				other.Close()
				t.Errorf("%s is open, and %s was opened", first, second)
			} else if !strings.Contains(err.Error(), "in use by another server process") {
				t.Errorf("%s: %v", second, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 5 {
		t.Errorf("beside the links there are %v, %v", left, err)
	}
}

func TestCircleOfLinks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.Symlink(path, path); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), path, nil); err == nil {
		s.Close()
		t.Fatal("it was opened")
	}
}

// Nobody but the server's user reads prompts, logs and deliveries.
func TestFileModes(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	s := open(t, filepath.Join(folder, "a.db"), nil)
	defer s.Close()
	if err := s.Accept(t.Context(), "p", storetest.Spec("a", storetest.Now)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, "a.db": 0o600, "a.db-wal": 0o600, "a.db-shm": 0o600, "a.db.lock": 0o600} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil {
			t.Error(err)
		} else if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %o, want %o", name, got, want)
		}
	}
}

func TestDamagedRows(t *testing.T) {
	t.Parallel()
	storetest.Damage(t, func(t *testing.T, now func() time.Time, log *slog.Logger) (store.Store, func(id, facts string)) {
		path := filepath.Join(t.TempDir(), "a.db")
		s := open(t, path, now)
		s.Log = log
		return s, func(id, facts string) {
			if err := s.exec(t.Context(), `UPDATE jobs SET facts = $1 WHERE id = $2`, facts, id); err != nil {
				t.Fatal(err)
			}
			s.cache.Forget("demo-reports", id)
		}
	})
}

func TestDamagedSchedules(t *testing.T) {
	t.Parallel()
	storetest.ScheduleDamage(t, func(t *testing.T, now func() time.Time, log *slog.Logger) (store.Store, func(name, body string)) {
		s := open(t, filepath.Join(t.TempDir(), "a.db"), now)
		s.Log = log
		return s, func(name, body string) {
			if err := s.exec(t.Context(), `UPDATE schedules SET body = $1 WHERE name = $2`, body, name); err != nil {
				t.Fatal(err)
			}
		}
	})
}
