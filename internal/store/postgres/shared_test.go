package postgres

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// Servers that are started at the same time on an empty database.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	db := schema(t)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			s, err := Open(t.Context(), db, nil)
			if err != nil {
				t.Error(err)
				return
			}
			if err := errors.Join(s.Check(t.Context()), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func fixed() time.Time { return storetest.Now }

// share opens one database for several servers.
func share(t *testing.T, n int) (servers []store.Store) {
	t.Helper()
	db := schema(t)
	for range n {
		s := open(t, db, fixed)
		t.Cleanup(func() { s.Close() })
		servers = append(servers, s)
	}
	return servers
}

func TestServersShareTheDatabase(t *testing.T) {
	t.Parallel()
	servers := share(t, 3)
	storetest.Storm(t, 60, servers...)
	for _, s := range servers {
		storetest.CheckCounters(t, s, "demo-reports")
		storetest.CheckCounters(t, s, "other")
	}
}

// No server stores the end of a job past the others that another one takes meanwhile.
func TestEndsOnTwoServers(t *testing.T) {
	t.Parallel()
	storetest.EndRace(t, 200, share(t, 2)...)
}

// What one server learns the other one's callers read at once, whatever it keeps in memory.
func TestServersSeeEachOther(t *testing.T) {
	t.Parallel()
	servers := share(t, 2)
	if err := servers[0].Accept(t.Context(), "p", storetest.Spec("a", storetest.Now)); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		pull := githubjobs.PullFact{Number: i + 1, At: storetest.Now}
		if err := servers[i%2].MergeFacts(t.Context(), "p", githubjobs.Facts{ID: "a", Pulls: []githubjobs.PullFact{pull}}); err != nil {
			t.Fatal(err)
		}
		for _, s := range servers {
			if f, err := s.Facts(t.Context(), "p", "a"); err != nil || len(f.Pulls) != i+1 {
				t.Fatalf("after write %d: %d pulls, %v", i+1, len(f.Pulls), err)
			}
		}
	}
}

// The same job and the same delivery come to both servers at the same time, as a
// repeated request does.
func TestServersTakeOneOfTwo(t *testing.T) {
	t.Parallel()
	servers := share(t, 2)
	const n = 50
	var accepted, recorded [n][2]error
	var wg sync.WaitGroup
	for i := range n {
		for who, s := range servers {
			wg.Go(func() {
				accepted[i][who] = s.Accept(t.Context(), "p", storetest.Spec(fmt.Sprint("job-", i), storetest.Now))
			})
			wg.Go(func() {
				recorded[i][who] = s.RecordDelivery(t.Context(), store.Delivery{Project: "p", GUID: fmt.Sprint("g", i), Event: "push", ReceivedAt: storetest.Now, Body: []byte("{}")})
			})
		}
	}
	wg.Wait()
	for i := range n {
		for what, errs := range map[error][2]error{store.ErrExists: accepted[i], store.ErrDuplicate: recorded[i]} {
			if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[:]...), what) {
				t.Errorf("%d: %v and %v, want one success and one %v", i, errs[0], errs[1], what)
			}
		}
	}
	if c, err := servers[0].Counts(t.Context(), "p"); err != nil || c.Jobs != n || c.Waiting != n || c.Deliveries != n {
		t.Errorf("counts %+v, %v", c, err)
	}
}

// Servers that sweep at the same time remove each delivery once.
func TestServersSweepTogether(t *testing.T) {
	t.Parallel()
	servers := share(t, 2)
	const n = 60
	for i := range n {
		guid := fmt.Sprint("g", i)
		d := store.Delivery{Project: "p", GUID: guid, Event: "push", ReceivedAt: storetest.Now, Body: []byte("{}")}
		if err := errors.Join(servers[0].RecordDelivery(t.Context(), d), servers[1].FinishDelivery(t.Context(), "p", guid, "done")); err != nil {
			t.Fatal(err)
		}
	}
	removed := make(chan int, n)
	var wg sync.WaitGroup
	for _, s := range servers {
		wg.Go(func() {
			for range n / 10 {
				k, err := s.SweepDeliveries(t.Context(), storetest.Now.AddDate(0, 0, 1), 10)
				if err != nil {
					t.Error(err)
				}
				removed <- k
			}
		})
	}
	wg.Wait()
	close(removed)
	sum := 0
	for k := range removed {
		sum += k
	}
	if sum != n {
		t.Errorf("%d removed, want %d", sum, n)
	}
}
