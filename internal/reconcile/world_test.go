package reconcile_test

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/reconcile"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// world is a localhub with one runner and the repository alice/reports, and a server
// that reads it: hub, store, reconciler and diagnoser.
type world struct {
	*localhub.Server
	t      *testing.T
	api    *github.Client
	token  string
	repo   *hub.Repository
	db     *sqlite.Store
	dir    string // of the database
	gate   string // runs of the workflow "hold" go on while this file is missing
	doctor *reconcile.Diagnoser
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := localhub.New(localhub.Config{DataDir: t.TempDir(), Runners: 1, Logger: slog.New(slog.DiscardHandler), Wrap: wire.Watch(t).Wrap})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	w := &world{Server: server, t: t, gate: filepath.Join(t.TempDir(), "gate")}
	t.Cleanup(func() {
		must(t, os.WriteFile(w.gate, nil, 0o644))
		cancel()
		must(t, <-ended)
		must(t, server.Close())
	})
	_, err = server.CreateUser("alice")
	must(t, err)
	_, err = server.CreateRepository("alice", "reports", rest.RepositoryOptions{AutoInit: true})
	must(t, err)
	w.token, err = server.CreateToken("alice", "tests")
	must(t, err)
	w.api, err = github.NewClient(nil).WithAuthToken(w.token).WithEnterpriseURLs(server.URL(), server.URL())
	must(t, err)
	w.dir = t.TempDir()
	w.open()
	t.Cleanup(func() { must(t, w.db.Close()) })
	w.as(hub.Config{Token: w.token})
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the database.
func (w *world) open() {
	w.t.Helper()
	var err error
	w.db, err = sqlite.Open(w.t.Context(), filepath.Join(w.dir, "test.db"), time.Now)
	must(w.t, err)
	w.newDoctor()
}

// as makes the server use other credentials.
func (w *world) as(cfg hub.Config) {
	cfg.ServerURL, cfg.Owner, cfg.Name = w.URL(), "alice", "reports"
	repo, err := hub.New(cfg)
	must(w.t, err)
	w.repo = repo
	w.newDoctor()
}

func (w *world) newDoctor() {
	w.doctor = reconcile.NewDiagnoser(reconcile.DiagnoserOptions{Project: "p", Hub: w.repo, Store: w.db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(later) }})
}

// put commits a file to main through the API.
func (w *world) put(path, text string) {
	w.t.Helper()
	_, _, err := w.api.Repositories.CreateFile(w.t.Context(), "alice", "reports", path, &github.RepositoryContentFileOptions{Message: github.String("Add " + path), Content: []byte(text)})
	must(w.t, err)
}

const workflowFile = ".github/workflows/run-job.yml"

func (w *world) workflow(runsOn string) {
	w.t.Helper()
	w.put(workflowFile, "on:\n  push:\n    branches: ['job/**']\njobs:\n  job:\n    runs-on: "+runsOn+"\n    steps:\n      - run: 'true'\n")
}

// hold occupies the runner, and returns the token of the run that does.
func (w *world) hold() string {
	w.t.Helper()
	token := filepath.Join(w.t.TempDir(), "token")
	w.put(".github/workflows/hold.yml", "on:\n  push:\n    branches: [main]\npermissions: {contents: write, actions: read, pull-requests: read, checks: read}\njobs:\n  hold:\n    runs-on: ubuntu-latest\n    steps:\n"+
		"      - run: 'echo \"$TOKEN\" >"+token+".new; mv "+token+".new "+token+"; until [ -e "+w.gate+" ]; do sleep 0.02; done'\n        env: {TOKEN: '${{ github.token }}'}\n")
	var raw []byte
	w.eventually("the runner is taken", func() (err error) { raw, err = os.ReadFile(token); return err })
	return strings.TrimSpace(string(raw))
}

func (w *world) eventually(what string, try func() error) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("not within 20 s: %s: %v", what, err)
		}
	}
}

func spec(id string) githubjobs.Spec {
	s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Daily report", Base: "main"}
	s.Normalize(time.Now())
	return s
}

func (w *world) submit(id string) {
	w.t.Helper()
	got, err := w.repo.Submit(w.t.Context(), githubjobs.NewOrders(spec(id)))
	must(w.t, err)
	must(w.t, got[0].Err)
}

// byHand makes a job's branch with a message of its own; told says whether GitHub
// hears of it.
func (w *world) byHand(id, message string, told bool) {
	w.t.Helper()
	bare, err := w.RepositoryPath("alice", "reports")
	must(w.t, err)
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", bare}, args...)...).Output()
		must(w.t, err)
		return strings.TrimSpace(string(out))
	}
	base, tree := git("rev-parse", "main"), git("rev-parse", "main^{tree}")
	commit, err := w.repo.Commit(tree, base, message, time.Now())
	must(w.t, err)
	ref, sha := "refs/heads/job/"+id, commit.Hash().String()
	if !told {
		ref = "refs/heads/tmp"
	}
	refs, err := w.repo.Push(w.t.Context(), []hub.Update{{Ref: ref, New: sha}}, []plumbing.EncodedObject{commit})
	must(w.t, err)
	must(w.t, refs[0])
	if !told {
		git("update-ref", "refs/heads/job/"+id, sha)
	}
}

// read reads GitHub, and then looks up what keeps stuck jobs.
func (w *world) read() {
	w.t.Helper()
	must(w.t, w.reconciler().Once(w.t.Context()))
	_, err := w.doctor.Once(w.t.Context())
	must(w.t, err)
}

func (w *world) job(id string, after time.Duration) githubjobs.Job {
	w.t.Helper()
	f, err := w.db.Facts(w.t.Context(), "p", id)
	must(w.t, err)
	return githubjobs.Reduce(f, time.Now().Add(after))
}

// heard notes a webhook delivery of now, so that webhooks do not count as silent.
func (w *world) heard() {
	w.t.Helper()
	must(w.t, w.db.RecordDelivery(w.t.Context(), store.Delivery{Project: "p", GUID: "g", Event: "ping", ReceivedAt: time.Now(), Body: []byte("{}")}))
}

// grace is how long after its end a job is looked at, so that no news is waited for.
const grace = githubjobs.SlowDelivery + time.Minute

func (w *world) git(args ...string) string {
	w.t.Helper()
	bare, err := w.RepositoryPath("alice", "reports")
	must(w.t, err)
	out, err := exec.Command("git", append([]string{"-C", bare}, args...)...).CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// push commits a message, and the files of another branch, onto a job's branch.
func (w *world) push(id, message string) (sha string) {
	w.t.Helper()
	ref := "refs/heads/" + githubjobs.Branch(id)
	head := w.git("rev-parse", ref)
	commit, err := w.repo.Commit(w.git("rev-parse", "changed^{tree}"), head, message, time.Now())
	must(w.t, err)
	sha = commit.Hash().String()
	refs, err := w.repo.Push(w.t.Context(), []hub.Update{{Ref: ref, Old: head, New: sha}}, []plumbing.EncodedObject{commit})
	must(w.t, err)
	must(w.t, refs[0])
	return sha
}

// change makes the branch that push takes its files from: main and a file of the job.
func (w *world) change(id string) {
	w.t.Helper()
	w.git("update-ref", "refs/heads/changed", "main")
	_, _, err := w.api.Repositories.CreateFile(w.t.Context(), "alice", "reports", "reports/"+id+".md", &github.RepositoryContentFileOptions{
		Message: github.String("Change"), Content: []byte("x\n"), Branch: github.String("changed"),
	})
	must(w.t, err)
}

// result pushes the result of a run; 0 for one that was made outside a run.
func (w *world) result(id string, run int64) (sha string) {
	w.t.Helper()
	r := githubjobs.Result{ID: id, RunID: run, Attempt: 1, Outcome: githubjobs.OutcomeSuccess, Log: "the log"}
	r.SetFiles([]string{"reports/" + id + ".md"})
	return w.push(id, githubjobs.FormatResult("Report", r))
}

// pull opens a pull request from a job's branch and merges it.
func (w *world) pull(id, base string) *github.PullRequest {
	w.t.Helper()
	ctx := w.t.Context()
	p, _, err := w.api.PullRequests.Create(ctx, "alice", "reports", &github.NewPullRequest{Title: github.String("Report"), Head: github.String(githubjobs.Branch(id)), Base: &base})
	must(w.t, err)
	_, _, err = w.api.PullRequests.Merge(ctx, "alice", "reports", p.GetNumber(), "", nil)
	must(w.t, err)
	p, _, err = w.api.PullRequests.Get(ctx, "alice", "reports", p.GetNumber())
	must(w.t, err)
	return p
}

func (w *world) deleteBranch(id string) {
	w.t.Helper()
	_, err := w.api.Git.DeleteRef(w.t.Context(), "alice", "reports", "heads/"+githubjobs.Branch(id))
	must(w.t, err)
}

func (w *world) merge(facts ...githubjobs.Facts) {
	w.t.Helper()
	must(w.t, w.db.MergeFacts(w.t.Context(), "p", facts...))
}

// run waits until a run of the job has ended, and returns it.
func (w *world) run(id string) *github.WorkflowRun {
	w.t.Helper()
	var run *github.WorkflowRun
	w.eventually("the run has ended", func() error {
		runs, _, err := w.api.Actions.ListRepositoryWorkflowRuns(w.t.Context(), "alice", "reports", &github.ListWorkflowRunsOptions{Branch: githubjobs.BranchPrefix + id, Status: "completed"})
		if err == nil && len(runs.WorkflowRuns) == 0 {
			err = sql.ErrNoRows
		}
		if err == nil {
			run = runs.WorkflowRuns[0]
		}
		return err
	})
	return run
}

// forget replaces the runs that are known of a job.
func (w *world) forget(id string, runs ...githubjobs.RunFact) {
	w.t.Helper()
	f, err := w.db.Facts(w.t.Context(), "p", id)
	must(w.t, err)
	f.Runs, f.Settled = runs, nil
	w.restart(func() {
		w.sql(`DELETE FROM jobs WHERE id = ?`, id)
	})
	w.merge(f)
}

func (w *world) reconciler() *reconcile.Reconciler {
	return reconcile.New(reconcile.Options{Project: "p", Hub: w.repo, Store: w.db, Interval: time.Hour, Base: func(string) {}, Done: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
}

// restart closes the database, lets change work on its file, and opens it again.
func (w *world) restart(change func()) {
	w.t.Helper()
	must(w.t, w.db.Close())
	change()
	w.open()
}

func (w *world) sql(statement string, args ...any) {
	w.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(w.dir, "test.db"))
	must(w.t, err)
	_, err = db.ExecContext(w.t.Context(), statement, args...)
	must(w.t, err)
	must(w.t, db.Close())
}
