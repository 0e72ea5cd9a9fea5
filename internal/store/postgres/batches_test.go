package postgres

import (
	"io/fs"
	"strings"
	"sync"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// The migration counts the batches of a database that had none as the store counts them.
func TestBatchesOfAnOldDatabase(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, db, storetest.Clock)
	defer s.Close()
	storetest.Named(t, s)
	_, fill, _ := strings.Cut(migration(t, "batches"), "\nINSERT INTO batches")
	admin(t, db, `DELETE FROM batches`)
	admin(t, db, `INSERT INTO batches`+fill)
	storetest.CheckCounters(t, s, "demo-reports")
}

// The migration has jobs looked at again of which an older version told no step.
func TestDueOfAnOldDatabase(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, db, storetest.Clock)
	defer s.Close()
	storetest.CheckDueAgain(t, s, func() {
		admin(t, db, `UPDATE jobs SET due_at = 0`)
		admin(t, db, migration(t, "due_again"))
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

// The same batch comes to three servers at the same time, as a repeated request does.
func TestServersAcceptABatchOnce(t *testing.T) {
	t.Parallel()
	servers := share(t, 3)
	specs := storetest.Whole(githubjobs.KeyedBatchID("demo-reports", "k"), 200, 3, "a")
	added := make([]int, len(servers))
	var wg sync.WaitGroup
	for i, s := range servers {
		wg.Go(func() {
			var err error
			if added[i], err = s.AcceptAll(t.Context(), "demo-reports", specs); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if added[0]+added[1]+added[2] != len(specs) {
		t.Errorf("added %v", added)
	}
	storetest.CheckCounters(t, servers[0], "demo-reports")
}

// BenchmarkSharedBatch lets three servers learn of jobs: of one batch, whose row all of them
// write, and of a batch for each server.
func BenchmarkSharedBatch(b *testing.B) {
	for name, shared := range map[string]bool{"one batch": true, "a batch each": false} {
		b.Run(name, func(b *testing.B) {
			db := schema(b)
			var servers []store.Store
			for i := range 3 {
				s := open(b, db, nil)
				defer s.Close()
				s.write.shard = i // no other row is shared
				servers = append(servers, s)
			}
			b.ResetTimer()
			storetest.ShareBatch(b, shared, servers...)
		})
	}
}
