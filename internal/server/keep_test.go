package server

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/keep"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// manyBranches is how many branches of ended jobs TestManyBranchesGo begins with, where KEEP_BRANCHES says nothing.
const manyBranches = 1000

// fill gives localhub and the server's database many jobs that ended long ago, each with a branch.
func (g *github) fill(t *testing.T, cfg Config, n int) {
	t.Helper()
	db, err := openStore(t.Context(), cfg, nil)
	check(t, err)
	defer db.Close()
	tree, main := g.git(t, "rev-parse", "main^{tree}"), g.git(t, "rev-parse", "main")
	commit := g.git(t, "-c", "user.name=A", "-c", "user.email=a@example.com", "commit-tree", "-p", main, "-m", "job: Old", tree)
	var refs strings.Builder
	var facts []githubjobs.Facts
	at := time.Now().Add(-100 * time.Hour).UTC().Truncate(time.Second)
	for i := range n {
		id := fmt.Sprintf("old-%06d", i)
		fmt.Fprintf(&refs, "create refs/heads/%s %s\n", githubjobs.Branch(id), commit)
		spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
		spec.Normalize(at)
		facts = append(facts, githubjobs.Facts{ID: id, Spec: &spec, Created: []string{commit}, Branch: &githubjobs.BranchFact{Head: commit, At: at, Seen: at},
			Runs: []githubjobs.RunFact{{ID: int64(i + 1), Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: commit, At: at}}})
		if len(facts) == 1000 || i == n-1 {
			check(t, db.MergeFacts(t.Context(), cfg.project(), facts...))
			facts = nil
		}
	}
	g.gitInput(t, refs.String(), "update-ref", "--stdin")
	check(t, db.SetReconciled(t.Context(), cfg.project(), time.Now()))
}

// TestManyBranchesGo: the branches of jobs that ended long ago are deleted, many in a push, and a job that comes meanwhile is pushed at once.
func TestManyBranchesGo(t *testing.T) {
	t.Parallel()
	n := manyBranches
	if text := os.Getenv("KEEP_BRANCHES"); text != "" {
		var err error
		n, err = strconv.Atoi(text)
		check(t, err)
	}
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = time.Hour
	cfg.RefsPer10Seconds = 1_000_000 // what a pace does to deletions is tested in internal/dispatch
	g.fill(t, cfg, n)
	g.ResetRequests()
	began := time.Now()
	s := start(t, cfg)
	within(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	ready, created := time.Since(began), time.Now()
	id := s.create(t, report)
	within(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	waited := time.Since(created)
	within(t, "all are gone", func() bool { return s.branches.State().Deleted >= n })
	took, pushes, calls := time.Since(began), 0, g.CountRequests(localhub.RequestREST)
	for _, r := range g.Requests() {
		if strings.HasSuffix(r.Path, "/git-receive-pack") {
			pushes++
		}
	}
	if branches := g.jobBranches(t); len(branches) != 1 || branches[0] != githubjobs.Branch(id) {
		t.Errorf("%d branches are left", len(branches))
	}
	if most := (n+249)/250 + 1; pushes > most || calls > 30 {
		t.Errorf("it took %d pushes, want at most %d, and %d calls", pushes, most, calls)
	}
	if job := s.status(t, fmt.Sprintf("old-%06d", n/2)); job.Reason != githubjobs.ReasonCanceled || !job.Evidence.BranchDeleted {
		t.Errorf("an old job is %+v", job)
	}
	t.Logf("ready after %s; %d branches were deleted after %s by %d pushes; a job that came meanwhile was known to be pushed after %s", ready.Round(time.Millisecond), n, took.Round(time.Millisecond), pushes-1, waited.Round(time.Millisecond))
}

// within waits for what takes long with many branches.
func within(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Minute); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 minutes: %s", what)
		}
	}
}

func TestTooManyBranches(t *testing.T) {
	t.Parallel()
	if list := judgeBranches(keep.State{Branches: keep.Recommended, At: time.Now()}); len(list) != 0 {
		t.Errorf("%q", list)
	}
	list := judgeBranches(keep.State{Branches: 6000, At: time.Now(), Problem: context.DeadlineExceeded, Since: time.Now()})
	if len(list) != 2 || !strings.Contains(list[0], "6000 branches") || !strings.Contains(list[0], "BRANCH_TTL") || !strings.Contains(list[1], "fails since") {
		t.Errorf("%q", list)
	}
}
