package seed

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

// A seeded database is one that the store could have written.
func TestSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	if err := SQLite(t.Context(), path, "p", 1200); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check(t, s)
}

func check(t *testing.T, s store.Store) {
	t.Helper()
	c, err := s.Counts(t.Context(), "p")
	if err != nil || c.Jobs != 1200 || c.Status[githubjobs.StatusMerged] != 1200 || c.Active != 0 {
		t.Fatalf("counts %+v, %v", c, err)
	}
	page, err := s.List(t.Context(), "p", store.Query{Status: githubjobs.StatusMerged, Limit: 3})
	if err != nil || len(page.Jobs) != 3 || page.Jobs[0].ID != JobID(1199) || page.Jobs[2].ID != JobID(1197) {
		t.Errorf("page %+v, %v", page, err)
	}
	f, err := s.Facts(t.Context(), "p", JobID(777))
	if err != nil {
		t.Fatal(err)
	}
	if j := githubjobs.Reduce(f, time.Now()); j.ID != JobID(777) || j.Reason != githubjobs.ReasonMerged || j.RunURL == "" || j.PullURL == "" || j.Log == "" {
		t.Errorf("job %+v", j)
	}
	if known, err := s.Known(t.Context(), "p", time.Now().Add(-time.Hour)); err != nil || len(known) != 0 {
		t.Errorf("%d jobs of which GitHub may have news, %v", len(known), err)
	}
}
