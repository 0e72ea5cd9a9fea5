package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// meter counts what goes to the database.
type meter struct {
	mu                sync.Mutex
	trips, statements int
	rows              int64
}

// TraceQueryStart implements pgx.QueryTracer.
func (m *meter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	m.add(1, pgconn.CommandTag{})
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (m *meter) TraceQueryEnd(_ context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) {
	m.add(0, d.CommandTag)
}

// TraceBatchStart implements pgx.BatchTracer.
func (m *meter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	m.add(1, pgconn.CommandTag{})
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (m *meter) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	m.add(0, d.CommandTag)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (m *meter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (m *meter) add(trips int, tag pgconn.CommandTag) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trips += trips
	if tag.Insert() || tag.Update() || tag.Delete() {
		m.statements++
		m.rows += tag.RowsAffected()
	}
}

// read returns what was counted since the last read.
func (m *meter) read() (trips, statements int, rows int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	trips, statements, rows = m.trips, m.statements, m.rows
	m.trips, m.statements, m.rows = 0, 0, 0
	return
}

// What each thing costs, in round trips, statements that write, and rows. A write is
// three round trips at most, also of any number of facts; what tells no news writes no row.
func TestWrites(t *testing.T) {
	t.Parallel()
	db := schema(t)
	config, err := parse(db)
	if err != nil {
		t.Fatal(err)
	}
	var m meter
	config.ConnConfig.Tracer = &m
	config.MaxConns = 1
	s, err := start(t.Context(), config, db, fixed)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx := t.Context()
	delivery := func(guid string) error {
		return s.RecordDelivery(ctx, store.Delivery{Project: "p", GUID: guid, Event: "push", ReceivedAt: storetest.Now, Body: []byte("{}")})
	}
	spec := storetest.Spec("a", storetest.Now)
	queued := githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "queued", At: storetest.Now}}}
	many := make([]githubjobs.Facts, 100)
	for i := range many {
		spec := storetest.Spec(fmt.Sprint("job-", i), storetest.Now)
		many[i] = githubjobs.Facts{ID: spec.ID, Spec: &spec}
	}
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
	m.read()
	for _, c := range []struct {
		what              string
		do                func() error
		trips, statements int
		rows              int64
	}{
		{"a job is accepted", func() error { return s.Accept(ctx, "p", spec) }, 3, 4, 4}, // job; pending, waiting, active
		{"an id is taken", func() error { return not(store.ErrExists, s.Accept(ctx, "p", spec)) }, 2, 0, 0},
		{"a delivery comes", func() error { return delivery("g1") }, 2, 3, 3}, // delivery and body, counted once; deliveries, last_delivery
		{"it comes again", func() error { return not(store.ErrDuplicate, delivery("g1")) }, 2, 1, 0},
		{"it tells of a run", func() error { return s.FinishDelivery(ctx, "p", "g1", "x", queued) }, 3, 4, 4}, // job, delivery; waiting, deliveries
		{"another comes", func() error { return delivery("g2") }, 2, 3, 3},
		{"it tells nothing new", func() error { return s.FinishDelivery(ctx, "p", "g2", "x", queued) }, 3, 2, 2}, // delivery; deliveries
		{"it is finished again", func() error { return s.FinishDelivery(ctx, "p", "g2", "x", queued) }, 3, 1, 0}, // the statement finds none
		{"a read of GitHub tells nothing new", func() error { return s.MergeFacts(ctx, "p", queued, queued) }, 2, 0, 0},
		{"a hundred jobs are read", func() error { return s.MergeFacts(ctx, "p", many...) }, 3, 3, 102}, // in one statement; pending, active
		{"no status depends on the time", func() error { return s.Refresh(ctx, "p") }, 1, 0, 0},
		{"one with a batch and two labels is accepted", func() error { return s.Accept(ctx, "p", grouped) }, 3, 6, 8}, // and three groups, in one statement; its batch
		{"it tells of its run", func() error { return s.MergeFacts(ctx, "p", of("g", queued)) }, 3, 3, 5},             // job, groups; waiting
		{"which changes only its time", func() error { return s.MergeFacts(ctx, "p", of("g", later)) }, 3, 2, 1},      // the statement finds nothing to change
		{"a run begins to tell of itself", func() error { _, err := s.OpenStream(ctx, "p", open); return err }, 2, 1, 1},
		{"it tells 500 lines", func() error { return tell("one", events) }, 2, 2, 501},
		{"it tells them again", func() error { return tell("one", events) }, 2, 1, 1},
		{"it tells nothing new", func() error { return tell("one", nil) }, 2, 1, 1},
		{"somebody else tells", func() error { return not(store.ErrCapability, tell("two", events)) }, 2, 0, 0},
		{"a job ends", func() error { return s.MergeFacts(ctx, "p", ended) }, 3, 3, 3},                        // job; its receipt is due; failed
		{"a hundred receipts are signed", func() error { return s.Sign(ctx, "p", receipts, due) }, 2, 2, 101}, // one was due
		{"nothing is to be signed", func() error { _, err := s.Unsigned(ctx, "p", 1000, 200); return err }, 1, 0, 0},
		{"a receipt is read", func() error { _, err := s.Receipt(ctx, "p", "job-7"); return err }, 1, 0, 0},
		{"a status is read", func() error { _, err := s.Facts(ctx, "p", "a"); return err }, 1, 0, 0},
		{"jobs are listed", func() error { _, err := s.List(ctx, "p", store.Query{}); return err }, 1, 0, 0},
		{"jobs are counted", func() error { _, err := s.Counts(ctx, "p"); return err }, 1, 0, 0},
	} {
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if trips, statements, rows := m.read(); trips != c.trips || statements != c.statements || rows != c.rows {
			t.Errorf("%s: %d trips, %d statements wrote %d rows, want %d, %d and %d", c.what, trips, statements, rows, c.trips, c.statements, c.rows)
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
