package sqlite

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// What each thing costs, in statements that write besides BEGIN and COMMIT, and in
// rows. Nothing that tells no news writes a row, and a status read none at all.
func TestWrites(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"), func() time.Time { return storetest.Now })
	defer s.Close()
	ctx := t.Context()
	delivery := func(guid string) error {
		return s.RecordDelivery(ctx, store.Delivery{Project: "p", GUID: guid, Event: "push", ReceivedAt: storetest.Now, Body: []byte("{}")})
	}
	spec := storetest.Spec("a", storetest.Now)
	queued := githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "queued", At: storetest.Now}}}
	grouped := storetest.Spec("g", storetest.Now)
	grouped.Batch, grouped.Labels = "b", []string{"x", "y"}
	later := githubjobs.Facts{Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "queued", At: storetest.Now.Add(time.Second)}}}
	open := storetest.Stream("a", 1, 7, "one")
	events := storetest.Lines(1, 500)
	tell := func(capability string, events []githubjobs.Event) error {
		_, err := s.AppendEvents(ctx, "p", "a", []byte(capability), events)
		return err
	}
	receipts, due := storetest.Receipts(100)
	spec2 := storetest.Spec("e", storetest.Now)
	ended := githubjobs.Facts{ID: "e", Spec: &spec2, Created: []string{"abc"}, Branch: &githubjobs.BranchFact{Head: "abc", Deleted: true, At: storetest.Now},
		Runs: []githubjobs.RunFact{{ID: 8, Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: "abc", At: storetest.Now}}}
	of := func(id string, f githubjobs.Facts) githubjobs.Facts { f.ID = id; return f }
	for _, c := range []struct {
		what             string
		do               func() error
		statements, rows int
	}{
		{"a job is accepted", func() error { return s.Accept(ctx, "p", spec) }, 4, 4},                      // job; pending, waiting, active
		{"an id is taken", func() error { return not(store.ErrExists, s.Accept(ctx, "p", spec)) }, 0, 0},   //
		{"a delivery comes", func() error { return delivery("g1") }, 4, 4},                                 // delivery, body; deliveries, last_delivery
		{"it comes again", func() error { return not(store.ErrDuplicate, delivery("g1")) }, 0, 0},          //
		{"it tells of a run", func() error { return s.FinishDelivery(ctx, "p", "g1", "x", queued) }, 4, 4}, // job, delivery; waiting, deliveries
		{"another comes", func() error { return delivery("g2") }, 4, 4},
		{"it tells nothing new", func() error { return s.FinishDelivery(ctx, "p", "g2", "x", queued) }, 2, 2}, // delivery; deliveries
		{"it is finished again", func() error { return s.FinishDelivery(ctx, "p", "g2", "x", queued) }, 1, 0}, // the statement finds none
		{"a read of GitHub tells nothing new", func() error { return s.MergeFacts(ctx, "p", queued, queued) }, 0, 0},
		{"no status depends on the time", func() error { return s.Refresh(ctx, "p") }, 0, 0},
		{"one with a batch and two labels is accepted", func() error { return s.Accept(ctx, "p", grouped) }, 6, 8}, // and three groups, in one statement; its batch
		{"it tells of its run", func() error { return s.MergeFacts(ctx, "p", of("g", queued)) }, 3, 5},             // job, groups; waiting
		{"which changes only its time", func() error { return s.MergeFacts(ctx, "p", of("g", later)) }, 2, 1},      // the statement finds nothing to change
		{"a run begins to tell of itself", func() error { _, err := s.OpenStream(ctx, "p", open); return err }, 1, 1},
		{"it tells 500 lines", func() error { return tell("one", events) }, 2, 501},
		{"it tells them again", func() error { return tell("one", events) }, 1, 1},
		{"it tells nothing new", func() error { return tell("one", nil) }, 1, 1},
		{"somebody else tells", func() error { return not(store.ErrCapability, tell("two", events)) }, 0, 0},
		{"a job ends", func() error { return s.MergeFacts(ctx, "p", ended) }, 3, 3}, // job; its receipt is due; failed
		{"a hundred receipts are signed", func() error { return s.Sign(ctx, "p", receipts, due) }, 2, 101},
		{"nothing is to be signed", func() error { _, err := s.Unsigned(ctx, "p", 1000, 200); return err }, 0, 0},
		{"a receipt is read", func() error { _, err := s.Receipt(ctx, "p", "job-7"); return err }, 0, 0},
		{"a status is read", func() error { _, err := s.Facts(ctx, "p", "a"); return err }, 0, 0},
		{"jobs are listed", func() error { _, err := s.List(ctx, "p", store.Query{}); return err }, 0, 0},
		{"jobs are counted", func() error { _, err := s.Counts(ctx, "p"); return err }, 0, 0},
	} {
		s.write.tx.writes = 0
		before := changes(t, s)
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		statements := max(0, s.write.tx.writes-2)
		if rows := changes(t, s) - before; statements != c.statements || rows != c.rows {
			t.Errorf("%s: %d statements wrote %d rows, want %d and %d", c.what, statements, rows, c.statements, c.rows)
		}
	}
}

// not returns nil for the error that is expected.
func not(expected, err error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return fmt.Errorf("error %v, want %w", err, expected)
}

// changes is how many rows the writer's connection has written since it was opened.
func changes(t *testing.T, s *Store) (n int) {
	t.Helper()
	if err := s.write.tx.conn.QueryRowContext(t.Context(), `SELECT total_changes()`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
