package sqlite

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// BenchmarkAccept lets callers create jobs, each of which is durable when it returns. The
// ratio is to SQLite alone: the same rows in transactions of the same size, with the same
// indexes and flushed to the disk alike, by one writer that is never kept waiting.
func BenchmarkAccept(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprint(callers, " callers"), func(b *testing.B) {
			s := open(b, filepath.Join(b.TempDir(), "a.db"), nil)
			defer s.Close()
			var commits atomic.Int64
			forget := s.write.committed
			s.write.committed = func(jobs []jobName) { commits.Add(1); forget(jobs) }
			began, before := time.Now(), commits.Load()
			accept(b, s, callers)
			accepted := float64(b.N) / time.Since(began).Seconds()
			size := max(1, b.N/int(max(1, commits.Load()-before)))
			bare := insert(b, b.N, size)
			b.ReportMetric(accepted, "jobs/s")
			b.ReportMetric(bare, "sqlite-rows/s")
			b.ReportMetric(float64(size), "jobs/commit")
			b.ReportMetric(accepted/bare, "ratio")
		})
	}
}

func fresh() githubjobs.Spec {
	now := time.Now()
	spec := storetest.Spec("x", now)
	spec.ID = githubjobs.NewID(now)
	return spec
}

func accept(b *testing.B, s *Store, callers int) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	b.ResetTimer()
	for range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.Accept(b.Context(), "p", fresh()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
}

// insert writes n rows as Accept does, in transactions of the given size, and returns how
// many a second.
func insert(b *testing.B, n, size int) float64 {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bare.db")
	open(b, path, nil).Close() // makes the schema
	db, err := sql.Open("sqlite", dsn(path, pragmas...))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	statement, err := db.Prepare(insertJob)
	if err != nil {
		b.Fatal(err)
	}
	rows := make([]store.Row, n)
	ids := make([]string, n)
	for i := range rows {
		spec := fresh()
		ids[i] = spec.ID
		if rows[i], err = store.NewRow(githubjobs.Facts{ID: spec.ID, Spec: &spec}, true, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	for i := 0; i < n; i += size {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for j := i; j < min(i+size, n); j++ {
			if _, err := tx.Stmt(statement).Exec(values(jobName{"p", ids[j]}, true, rows[j])...); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	return float64(n) / time.Since(began).Seconds()
}

func BenchmarkAcceptAll(b *testing.B) {
	s := open(b, filepath.Join(b.TempDir(), "a.db"), nil)
	defer s.Close()
	storetest.BenchmarkAcceptAll(b, s)
}
