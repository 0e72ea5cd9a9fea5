package gatekeeper

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// What a gatekeeper does with real jobs is tested in internal/e2e.

const project = "p"

var now = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

type world struct {
	*localhub.Server
	t      *testing.T
	store  *sqlite.Store
	keeper *Gatekeeper
	token  string
}

// lease is a lead that is never lost.
type lease struct{}

func (lease) Since() time.Time           { return now }
func (lease) Lost() <-chan struct{}      { return nil }
func (lease) Hold(context.Context) error { return nil }
func (lease) Release()                   {}

func setup(t *testing.T, rules string) *world {
	t.Helper()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	server, err := localhub.New(localhub.Config{DataDir: t.TempDir(), Logger: quiet, Wrap: wire.Watch(t).Wrap})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() { cancel(); must(t, <-ended); server.Close() })
	w := &world{Server: server, t: t}
	_, err = server.CreateUser("alice")
	must(t, err)
	_, err = server.CreateRepository("alice", "reports", rest.RepositoryOptions{AutoInit: true})
	must(t, err)
	w.token, err = server.CreateToken("alice", "tests")
	must(t, err)
	w.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), nil)
	must(t, err)
	t.Cleanup(func() { w.store.Close() })
	repository, err := hub.New(hub.Config{ServerURL: server.URL(), Owner: "alice", Name: "reports", Token: w.token, Logger: quiet})
	must(t, err)
	w.keeper = New(Options{Project: project, Hub: repository, Store: w.store, Changed: func() {}, Log: quiet, Now: func() time.Time { return now }})
	w.rules(rules)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rules puts a policy onto main.
func (w *world) rules(document string) {
	w.t.Helper()
	must(w.t, putFile(w.URL(), w.token, policy.Path, document))
}

// open stores jobs with open pull requests, of the numbers given.
func (w *world) open(numbers ...int) {
	w.t.Helper()
	var list []githubjobs.Facts
	for _, n := range numbers {
		list = append(list, opened(n))
	}
	must(w.t, w.store.MergeFacts(w.t.Context(), project, list...))
}

func opened(n int) githubjobs.Facts {
	id, at := fmt.Sprintf("job-%d", n), now.Add(-time.Hour)
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	spec.Normalize(at)
	created, head := fmt.Sprintf("%040d", n), fmt.Sprintf("%039df", n)
	return githubjobs.Facts{
		ID: id, Spec: &spec, Created: []string{created}, Branch: &githubjobs.BranchFact{Head: head, Moved: true, At: at, Seen: at, Read: true},
		Runs:   []githubjobs.RunFact{{ID: int64(n), Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: created, At: at}},
		Pulls:  []githubjobs.PullFact{{Number: n, Open: true, Base: "main", ToDefault: true, HeadSHA: head, At: at}},
		Result: &githubjobs.ResultFact{SHA: head, At: at, Result: githubjobs.Result{Version: 1, ID: id, Attempt: 1, RunID: int64(n), Outcome: githubjobs.OutcomeSuccess, FilesTotal: 1}},
	}
}

// pass lets the gatekeeper work until it would wait. It returns the pull requests that were read.
func (w *world) pass() (read []string, requests int) {
	w.t.Helper()
	w.ResetRequests()
	for range 1000 {
		pause, err := w.keeper.round(w.t.Context(), lease{})
		must(w.t, err)
		if pause > 0 {
			break
		}
	}
	return pullsRead(w), len(w.Requests())
}

// pullsRead are the pull requests that were asked for, each once.
func pullsRead(w *world) (read []string) {
	for _, r := range w.Requests() {
		if at := strings.Index(r.Path, "/pulls/"); at >= 0 && !slices.Contains(read, r.Path[at+len("/pulls/"):]) {
			read = append(read, r.Path[at+len("/pulls/"):])
		}
	}
	return read
}

const merging = "merge:\n  enabled: true\n  paths: {allow: ['**']}\n"

// A push to the base concerns a thousand pull requests. They are judged a few at a time, and
// what happens to one of them goes first.
func TestAPushToTheBaseIsPaced(t *testing.T) {
	t.Parallel()
	w := setup(t, merging)
	var all []int
	for n := range 1000 {
		all = append(all, n+1)
	}
	w.open(all...)
	w.keeper.book = newBook()
	read, requests := w.pass()
	if len(read) != burstOther || requests > 3*burstOther {
		t.Errorf("at the start %d are judged with %d requests: %q", len(read), requests, read)
	}
	if due := w.keeper.State().Due; due != 1000-burstOther {
		t.Errorf("%d wait", due)
	}
	w.rules(merging + "  max_files: 1\n")
	w.keeper.Wake("main")
	if read, requests = w.pass(); len(read) != 0 || requests > 3 {
		t.Errorf("after the push %q are judged, with %d requests", read, requests)
	}
	if due := w.keeper.State().Due; due != 1000 {
		t.Errorf("%d wait, want all", due)
	}
	must(t, w.store.MergeFacts(t.Context(), project, githubjobs.Facts{ID: "job-777", Stirred: &githubjobs.StirredFact{By: "check_run", At: now}}))
	w.keeper.Wake("")
	if read, _ = w.pass(); !slices.Equal(read, []string{"777"}) {
		t.Errorf("%q are judged, want the one to which something has happened", read)
	}
	if read, requests = w.pass(); len(read) != 0 || requests != 0 {
		t.Errorf("%q are judged again, with %d requests", read, requests)
	}
}

// Nothing is asked about pull requests where the policy merges nothing.
func TestRulesThatMergeNothingCostNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, "merge: {enabled: false}\n")
	w.open(1, 2, 3)
	w.keeper.book = newBook()
	if read, requests := w.pass(); len(read) != 0 || requests > 3 {
		t.Errorf("%q, %d requests", read, requests)
	}
	if read, requests := w.pass(); len(read) != 0 || requests != 0 {
		t.Errorf("again: %q, %d requests", read, requests)
	}
	w.rules(merging)
	w.keeper.Wake("main")
	if read, _ := w.pass(); len(read) != 3 {
		t.Errorf("after they have changed %q are judged", read)
	}
}

// What was judged is judged again when something is learnt, and not otherwise.
func TestWhatIsJudgedAgain(t *testing.T) {
	t.Parallel()
	w := setup(t, merging)
	w.open(1, 2)
	w.keeper.book = newBook()
	w.pass()
	n := 9
	for name, test := range map[string]struct {
		learn func(f *githubjobs.Facts)
		want  bool
	}{
		"another head": {func(f *githubjobs.Facts) { f.Pulls[0].HeadSHA, f.Pulls[0].At = strings.Repeat("a", 40), now }, true},
		"an event":     {func(f *githubjobs.Facts) { f.Stirred = &githubjobs.StirredFact{By: "status", At: now} }, true},
		"a verdict": {func(f *githubjobs.Facts) {
			f.Gates = []githubjobs.GateFact{{HeadSHA: f.Pulls[0].HeadSHA, Conclusion: "action_required", Title: "Not merged", At: now}}
		}, false},
		"a merge": {func(f *githubjobs.Facts) { f.Pulls[0].Merged, f.Pulls[0].Open, f.Pulls[0].At = true, false, now }, false},
	} {
		n++
		w.open(n)
		if read, _ := w.pass(); !slices.Equal(read, []string{fmt.Sprint(n)}) {
			t.Errorf("%s: %q are judged at first", name, read)
		}
		f := opened(n)
		test.learn(&f)
		must(t, w.store.MergeFacts(t.Context(), project, f))
		if read, _ := w.pass(); slices.Equal(read, []string{fmt.Sprint(n)}) != test.want {
			t.Errorf("%s: %q are judged", name, read)
		}
	}
}
