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
	names, err := fs.Glob(migrations, "migrations/*_batches.sql")
	if err != nil || len(names) != 1 {
		t.Fatal(names, err)
	}
	script, err := migrations.ReadFile(names[0])
	if err != nil {
		t.Fatal(err)
	}
	_, fill, _ := strings.Cut(string(script), "\nINSERT INTO batches")
	if _, err := s.write.tx.conn.ExecContext(t.Context(), `DELETE FROM batches; INSERT INTO batches`+fill); err != nil {
		t.Fatal(err)
	}
	storetest.CheckCounters(t, s, "demo-reports")
}
