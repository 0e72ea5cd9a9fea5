package sweep

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestSweep(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	record := func(guid string, at time.Time, processed bool) {
		err := db.RecordDelivery(t.Context(), store.Delivery{Project: "p", GUID: guid, Event: "push", ReceivedAt: at, Body: []byte("{}")})
		if err == nil && processed {
			err = db.FinishDelivery(t.Context(), "p", guid, "done")
		}
		if err != nil {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 2*batch + 10 {
		wg.Go(func() { record(fmt.Sprint("old-", i), start, true) })
	}
	wg.Wait()
	record("old-not-processed", start, false)
	record("young", start.Add(20*time.Second), true)

	var now atomic.Int64 // seconds since start
	now.Store(10)
	s := &Sweeper{Retention: 10 * time.Second, Store: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start.Add(time.Duration(now.Load()) * time.Second) }}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	kept := func(guid string) bool {
		_, err := db.Delivery(t.Context(), "p", guid)
		return err == nil
	}
	// Nothing is older than ten seconds now, and everything old is a second later.
	now.Store(11)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := 0
		for i := range 2*batch + 10 {
			if kept(fmt.Sprint("old-", i)) {
				left++
			}
		}
		if left == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d old deliveries are left", left)
		}
	}
	if !kept("old-not-processed") || !kept("young") {
		t.Error("a delivery was removed that is young or not processed")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
