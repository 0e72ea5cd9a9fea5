package batch_test

import (
	"path/filepath"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/batch"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// BenchmarkCancel cancels the largest batch.
func BenchmarkCancel(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "a.db"), storetest.Clock)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.AcceptAll(b.Context(), "p", storetest.Whole(id, githubjobs.MaxBatch, -1, "a")); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		done, err := batch.Cancel{Project: "p", Query: store.Query{Batch: id}, By: "x", Now: storetest.Clock}.Do(b.Context(), s)
		if err != nil || done.Asked != githubjobs.MaxBatch {
			b.Fatal(done, err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
