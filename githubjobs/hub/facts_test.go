package hub

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// workflow is put onto main; it does what the test wants for every job.
func (f *fixture) workflow(name, step string) {
	f.t.Helper()
	f.addFile("main", ".github/workflows/"+name, f.blob(
		"on:\n  push:\n    branches: ['job/**']\njobs:\n  job:\n    runs-on: ubuntu-latest\n    steps:\n      - run: "+step+"\n"))
}

// addFile commits a blob to a branch, past localhub.
func (f *fixture) addFile(branch, path, blob string) {
	f.t.Helper()
	index := filepath.Join(f.t.TempDir(), "index")
	f.t.(*testing.T).Setenv("GIT_INDEX_FILE", index)
	f.git("read-tree", branch)
	f.git("update-index", "--add", "--cacheinfo", "100644,"+blob+","+path)
	sha := f.git("commit-tree", "-p", branch, "-m", "Add "+path, f.git("write-tree"))
	f.git("update-ref", "refs/heads/"+branch, sha)
}

// app is hub with an installation's token: only Apps may write check runs.
func (f *fixture) app() *Repository {
	f.t.Helper()
	app, key, err := f.CreateApp(appOf("checker"))
	if err != nil {
		f.t.Fatal(err)
	}
	in, err := f.InstallApp(app.ID, "alice")
	if err != nil {
		f.t.Fatal(err)
	}
	repo, err := New(Config{ServerURL: f.URL(), Owner: "alice", Name: "reports", App: &App{ID: app.ID, InstallationID: in.ID, PrivateKey: key}})
	if err != nil {
		f.t.Fatal(err)
	}
	return repo
}

// deliver does what the agent does for a job: result commit, pull request, verdict.
func (f *fixture) deliver(app *Repository, id string) *github.PullRequest {
	f.t.Helper()
	ctx := f.t.Context()
	head := f.git("rev-parse", "job/"+id)
	blob := f.blob("report of " + id + "\n")
	f.git("update-ref", "refs/heads/tmp", head)
	f.addFile("tmp", "reports/"+id+".md", blob)
	tree := f.git("rev-parse", "tmp^{tree}")
	f.git("update-ref", "-d", "refs/heads/tmp")
	of, _ := githubjobs.ParseName(id)
	result := githubjobs.Result{ID: of.ID, Attempt: 1, Outcome: githubjobs.OutcomeSuccess, Log: "the log", Summary: "the summary", StartedAt: created, FinishedAt: created}
	result.SetFiles([]string{"reports/" + id + ".md"})
	commit, err := f.repo.Commit(tree, head, githubjobs.FormatResult("x", result), created.Add(time.Minute))
	f.must(err)
	results, err := f.repo.Push(ctx, []Update{{Ref: "refs/heads/job/" + id, Old: head, New: commit.Hash().String()}}, []plumbing.EncodedObject{commit})
	f.must(err)
	f.must(results[0])
	pull, err := app.OpenPull(ctx, NewPull{Title: "Report", Body: "…", Head: "job/" + id, Base: "main"})
	f.must(err)
	f.must(app.CreateCheckRun(ctx, Gate{Of: of, HeadSHA: commit.Hash().String(), Conclusion: "action_required", Title: "Not merged", Summary: "because", Text: "the rules", Code: githubjobs.DiagnosisPolicyInvalid, At: created.Add(2 * time.Minute)}))
	return pull
}

func (f *fixture) blob(text string) string {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "blob")
	f.must(os.WriteFile(file, []byte(text), 0o644))
	return f.git("hash-object", "-w", file)
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// idle waits until nothing runs at GitHub.
func (f *fixture) idle() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 3*time.Minute)
	defer cancel()
	f.must(f.WaitIdle(ctx))
}

func (f *fixture) facts(id string) githubjobs.Facts {
	f.t.Helper()
	facts, err := f.repo.Facts(f.t.Context(), id)
	f.must(err)
	return facts
}

func TestFactsFollowAJobThroughItsLife(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", "true")
	f.workflow("other.yml", "true")
	app := f.app()
	if got := f.facts("abc"); !reflect.DeepEqual(got, githubjobs.Facts{ID: "abc"}) {
		t.Errorf("before: %+v", got)
	}
	submitted := f.submit(spec("abc"))[0]
	f.idle()
	f.requests()
	got := f.facts("abc")
	if n := len(f.requests()); n != 6 {
		t.Errorf("%d requests, want 6", n)
	}
	if len(got.Runs) != 1 || got.Runs[0].Status != "completed" || got.Runs[0].Conclusion != "success" || got.Runs[0].HeadSHA != submitted.SHA || got.Runs[0].At.IsZero() {
		t.Errorf("runs: %+v", got.Runs)
	}
	if got.Branch == nil || got.Branch.Head != submitted.SHA || !got.Branch.At.Equal(created) || got.Spec == nil || got.Spec.Prompt != spec("abc").Prompt {
		t.Errorf("submitted: %+v", got)
	}

	pull := f.deliver(app, "abc")
	f.idle() // the push of a person's token starts a run, too
	got = f.facts("abc")
	if r := got.Result; r == nil || r.SHA != pull.GetHead().GetSHA() || r.Log != "the log" || r.Summary != "the summary" || r.Result.FilesTotal != 1 || !r.At.Equal(created.Add(time.Minute)) {
		t.Errorf("result: %+v", r)
	}
	if len(got.Pulls) != 1 || !got.Pulls[0].Open || got.Pulls[0].Number != pull.GetNumber() || got.Pulls[0].MergeSHA != "" {
		t.Errorf("pulls: %+v", got.Pulls)
	}
	if len(got.Gates) != 1 {
		t.Fatalf("gates: %+v", got.Gates)
	}
	if g := got.Gates[0]; g.Conclusion != "action_required" || g.Title != "Not merged" || g.Summary != "because" || g.Code != githubjobs.DiagnosisPolicyInvalid || !g.At.Equal(created.Add(2*time.Minute)) {
		t.Errorf("gate: %+v", g)
	}
	if job := githubjobs.Reduce(got, time.Now()); job.Reason != githubjobs.ReasonMergeBlocked {
		t.Errorf("%s: %s", job.Reason, job.Message)
	}

	sha, err := app.MergePull(t.Context(), MergeRequest{Number: pull.GetNumber(), SHA: pull.GetHead().GetSHA(), Method: "squash", Title: "Report", Message: "Job-Id: abc"})
	f.must(err)
	f.must(app.DeleteBranch(t.Context(), "job/abc"))
	f.must(app.DeleteBranch(t.Context(), "job/abc")) // it is gone already
	got = f.facts("abc")
	if len(got.Pulls) != 1 || !got.Pulls[0].Merged || got.Pulls[0].MergeSHA != sha || got.Pulls[0].MergedAt.IsZero() {
		t.Errorf("merged: %+v", got.Pulls)
	}
	if got.Branch == nil || !got.Branch.Deleted || got.Spec == nil || got.Result == nil {
		t.Errorf("after the branch is gone: %+v", got)
	}
	if job := githubjobs.Reduce(got, time.Now()); job.Reason != githubjobs.ReasonMerged || job.ChangedFiles[0] != "reports/abc.md" {
		t.Errorf("%+v", job)
	}
}

// told is what a read found, by job.
type told struct {
	Reading
	Facts map[string]githubjobs.Facts
}

// collect gathers what a read finds.
func (t *told) collect(_ context.Context, facts []githubjobs.Facts) error {
	for _, f := range facts {
		t.Facts[f.ID] = githubjobs.Merge(t.Facts[f.ID], f)
	}
	return nil
}

// changed reads what has changed; known is by the names of attempts.
func (f *fixture) changed(since time.Time, known map[string]Known) (got told) {
	f.t.Helper()
	got.Facts = map[string]githubjobs.Facts{}
	var err error
	named := map[githubjobs.Name]Known{}
	for id, k := range known {
		of, _ := githubjobs.ParseName(id)
		named[of] = k
	}
	got.Reading, err = f.repo.Changed(f.t.Context(), since, named, got.collect)
	f.must(err)
	return got
}

// everything reads all that GitHub knows, as one who knows nothing.
func (f *fixture) everything() (got told) {
	f.t.Helper()
	got.Facts = map[string]githubjobs.Facts{}
	var err error
	got.Reading, err = f.repo.Everything(f.t.Context(), Full{
		Has: func(_ context.Context, of githubjobs.Name, head string) (bool, error) {
			has := got.Facts[of.ID].Of(of.Attempt)
			return has.Spec != nil && has.Branch != nil && (head == "" || has.Branch.Head == head), nil
		},
		Found: got.collect, Progress: func(Progress) {},
	})
	f.must(err)
	return got
}

// knows is what a caller knows that has merged these facts.
func knows(facts map[string]githubjobs.Facts) map[string]Known {
	known := map[string]Known{}
	for id, f := range facts {
		var k Known
		if f.Branch != nil {
			k.Head, k.Deleted = f.Branch.Head, f.Branch.Deleted
		}
		for _, run := range f.Runs {
			if run.Status != "completed" {
				k.Run = run.ID
			}
		}
		known[id] = k
	}
	return known
}

func TestChangedReadsARepositoryInFewRequests(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", "true")
	app := f.app()
	f.submit(specs("old", 7)...)
	pull := f.deliver(app, "old-0003")
	f.deliver(app, "old-0004")
	_, err := app.MergePull(t.Context(), MergeRequest{Number: pull.GetNumber(), SHA: pull.GetHead().GetSHA(), Method: "squash", Title: "x"})
	f.must(err)
	f.must(app.DeleteBranch(t.Context(), "job/old-0003"))
	f.git("update-ref", "refs/heads/job/UPPER", "main") // no job's
	f.idle()

	all := f.everything()
	if len(all.Facts) != 7 {
		t.Errorf("%d jobs", len(all.Facts))
	}
	for id, got := range all.Facts {
		want := f.facts(id)
		want.Branch.Seen, got.Branch.Seen = time.Time{}, time.Time{} // the time of the read
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", id, got, want)
		}
	}

	// Nothing has changed: what is read does not depend on the number of jobs, once
	// the overlap is over.
	known := knows(all.Facts)
	f.requests()
	later := f.changed(all.At.Add(overlap+time.Second), known)
	if requests := f.requests(); len(requests) != 3 || later.Requests != 3 || later.Unchanged != 0 {
		t.Errorf("nothing happened: %d requests %v, %+v", len(requests), requests, later.Reading)
	}
	for id, got := range later.Facts {
		if got.ID = ""; !reflect.DeepEqual(got, githubjobs.Facts{Runs: all.Facts[id].Runs}) {
			t.Errorf("nothing happened, and there is news of %s: %+v", id, got)
		}
	}
	if again := f.changed(all.At.Add(overlap+time.Minute), known); !again.Quiet() {
		t.Errorf("nothing happened: %+v, want every answer to be 304", again.Reading)
	}
	f.requests()

	// A new job, one whose branch moved, one whose branch was deleted.
	f.submit(spec("new"))
	f.idle()
	f.commit("job/old-0005", githubjobs.FormatResult("x", githubjobs.Result{ID: "old-0005", Attempt: 1, Outcome: githubjobs.OutcomeFailure}))
	f.git("update-ref", "-d", "refs/heads/job/old-0006")
	f.requests()
	since := all.At.Add(overlap + time.Second) // only branches tell
	later = f.changed(since, known)
	if n := len(f.requests()); n != 5 {
		t.Errorf("%d requests, want 3 and one for each branch", n)
	}
	if got := later.Facts["new"]; got.Spec == nil || got.Branch == nil {
		t.Errorf("new: %+v", got)
	}
	if got := later.Facts["old-0005"]; got.Result == nil || got.Result.Result.Outcome != githubjobs.OutcomeFailure {
		t.Errorf("moved: %+v", got)
	}
	if got := later.Facts["old-0006"]; got.Branch == nil || !got.Branch.Deleted || got.Branch.Head == "" || got.Branch.At.Before(created) {
		t.Errorf("deleted: %+v", got)
	}

	// A branch that was restored is seen now, whatever its commit's date.
	known = knows(map[string]githubjobs.Facts{"old-0005": {Branch: &githubjobs.BranchFact{Head: "x", Deleted: true, At: time.Now()}}})
	if got := f.changed(since, known).Facts["old-0005"]; got.Branch == nil || got.Branch.Deleted || time.Since(got.Branch.Seen) > time.Minute {
		t.Errorf("restored: %+v", got.Branch)
	}
}

func TestChangedFindsTheEndOfRunsThatBeganLongAgo(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", "true")
	f.submit(specs("n", 4)...)
	f.idle()
	known := knows(f.everything().Facts)
	for _, n := range []int{1, 4} {
		told := map[string]Known{}
		for id, k := range known {
			told[id] = k
		}
		for i := range n {
			id := fmt.Sprintf("n-%04d", i)
			told[id] = Known{Head: known[id].Head, Run: f.facts(id).Runs[0].ID}
		}
		f.requests()
		got := f.changed(time.Now().Add(overlap+time.Hour), told)
		for i := range n {
			if runs := got.Facts[fmt.Sprintf("n-%04d", i)].Runs; len(runs) != 1 || runs[0].Status != "completed" {
				t.Errorf("%d of %d: %+v", i, n, runs)
			}
		}
		if requests := f.requests(); len(requests) != 3 {
			t.Errorf("%d runs of the newest hundred: requests %v, want 3", n, requests)
		}
	}
}
