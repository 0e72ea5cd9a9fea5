package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

// Jobs that ended long ago go, a few at a time, unless they are kept for ever.
func TestSweepJobs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retention time.Duration
		want      int
	}{"a day": {24 * time.Hour, 1}, "for ever": {0, 2*batch + 11}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := start
			db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), func() time.Time { return now })
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			end := func(n int, prefix string) {
				var list []githubjobs.Facts
				for i := range n {
					spec := githubjobs.Spec{ID: fmt.Sprint(prefix, i), Kind: githubjobs.KindReport, Prompt: "x"}
					list = append(list, githubjobs.Facts{ID: spec.ID, Spec: &spec, Dispatch: &githubjobs.Dispatch{Refused: "a rule", At: start}})
				}
				if err := db.MergeFacts(t.Context(), "p", list...); err != nil {
					t.Fatal(err)
				}
			}
			end(2*batch+10, "old-")
			now = start.Add(24 * time.Hour)
			end(1, "young-")
			now = now.Add(time.Second)
			s := &Sweeper{Project: "p", Retention: time.Hour, JobRetention: c.retention, Store: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
			ctx, stop := context.WithTimeout(t.Context(), time.Second)
			defer stop()
			if err := s.Run(ctx); err != nil {
				t.Fatal(err)
			}
			if counts, err := db.Counts(t.Context(), "p"); err != nil || counts.Jobs != c.want {
				t.Errorf("%d jobs are left, %v; want %d", counts.Jobs, err, c.want)
			}
		})
	}
}
