package batch_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/batch"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

var id = githubjobs.KeyedBatchID("p", "k")

// flaky fails at a write, as a server does that is killed.
type flaky struct {
	store.Store
	writes int // until it fails; never for less than 0
}

var errKilled = errors.New("killed")

func (f *flaky) MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error {
	if f.writes--; f.writes == -1 {
		return errKilled
	}
	return f.Store.MergeFacts(ctx, project, facts...)
}

func open(t *testing.T, jobs, maxFailures int) *flaky {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "a.db"), storetest.Clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if _, err := s.AcceptAll(t.Context(), "p", storetest.Whole(id, jobs, maxFailures, "a")); err != nil {
		t.Fatal(err)
	}
	return &flaky{s, -2}
}

func fail(t *testing.T, s store.Store, index int) {
	t.Helper()
	f := githubjobs.Facts{ID: githubjobs.MemberID(id, index), Dispatch: &githubjobs.Dispatch{Refused: "no", At: storetest.Now}}
	if err := s.MergeFacts(t.Context(), "p", f); err != nil {
		t.Fatal(err)
	}
}

// asked counts the jobs that are asked to end.
func asked(t *testing.T, s store.Store, jobs int) (n int) {
	t.Helper()
	for i := range jobs {
		f, err := s.Facts(t.Context(), "p", githubjobs.MemberID(id, i))
		if err != nil {
			t.Fatal(err)
		}
		if f.Cancel != nil {
			n++
		}
	}
	return n
}

// A batch is ended when more of its jobs failed than may; one that was killed in the middle of it is
// gone on with, and what a person starts again later is let run.
func TestLimit(t *testing.T) {
	t.Parallel()
	const jobs = 700
	s := open(t, jobs, 2)
	canceled := 0
	l := &batch.Limiter{Project: "p", Store: s, Canceled: func() { canceled++ }, Log: slog.New(slog.DiscardHandler), Now: storetest.Clock}
	round := func(want error) {
		t.Helper()
		if err := l.Round(t.Context()); !errors.Is(err, want) {
			t.Fatal(err)
		}
	}
	fail(t, s, 0)
	fail(t, s, 1)
	round(nil)
	if n := asked(t, s, jobs); n != 0 {
		t.Fatalf("%d jobs are cancelled, and two may fail", n)
	}
	fail(t, s, 2)
	s.writes = 1
	round(errKilled)
	if n := asked(t, s, jobs); n == 0 || n > jobs/2 {
		t.Fatalf("%d jobs were cancelled before it was killed", n)
	}
	round(nil)
	if n := asked(t, s, jobs); n != jobs-3 || canceled != 2 {
		t.Errorf("%d of %d jobs are cancelled, in %d goes", n, jobs-3, canceled)
	}
	f, err := s.Facts(t.Context(), "p", githubjobs.MemberID(id, 9))
	if err != nil || !strings.Contains(githubjobs.Reduce(f, storetest.Now).Message, "failed jobs of the batch: 3, more than its max_failures of 2") {
		t.Errorf("%q, %v", githubjobs.Reduce(f, storetest.Now).Message, err)
	}
	run := githubjobs.RunFact{ID: 1, Attempt: 1, Status: "in_progress", At: storetest.Now.Add(time.Minute)}
	if err := s.MergeFacts(t.Context(), "p", githubjobs.Facts{ID: githubjobs.MemberID(id, 0), Runs: []githubjobs.RunFact{run}}); err != nil {
		t.Fatal(err)
	}
	round(nil)
	if n := asked(t, s, jobs); n != jobs-3 {
		t.Errorf("%d jobs are cancelled: one that was started again is not let run", n)
	}
}

func TestCancelIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t, 600, -1)
	c := batch.Cancel{Project: "p", Query: store.Query{Batch: id}, By: "x", Most: 400, Now: storetest.Clock}
	for i, want := range []batch.Canceled{{Asked: 400, More: true}, {Asked: 200, Before: 400}, {Before: 600}} {
		if done, err := c.Do(t.Context(), s); err != nil || done != want {
			t.Errorf("time %d: %+v, %v, want %+v", i, done, err, want)
		}
	}
	if n := asked(t, s, 600); n != 600 {
		t.Errorf("%d are asked", n)
	}
}

func TestCancelIsBoundedInTime(t *testing.T) {
	t.Parallel()
	s := open(t, 600, -1)
	at := storetest.Now
	slow := func() time.Time { at = at.Add(time.Second); return at }
	c := batch.Cancel{Project: "p", Query: store.Query{Batch: id}, By: "x", Within: time.Second, Now: slow}
	if done, err := c.Do(t.Context(), s); err != nil || done.Asked == 0 || done.Asked == 600 || !done.More {
		t.Errorf("%+v, %v", done, err)
	}
}

// refusing fails to end one batch, always.
type refusing struct {
	store.Store
	batch string
}

var errRefused = errors.New("refused")

func (r refusing) StopBatch(ctx context.Context, project string, b store.Batch, at time.Time) error {
	if b.ID == r.batch {
		return errRefused
	}
	return r.Store.StopBatch(ctx, project, b, at)
}

// A batch that can't be ended keeps no other from its end.
func TestOneBatchHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	other := githubjobs.KeyedBatchID("p", "other")
	for _, poisoned := range []string{id, other} {
		s := open(t, 3, 0)
		if _, err := s.AcceptAll(t.Context(), "p", storetest.Whole(other, 3, 0, "b")); err != nil {
			t.Fatal(err)
		}
		for _, b := range []string{id, other} {
			f := githubjobs.Facts{ID: githubjobs.MemberID(b, 0), Dispatch: &githubjobs.Dispatch{Refused: "no", At: storetest.Now}}
			if err := s.MergeFacts(t.Context(), "p", f); err != nil {
				t.Fatal(err)
			}
		}
		l := &batch.Limiter{Project: "p", Store: refusing{s, poisoned}, Canceled: func() {}, Log: slog.New(slog.DiscardHandler), Now: storetest.Clock}
		if err := l.Round(t.Context()); !errors.Is(err, errRefused) || !strings.Contains(err.Error(), poisoned) {
			t.Errorf("%v, want the refusal of %s", err, poisoned)
		}
		left, err := s.FailingBatches(t.Context(), "p")
		if err != nil || len(left) != 1 || left[0].ID != poisoned {
			t.Errorf("%+v, %v: only %s can't be ended", left, err, poisoned)
		}
	}
}
