package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

const patience = 30 * time.Second

// candidate is a server that wants to lead, and what it learns.
type candidate struct {
	lease    chan store.Lease
	accepted chan struct{}
}

func stand(t *testing.T, s store.Store) candidate {
	c := candidate{lease: make(chan store.Lease, 1), accepted: make(chan struct{}, 100)}
	go func() {
		l, err := s.Lead(t.Context(), "p", func() { c.accepted <- struct{}{} })
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(l.Release)
		c.lease <- l
	}()
	return c
}

func (c candidate) wait(t *testing.T) store.Lease {
	t.Helper()
	select {
	case l := <-c.lease:
		return l
	case <-time.After(patience):
		t.Fatal("nobody leads")
		return nil
	}
}

func closed(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatal(what)
	}
}

// One of three leads; when it gives up the lead, or its session dies, another one does.
func TestOneLeads(t *testing.T) {
	t.Parallel()
	db := schema(t)
	var servers []store.Store
	for range 3 {
		s := open(t, db, fixed)
		t.Cleanup(func() { s.Close() })
		servers = append(servers, s)
	}
	first := stand(t, servers[0]).wait(t)
	second, third := stand(t, servers[1]), stand(t, servers[2])
	if err := first.Hold(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-second.lease:
		t.Fatal("two lead")
	case <-third.lease:
		t.Fatal("two lead")
	default:
	}
	first.Release()
	heir, rest := next(t, second, third)
	admin(t, db, `SELECT pg_terminate_backend($1)`, int64(heir.(*lease).pid))
	closed(t, "the leader was not told that its session ended", heir.Lost())
	if err := heir.Hold(t.Context()); !errors.Is(err, store.ErrLost) {
		t.Errorf("a lost lead is held: %v", err)
	}
	last := rest.wait(t)
	if err := last.Hold(t.Context()); err != nil {
		t.Error(err)
	}
}

// next returns the lease of the one that leads now, and the one that does not.
func next(t *testing.T, a, b candidate) (store.Lease, candidate) {
	t.Helper()
	select {
	case l := <-a.lease:
		return l, b
	case l := <-b.lease:
		return l, a
	case <-time.After(patience):
		t.Fatal("nobody leads")
		return nil, candidate{}
	}
}

// Before the leader itself learns that its session is gone, the database knows it.
func TestHoldAsksTheDatabase(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, db, fixed)
	t.Cleanup(func() { s.Close() })
	l := &lease{pool: s.pool, pid: 1 << 30, lost: make(chan struct{})} // no session has this id
	if err := l.Hold(t.Context()); !errors.Is(err, store.ErrLost) {
		t.Errorf("%v", err)
	}
}

// The leader learns of jobs and requests that other servers accept, of its own project only.
func TestLeaderHearsOfJobs(t *testing.T) {
	t.Parallel()
	db := schema(t)
	leader, other := open(t, db, fixed), open(t, db, fixed)
	t.Cleanup(func() { leader.Close(); other.Close() })
	c := stand(t, leader)
	c.wait(t)
	for _, job := range []struct{ project, id string }{{"q", "a"}, {"p", "a"}, {"p", "a"}} {
		if err := other.Accept(t.Context(), job.project, storetest.Spec(job.id, storetest.Now)); err != nil && !errors.Is(err, store.ErrExists) {
			t.Fatal(err)
		}
	}
	closed(t, "the leader did not hear of the job", c.accepted)
	if err := other.Accept(t.Context(), "p", storetest.Spec("b", storetest.Now)); err != nil {
		t.Fatal(err)
	}
	closed(t, "the leader did not hear of the second job", c.accepted)
	for what, f := range map[string]githubjobs.Facts{
		"the request to cancel":      {ID: "a", Cancel: &githubjobs.CancelFact{By: "x", At: storetest.Now}},
		"the request for an attempt": {ID: "b", Attempt: 2, Asked: &githubjobs.AskedFact{By: "x", At: storetest.Now}},
	} {
		if err := other.MergeFacts(t.Context(), "p", f); err != nil {
			t.Fatal(err)
		}
		closed(t, "the leader did not hear of "+what, c.accepted)
	}
	if n := len(c.accepted); n != 0 {
		t.Errorf("the leader heard %d times too often", n)
	}
}

// Who stops waiting for the lead does not take it later.
func TestStopWaitingForTheLead(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s, other := open(t, db, fixed), open(t, db, fixed)
	t.Cleanup(func() { s.Close(); other.Close() })
	first := stand(t, s).wait(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := other.Lead(ctx, "p", func() {}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	first.Release()
	stand(t, other).wait(t)
}
