package sqlite

import (
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// The migration counts the batches of a database that had none as the store counts them.
func TestBatchesOfAnOldDatabase(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"), storetest.Clock)
	defer s.Close()
	storetest.Named(t, s)
	_, fill, _ := strings.Cut(migration(t, "batches"), "\nINSERT INTO batches")
	if _, err := s.write.tx.conn.ExecContext(t.Context(), `DELETE FROM batches; INSERT INTO batches`+fill); err != nil {
		t.Fatal(err)
	}
	storetest.CheckCounters(t, s, "demo-reports")
}

// The migration has jobs looked at again of which an older version told no step.
func TestDueOfAnOldDatabase(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"), storetest.Clock)
	defer s.Close()
	storetest.CheckDueAgain(t, s, func() {
		if _, err := s.write.tx.conn.ExecContext(t.Context(), `UPDATE jobs SET due_at = 0; `+migration(t, "due_again")); err != nil {
			t.Fatal(err)
		}
	})
}

// migration is the script of the migration of that name.
func migration(t *testing.T, name string) string {
	t.Helper()
	names, err := fs.Glob(migrations, "migrations/*_"+name+".sql")
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	script, err := migrations.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}
