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

// Jobs that ended long ago go, a few at a time.
func TestSweepJobs(t *testing.T) {
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
	s := &Sweeper{Project: "p", Retention: time.Hour, JobRetention: 24 * time.Hour, Store: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		counts, err := db.Counts(t.Context(), "p")
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%d jobs are left, %v", counts.Jobs, err)
		}
		if counts.Jobs == 1 {
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := db.Facts(t.Context(), "p", "young-0"); err != nil {
		t.Errorf("the young job: %v", err)
	}
}

// calls are the methods that a sweeper calls, in their order.
type calls chan string

func (c calls) SweepDeliveries(context.Context, time.Time, int) (int, error) {
	c <- "deliveries"
	return 0, nil
}

func (c calls) SweepJobs(context.Context, string, time.Time, int) (int, error) {
	c <- "jobs"
	return 0, nil
}

func (c calls) SweepReceipts(context.Context, string, time.Time, int) (int, error) {
	c <- "receipts"
	return 0, nil
}

// What is kept for ever is not looked for; receipts go after the jobs that they are of.
func TestReceiptsAreSwept(t *testing.T) {
	t.Parallel()
	c := make(calls)
	s := &Sweeper{Project: "p", Retention: time.Hour, JobRetention: time.Hour, ReceiptRetention: time.Second, Store: c, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for _, want := range []string{"deliveries", "jobs", "receipts", "deliveries"} { // soon again, since a receipt is kept for a second
		if what := <-c; what != want {
			t.Errorf("%s were removed, want %s", what, want)
		}
	}
	stop()
	for {
		select {
		case <-c:
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

func TestJobsAreKeptForEver(t *testing.T) {
	t.Parallel()
	c := make(calls)
	s := &Sweeper{Project: "p", Retention: time.Second, Store: c, Log: slog.New(slog.DiscardHandler), Now: time.Now}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	for range 2 {
		if what := <-c; what != "deliveries" {
			t.Errorf("%s were removed", what)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
