package gate

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/agent/agenthub"
	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/agent/publish"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

const (
	jobID  = "abc"
	branch = "job/" + jobID
	allow  = "merge:\n  enabled: true\n  paths: {allow: ['reports/**']}\n"
)

// world is a localhub with a repository and a job in it, whose task has ended.
type world struct {
	*agenthub.Hub
	t      *testing.T
	app    *hub.App
	repo   *hub.Repository
	client *github.Client // of the repository's owner
	cfg    Config
	tree   string
	sha    string // creation commit
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// setup makes a repository with a policy (none when empty) and submits a job.
func setup(t *testing.T, policy string) *world {
	t.Helper()
	w := &world{Hub: agenthub.NewHub(t, rest.RepositoryOptions{AutoInit: true}), t: t}
	if policy != "" {
		w.commit("main", map[string]string{".githubjobs.yml": policy})
	}
	w.commit("main", map[string]string{"reports/old.md": "one\n"})
	token, err := w.CreateToken("alice", "tests")
	must(t, err)
	w.client, err = github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(w.URL(), w.URL())
	must(t, err)
	w.app = w.install("gate", map[string]string{"contents": "write", "pull_requests": "write", "checks": "write", "metadata": "read"})
	w.repo = w.hub(w.URL(), w.app)
	spec := githubjobs.Spec{ID: jobID, Kind: githubjobs.KindReport, Title: "Daily report", Base: "main"}
	spec.Normalize(time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC))
	submitted, err := w.repo.Submit(t.Context(), githubjobs.NewOrders(spec))
	must(t, err)
	must(t, submitted[0].Err)
	w.sha, w.tree = submitted[0].SHA, filepath.Join(t.TempDir(), "tree")
	must(t, git.Checkout(t.Context(), w.Bare, w.tree, branch, w.sha))
	w.cfg = Config{
		Repo: w.repo, Spec: spec, Job: githubjobs.Name{ID: jobID, Attempt: 1}, JobSHA: w.sha, RunID: 7, Attempt: 1, RunURL: w.URL() + "/alice/reports/actions/runs/7", Logger: agenthub.Quiet,
		Wait: func(ctx context.Context, _ time.Duration) error { return hub.Sleep(ctx, time.Millisecond) },
	}
	return w
}

func (w *world) install(slug string, permissions map[string]string) *hub.App {
	w.t.Helper()
	app, key, err := w.CreateApp(localhub.App{Owner: "alice", Slug: slug, Permissions: permissions, Key: appKey(w.t, slug)})
	must(w.t, err)
	in, err := w.InstallApp(app.ID, "alice")
	must(w.t, err)
	return &hub.App{ID: app.ID, InstallationID: in.ID, PrivateKey: key}
}

// appKeys are the keys of Apps by their slug. Making one takes longer than most tests here: each serves the App of its
// name in every world.
var appKeys sync.Map

func appKey(t *testing.T, slug string) *rsa.PrivateKey {
	t.Helper()
	once, _ := appKeys.LoadOrStore(slug, sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }))
	key, err := once.(func() (*rsa.PrivateKey, error))()
	must(t, err)
	return key
}

func (w *world) hub(url string, app *hub.App) *hub.Repository {
	w.t.Helper()
	repo, err := hub.New(hub.Config{ServerURL: url, Owner: "alice", Name: "reports", App: app})
	must(w.t, err)
	return repo
}

// behind makes the gate reach localhub through a handler of the test's.
func (w *world) behind(wrap func(http.ResponseWriter, *http.Request, http.Handler)) {
	w.t.Helper()
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { wrap(rw, r, w.Handler()) }))
	w.t.Cleanup(front.Close)
	w.cfg.Repo = w.hub(front.URL, w.app)
}

// git runs git in the bare repository.
func (w *world) git(args ...string) string {
	w.t.Helper()
	return w.Git(nil, args...)
}

// commit puts files on a branch.
func (w *world) commit(branch string, files map[string]string) string {
	w.t.Helper()
	dir := w.t.TempDir()
	env := []string{"GIT_WORK_TREE=" + dir, "GIT_INDEX_FILE=" + filepath.Join(w.t.TempDir(), "index")}
	w.Git(env, "read-tree", branch)
	for name, content := range files {
		write(w.t, filepath.Join(dir, name), content)
		w.Git(env, "add", "-f", "--", filepath.Join(dir, name))
	}
	sha := w.Git(env, "commit-tree", "-p", branch, "-m", "Change "+branch, w.Git(env, "write-tree"))
	w.git("update-ref", "refs/heads/"+branch, sha)
	return sha
}

func write(t *testing.T, file, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, []byte(content), 0o644))
}

// publish publishes what the task left: the files given.
func (w *world) publish(outcome githubjobs.Outcome, files map[string]string) publish.Report {
	w.t.Helper()
	for name, content := range files {
		write(w.t, filepath.Join(w.tree, name), content)
	}
	report, err := publish.Publish(w.t.Context(), publish.Config{
		Repo: w.repo, Tree: w.tree, Job: w.cfg.Job, JobSHA: w.sha, RunID: 7, Attempt: w.cfg.Attempt, RunURL: w.cfg.RunURL, Logger: w.cfg.Logger,
	}, githubjobs.Result{Outcome: outcome, Summary: "One report"})
	must(w.t, err)
	w.cfg.Result, w.cfg.Pull = report.SHA, report.Pull
	return report
}

func (w *world) merge() Report {
	w.t.Helper()
	report, err := Merge(w.t.Context(), w.cfg)
	must(w.t, err)
	return report
}

// check is the gate's newest check run on the head of the pull request.
func (w *world) check(pull int) *github.CheckRun {
	w.t.Helper()
	p, _, err := w.client.PullRequests.Get(w.t.Context(), "alice", "reports", pull)
	must(w.t, err)
	runs, _, err := w.client.Checks.ListCheckRunsForRef(w.t.Context(), "alice", "reports", p.GetHead().GetSHA(), nil)
	must(w.t, err)
	if len(runs.CheckRuns) == 0 {
		w.t.Fatal("the head has no check run")
	}
	return runs.CheckRuns[0]
}

func (w *world) comments(pull int) []*github.IssueComment {
	w.t.Helper()
	list, _, err := w.client.Issues.ListComments(w.t.Context(), "alice", "reports", pull, nil)
	must(w.t, err)
	return list
}

// notMerged checks that the pull request is open still and everybody was told why.
func (w *world) notMerged(report Report, conclusion string, reasons ...string) {
	w.t.Helper()
	if report.Merged || report.Pull == 0 || !strings.HasPrefix(report.Title, "Not merged: ") {
		w.t.Errorf("%+v", report)
	}
	check := w.check(report.Pull)
	id, fact, ok := hub.GateFact(check)
	if !ok || id != w.cfg.Job || fact.Conclusion != conclusion || fact.Title != report.Title || fact.Summary != report.Summary {
		w.t.Errorf("check: %q %+v", id, fact)
	}
	for _, reason := range reasons {
		if said := fact.Title + fact.Summary + check.GetOutput().GetText(); !strings.Contains(said, reason) {
			w.t.Errorf("the check does not say %q:\n%s", reason, said)
		}
	}
	comments := w.comments(report.Pull)
	if conclusion == neutral {
		if len(comments) != 0 {
			w.t.Errorf("%d comments though nobody needs to act", len(comments))
		}
		return
	}
	if len(comments) != 1 || !strings.HasPrefix(comments[0].GetBody(), marker) || !strings.Contains(comments[0].GetBody(), report.Summary) {
		w.t.Errorf("comments: %v", comments)
	}
}
