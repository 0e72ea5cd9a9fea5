package publish

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/agent/agenthub"
	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

const jobID = "abc"

var created = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// world is a localhub with a repository, a job in it, and the folder that the
// job's task has worked in.
type world struct {
	*agenthub.Hub
	t    *testing.T
	repo *hub.Repository
	cfg  Config
}

// setup makes the base of the files given: name → content, "x:" before an
// executable's, "->" before a symbolic link's target. The job is what spec makes of change.
func setup(t *testing.T, base map[string]string, change ...func(*githubjobs.Spec)) *world {
	t.Helper()
	w := &world{Hub: agenthub.NewHub(t, rest.RepositoryOptions{}), t: t}
	token, err := w.CreateToken("alice", "tests")
	must(t, err)
	w.seed(base)
	w.repo, err = hub.New(hub.Config{ServerURL: w.URL(), Owner: "alice", Name: "reports", Token: token, Logger: agenthub.Quiet})
	must(t, err)
	w.cfg = Config{
		Repo: w.repo, Job: githubjobs.Name{ID: jobID, Attempt: 1}, JobSHA: w.submit(change...), RunID: 7, Attempt: 1, RunURL: w.URL() + "/alice/reports/actions/runs/7",
		Tree: filepath.Join(t.TempDir(), "tree"), Logger: agenthub.Quiet,
		Wait: func(context.Context, time.Duration) error { return nil },
	}
	w.checkout()
	return w
}

func ignore[T any](_ T, err error) error { return err }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func spec(change ...func(*githubjobs.Spec)) githubjobs.Spec {
	s := githubjobs.Spec{ID: jobID, Kind: githubjobs.KindReport, Title: "Report for @bob, fixes #12", Prompt: "Report", Base: "main"}
	for _, c := range change {
		c(&s)
	}
	s.Normalize(created)
	return s
}

// submit puts the job on GitHub and returns its creation commit.
func (w *world) submit(change ...func(*githubjobs.Spec)) string {
	w.t.Helper()
	got, err := w.repo.Submit(w.t.Context(), githubjobs.NewOrders(spec(change...)))
	must(w.t, err)
	must(w.t, got[0].Err)
	return got[0].SHA
}

// git runs git in the bare repository.
func (w *world) git(args ...string) string {
	w.t.Helper()
	return w.Git(nil, args...)
}

// seed commits files to main, with a submodule "vendor/sub".
func (w *world) seed(files map[string]string) {
	dir, index := w.t.TempDir(), filepath.Join(w.t.TempDir(), "index")
	for name, content := range files {
		write(w.t, filepath.Join(dir, name), content)
	}
	run := func(args ...string) string {
		return w.Git([]string{"GIT_WORK_TREE=" + dir, "GIT_INDEX_FILE=" + index}, args...)
	}
	run("add", "-A", "-f", ".")
	run("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("1", 40)+",vendor/sub")
	run("update-ref", "refs/heads/main", run("commit-tree", "-m", "Base", run("write-tree")))
}

// checkout lays out the job's commit for the task, as the agent does.
func (w *world) checkout() {
	w.t.Helper()
	must(w.t, git.Checkout(w.t.Context(), w.Bare, w.cfg.Tree, "job/"+jobID, w.cfg.JobSHA))
}

// task writes a file, as write does, into the task's folder.
func (w *world) task(name, content string) {
	w.t.Helper()
	write(w.t, filepath.Join(w.cfg.Tree, name), content)
}

func write(t *testing.T, file, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	if target, link := strings.CutPrefix(content, "->"); link {
		must(t, os.Symlink(target, file))
		return
	}
	mode := os.FileMode(0o644)
	content, executable := strings.CutPrefix(content, "x:")
	if executable {
		mode = 0o755
	}
	must(t, os.WriteFile(file, []byte(content), mode))
	must(t, os.Chmod(file, mode))
}

func (w *world) remove(name string) {
	w.t.Helper()
	must(w.t, os.RemoveAll(filepath.Join(w.cfg.Tree, name)))
}

// publish publishes and returns what the branch's head then says.
func (w *world) publish(outcome githubjobs.Outcome) (Report, githubjobs.Result, error) {
	w.t.Helper()
	report, err := Publish(w.t.Context(), w.cfg, githubjobs.Result{
		ID: "forged", RunID: 1, Attempt: 99, Outcome: outcome, Log: "line 1\nline 2", Summary: "Wrote **one** file",
		StartedAt: created, FinishedAt: created.Add(time.Minute),
	})
	result, parseErr := githubjobs.ParseResult(w.git("log", "-1", "--format=%B", "job/"+jobID))
	if parseErr != nil {
		w.t.Fatalf("the head is no result: %v (Publish: %v)", parseErr, err)
	}
	return report, result, err
}

// changes are what the job's branch changes against its base, as git sees them.
func (w *world) changes() string {
	w.t.Helper()
	return w.git("diff", "--no-renames", "--name-status", "main...job/"+jobID)
}

// fsck lets git look for damage in the job's branch. It looks at no other ref: GitHub's test merge may come while it reads.
func (w *world) fsck() {
	w.t.Helper()
	w.git("fsck", "--strict", "--no-dangling", "job/"+jobID)
}
