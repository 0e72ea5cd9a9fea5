package hub

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// seedFinished fills a localhub that is not running with finished jobs: a merged pull
// request and a run for each, and the branches that the last of them left.
func seedFinished(t *testing.T, dir, bare string, jobs, branches int) {
	t.Helper()
	db, err := state.Open(filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	main := git(t, bare, "", "rev-parse", "main")
	began := time.Now().Add(-30 * 24 * time.Hour).UTC().Truncate(time.Second)
	commit := state.HeadCommit{Tree: main, Message: "Start", AuthorName: "Bob", AuthorEmail: "bob@example.com", CommitterName: "Bob", CommitterEmail: "bob@example.com", When: began}
	err = db.Update(func(tx *state.Tx) error {
		repo, _ := tx.Repositories.ByName(state.RepositoryName("alice", "reports"))
		flow := state.Workflow{ID: tx.Workflows.NextID(), RepositoryID: repo.ID, Name: "run-job", Path: DefaultWorkflowPath, State: "active", LastRun: jobs, CreatedAt: began, UpdatedAt: began}
		tx.Workflows.Put(flow)
		for i := range jobs {
			at, branch := began.Add(time.Duration(i)*time.Minute), fmt.Sprintf("job/old-%05d", i)
			tx.Pulls.Put(state.Pull{ID: tx.Pulls.NextID(), RepositoryID: repo.ID, Number: i + 1, Title: "Report", AuthorID: repo.OwnerID, State: "closed",
				HeadRepositoryID: repo.ID, HeadRef: branch, HeadSHA: main, BaseRef: "main", BaseSHA: main, Merged: true, MergedAt: at, MergeCommitSHA: main, ClosedAt: at, CreatedAt: at, UpdatedAt: at})
			tx.Runs.Put(state.Run{ID: tx.Runs.NextID(), RepositoryID: repo.ID, WorkflowID: flow.ID, Number: i + 1, Attempt: 1, Name: "run-job", Path: flow.Path, Event: "push",
				HeadBranch: branch, HeadSHA: main, HeadCommit: commit, Ref: "refs/heads/" + branch, Status: "completed", Conclusion: "success", ActorID: repo.OwnerID, TriggerID: repo.OwnerID, CreatedAt: at, UpdatedAt: at, StartedAt: at})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var refs strings.Builder
	for i := jobs - branches; i < jobs; i++ {
		fmt.Fprintf(&refs, "create refs/heads/job/old-%05d %s\n", i, main)
	}
	git(t, bare, refs.String(), "update-ref", "--stdin")
}

func git(t *testing.T, dir, input string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// quiet is a fixture with many finished jobs, and what one knows who has read them.
func quiet(t *testing.T, jobs, branches int, change ...func(*Config)) (*fixture, map[string]Known) {
	t.Helper()
	dir := t.TempDir()
	before := setupIn(t, dir, nil)
	before.stop()
	seedFinished(t, dir, before.bare, jobs, branches)
	f := setupIn(t, dir, before, change...)
	known := map[string]Known{}
	for i := jobs - branches; i < jobs; i++ {
		known[fmt.Sprintf("old-%05d", i)] = Known{Head: f.git("rev-parse", "main")}
	}
	return f, known
}

// What a quiet repository costs does not depend on how many jobs it has had, and
// nothing of the primary quota.
func TestQuietRepository(t *testing.T) {
	t.Parallel()
	for _, n := range []struct{ jobs, branches int }{{0, 0}, {150, 120}, {10_000, 400}} {
		t.Run(fmt.Sprint(n.jobs, " jobs"), func(t *testing.T) {
			t.Parallel()
			f, known := quiet(t, n.jobs, n.branches)
			f.changed(time.Now(), known)
			budget := f.repo.Budget()
			if budget.Remaining == 0 || budget.Limit == 0 || budget.Reset.IsZero() {
				t.Errorf("budget %+v", budget)
			}
			f.ResetRequests()
			for i := range 3 { // at different times: the addresses must not depend on them
				got := f.changed(time.Now().Add(time.Duration(i)*time.Hour), known)
				if !got.Quiet() || got.Requests != 3 || got.At.IsZero() {
					t.Errorf("%+v", got.Reading)
				}
				for id, facts := range got.Facts {
					if facts.Branch != nil || facts.Spec != nil || len(facts.Pulls) != 0 {
						t.Errorf("news of %s: %+v", id, facts)
					}
				}
			}
			requests := f.Requests()
			for _, r := range requests {
				if r.Status != http.StatusNotModified {
					t.Errorf("%s %s: %d", r.Method, r.Path, r.Status)
				}
			}
			if len(requests) != 9 {
				t.Errorf("%d requests for three reads, want 9", len(requests))
			}
			if now := f.repo.Budget(); now.Remaining != budget.Remaining {
				t.Errorf("%d of the quota was used", budget.Remaining-now.Remaining)
			}
		})
	}
}

// A hundred runs and pull requests more cost two requests more, and all of them are found.
func TestChangedPagesThroughManyChanges(t *testing.T) {
	t.Parallel()
	const jobs = 1250 // beyond the 1,000 that GitHub lists
	f, known := quiet(t, jobs, 0)
	main := f.git("rev-parse", "main")
	for i := range jobs {
		known[fmt.Sprintf("old-%05d", i)] = Known{Head: main, Deleted: true}
	}
	got := f.changed(time.Now().Add(-60*24*time.Hour), known)
	missing := 0
	for i := range jobs {
		if facts := got.Facts[fmt.Sprintf("old-%05d", i)]; len(facts.Runs) != 1 || len(facts.Pulls) != 1 {
			missing++
		}
	}
	lists := map[string]int{}
	for _, r := range f.Requests() {
		if path, _, _ := strings.Cut(r.Path, "?"); r.Kind == localhub.RequestREST {
			lists[path[strings.LastIndexByte(path, '/')+1:]]++
		}
	}
	if missing != 0 || lists["runs"] != 13 || lists["pulls"] != 13 || lists["commits"] != 0 {
		t.Errorf("%d jobs are missing; requests %v", missing, lists)
	}
}

// A token that was renewed, and a GitHub that gives no ETags, cost a whole answer and
// nothing else.
func TestConditionalRequestsFollowTheToken(t *testing.T) {
	t.Parallel()
	f, known := quiet(t, 150, 10)
	other, err := f.CreateToken("alice", "the next")
	f.must(err)
	f.changed(time.Now(), known)
	transport := newConditional(http.DefaultTransport)
	ask := func(token string) (status string, served int) {
		f.ResetRequests()
		req, err := http.NewRequestWithContext(whenChanged(t.Context()), "GET", f.URL()+"/api/v3/repos/alice/reports/pulls?state=all", nil)
		f.must(err)
		req.Header.Set("Authorization", "Bearer "+token)
		res, err := transport.RoundTrip(req)
		f.must(err)
		defer res.Body.Close()
		return res.Status, f.Requests()[0].Status
	}
	for i, c := range []struct {
		token string
		want  int
	}{{f.token, 200}, {f.token, 304}, {other, 200}, {other, 304}, {f.token, 200}, {"wrong", 401}, {f.token, 304}} {
		if status, served := ask(c.token); served != c.want || c.want != 401 && !strings.HasPrefix(status, "200") {
			t.Errorf("%d: answered %d, seen as %s; want %d", i, served, status, c.want)
		}
	}
}

// A run that GitHub has forgotten is asked for, and does no harm; and a branch whose
// result was committed by a clock that is behind is read once.
func TestChangedOutlivesWhatIsLost(t *testing.T) {
	f := setup(t)
	submitted := f.submit(spec("late"))[0]
	facts := githubjobs.Facts{ID: "late", Branch: &githubjobs.BranchFact{Head: submitted.SHA, At: created}}
	known := map[string]Known{"late": {Head: submitted.SHA}, "lost": {Run: 4711}}
	f.t.(*testing.T).Setenv("GIT_COMMITTER_DATE", created.Add(-time.Hour).Format(time.RFC3339))
	head := f.commit("job/late", githubjobs.FormatResult("x", githubjobs.Result{ID: "late", Attempt: 1, Outcome: githubjobs.OutcomeFailure}))
	got := f.changed(time.Now(), known)
	facts = githubjobs.Merge(facts, got.Facts["late"])
	if facts.Branch.Head != head || facts.Result == nil || !facts.Branch.At.Before(created) {
		t.Errorf("facts %+v, want the head %s", facts.Branch, head)
	}
	known["late"] = Known{Head: facts.Branch.Head}
	if got = f.changed(time.Now(), known); len(got.Facts) != 0 {
		t.Errorf("it is read again: %+v", got.Facts)
	}
}

// Somebody re-runs an old job, whose run no list shows any more: its result names it.
func TestChangedFindsTheRunOfAResult(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", "true")
	submitted := f.submit(spec("old"))[0]
	f.idle()
	run := f.facts("old").Runs[0]
	head := f.commit("job/old", githubjobs.FormatResult("x", githubjobs.Result{ID: "old", RunID: run.ID, Attempt: 1, Outcome: githubjobs.OutcomeFailure}))
	f.repo = f.behind(func(localhub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/workflows/run-job.yml/runs") {
				fmt.Fprint(w, `{"total_count": 0, "workflow_runs": []}`)
				return
			}
			localhub.ServeHTTP(w, r)
		})
	})
	got := f.changed(time.Now(), map[string]Known{"old": {Head: submitted.SHA}})
	if facts := got.Facts["old"]; facts.Result == nil || facts.Result.SHA != head || len(facts.Runs) != 1 || facts.Runs[0].ID != run.ID {
		t.Errorf("facts %+v", facts)
	}
	if got.Requests != 5 {
		t.Errorf("%d requests, want three lists, the commits and the run", got.Requests)
	}
}
