package keep

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

var start = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// github deletes at most room refs at a time, and answers for a ref as it is told.
type github struct {
	room    int
	answers map[string]error
	before  func() // a push
	pushes  [][]hub.Update

	mu    sync.Mutex
	whole error
}

func (g *github) fail(whole error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.whole = whole
}

func (g *github) Delete(_ context.Context, updates []hub.Update) ([]error, error) {
	if g.before != nil {
		g.before()
	}
	updates = updates[:min(len(updates), g.room)]
	g.pushes = append(g.pushes, updates)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.whole != nil {
		return nil, g.whole
	}
	outcomes := make([]error, len(updates))
	for i, u := range updates {
		outcomes[i] = g.answers[u.Ref]
	}
	return outcomes, nil
}

func open(t *testing.T) *sqlite.Store {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func newKeeper(db Store, g Hub, at time.Time) *Keeper {
	return New(Options{Project: "p", Hub: g, Store: db, Keep: githubjobs.Retention{Branch: time.Hour, Key: 2 * time.Hour}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }})
}

// ended are the facts of a job that was cancelled at the start of the tests.
func ended(id string) githubjobs.Facts {
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	spec.Normalize(start)
	return githubjobs.Facts{ID: id, Spec: &spec, Created: []string{"c"}, Branch: &githubjobs.BranchFact{Head: "c", At: start, Seen: start},
		Runs: []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: "c", At: start}}}
}

func merge(t *testing.T, db *sqlite.Store, facts ...githubjobs.Facts) {
	t.Helper()
	if err := db.MergeFacts(t.Context(), "p", facts...); err != nil {
		t.Fatal(err)
	}
}

func facts(t *testing.T, db *sqlite.Store, id string) githubjobs.Facts {
	t.Helper()
	f, err := db.Facts(t.Context(), "p", id)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestDeletesInFewPushes(t *testing.T) {
	t.Parallel()
	db := open(t)
	var list []githubjobs.Facts
	for i := range 2*batch + 20 {
		list = append(list, ended(fmt.Sprintf("job-%04d", i)))
	}
	open := ended("open")
	open.Pulls = []githubjobs.PullFact{{Number: 1, Open: true, HeadSHA: "c", At: start}}
	merge(t, db, append(list, open)...)
	g := &github{room: batch}
	k := newKeeper(db, g, start.Add(time.Hour))
	want := githubjobs.Reduce(facts(t, db, "job-0000"), start)
	for range 2 { // the second time nothing is left
		if err := k.Once(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var sizes []int
	for _, p := range g.pushes {
		sizes = append(sizes, len(p))
	}
	if !slices.Equal(sizes, []int{batch, batch, 20}) || g.pushes[0][0] != (hub.Update{Ref: "refs/heads/job/job-0000", Old: "c"}) {
		t.Errorf("pushes of %v, first %+v", sizes, g.pushes[0][0])
	}
	if s := k.State(); s.Branches != 1 || s.Deleted != 2*batch+20 || s.At.IsZero() || s.Problem != nil {
		t.Errorf("state %+v", s)
	}
	f := facts(t, db, "job-0000")
	got := githubjobs.Reduce(f, start)
	if got.Evidence.BranchDeleted = false; !f.Branch.Deleted || !f.Retired.Done || got.Reason != want.Reason || got.Message != want.Message || got.Evidence != want.Evidence {
		t.Errorf("facts %+v, job %+v, before %+v", f, got, want)
	}
	// A read that began before the deletion has no say, and a later one does.
	merge(t, db, githubjobs.Facts{ID: "job-0000", Branch: &githubjobs.BranchFact{Head: "c", At: start, Seen: start}}, githubjobs.Facts{ID: "job-0001", Branch: &githubjobs.BranchFact{Head: "c", At: start, Seen: start.Add(time.Minute)}})
	if !facts(t, db, "job-0000").Branch.Deleted || facts(t, db, "job-0001").Branch.Deleted {
		t.Error("the branch is not told as GitHub told it last")
	}
}

func TestRoomForAFew(t *testing.T) {
	t.Parallel()
	db, g := open(t), &github{room: 3}
	for i := range 7 {
		merge(t, db, ended(fmt.Sprint("job-", i)))
	}
	k := newKeeper(db, g, start.Add(time.Hour))
	if err := k.Once(t.Context()); err != nil || len(g.pushes) != 3 || k.State().Deleted != 7 || k.State().Branches != 0 {
		t.Errorf("%d pushes, %+v, %v", len(g.pushes), k.State(), err)
	}
}

// What happens between the look and the push keeps the branch, as does what GitHub says.
func TestBranchesThatStay(t *testing.T) {
	t.Parallel()
	db := open(t)
	refused := &hub.Error{Op: "push", Kind: hub.ErrRefused, Message: "a rule"}
	g := &github{room: 10, answers: map[string]error{"refs/heads/job/moved": &hub.Error{Kind: hub.ErrRefMoved}, "refs/heads/job/refused": refused}}
	merge(t, db, ended("moved"), ended("refused"), ended("goes"))
	k := newKeeper(db, g, start.Add(time.Hour))
	if err := k.Once(t.Context()); !errors.Is(err, hub.ErrRefused) {
		t.Errorf("error %v", err)
	}
	for id, want := range map[string]bool{"moved": false, "refused": false, "goes": true} {
		if f := facts(t, db, id); f.Branch.Deleted != want || f.Retired == nil || f.Retired.Done != want {
			t.Errorf("%s: branch %+v, retired %+v", id, f.Branch, f.Retired)
		}
	}
	late := ended("late")
	merge(t, db, late)
	late.Runs[0].Attempt, late.Runs[0].Status, late.Runs[0].Conclusion = 2, "queued", ""
	g.pushes = nil
	if ids, err := k.look(t.Context()); err != nil || !slices.Contains(ids, "late") {
		t.Fatalf("due are %v, %v", ids, err)
	}
	merge(t, db, late)
	if n, _, err := k.delete(t.Context(), []string{"late", "unknown"}); n != 0 || err != nil || len(g.pushes) != 0 {
		t.Errorf("%d deleted, %v, %d pushes", n, err, len(g.pushes))
	}
}

func TestNothingIsDeletedWithoutATTL(t *testing.T) {
	t.Parallel()
	db, g := open(t), &github{}
	merge(t, db, ended("a"))
	k := newKeeper(db, g, start.Add(1000*time.Hour))
	k.Keep = githubjobs.Retention{}
	if err := k.Once(t.Context()); err != nil || len(g.pushes) != 0 || k.State().Branches != 1 {
		t.Errorf("%d pushes, %+v, %v", len(g.pushes), k.State(), err)
	}
}

// memory is a store of one ended job, so that the clock of the test stands still.
type memory struct{ f githubjobs.Facts }

func (m *memory) Live(_ context.Context, _, after string, _ int) ([]githubjobs.Facts, error) {
	if after != "" || m.f.Branch.Deleted {
		return nil, nil
	}
	return []githubjobs.Facts{m.f}, nil
}

func (m *memory) Facts(context.Context, string, string) (githubjobs.Facts, error) { return m.f, nil }

func (m *memory) MergeFacts(_ context.Context, _ string, facts ...githubjobs.Facts) error {
	for _, f := range facts {
		m.f = githubjobs.Merge(m.f, f)
	}
	return nil
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{room: 10, whole: &hub.Error{Kind: hub.ErrUnavailable}}
		began := time.Now()
		var tries []time.Duration
		g.before = func() { tries = append(tries, time.Since(began).Truncate(time.Minute)) }
		k := newKeeper(&memory{ended("a")}, g, start)
		k.Now = func() time.Time { return start.Add(time.Since(began)) }
		ended := make(chan error)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- k.Run(ctx) }()
		time.Sleep(100 * time.Minute)
		synctest.Wait()
		if s := k.State(); !errors.Is(s.Problem, hub.ErrUnavailable) || s.Since.IsZero() {
			t.Errorf("state %+v", s)
		}
		g.fail(nil)
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if s := k.State(); s.Problem != nil || s.Deleted != 1 {
			t.Errorf("state %+v", s)
		}
		if want := []time.Duration{time.Hour, 66 * time.Minute, 76 * time.Minute, 86 * time.Minute}; len(tries) < 4 || !slices.Equal(tries[:4], want) {
			t.Errorf("tries after %v, want %v first", tries, want)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		g.fail(store.ErrLost)
		k.Store = &memory{k.Store.(*memory).f}
		k.Store.(*memory).f.Branch.Deleted, k.Store.(*memory).f.Retired = false, nil
		if err := k.Run(t.Context()); err != nil {
			t.Errorf("without the lead: %v", err)
		}
	})
}
