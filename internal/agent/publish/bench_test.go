package publish

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/agent/agenthub"
	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

// The repository of BenchmarkPublishLarge, and what is changed in it each time.
const (
	largeFiles   = 100_000
	largeFolders = 1_000
	largeChanges = 100
)

// BenchmarkPublishLarge publishes a task's changes in a repository of 100,000 files: it reads
// the base from GitHub, compares the folder with it, pushes the result and opens the pull
// request. Beside it, in the same run, on the same repository and for as many changes, stands
// what git takes to add, commit and push in a clone of its own, of which its index knows
// every file.
func BenchmarkPublishLarge(b *testing.B) {
	w := largeWorld(b)
	var ours, gits []time.Duration
	for n := 0; b.Loop(); n++ {
		ours = append(ours, w.publish(n))
		gits = append(gits, w.gitDoes(n))
	}
	slices.Sort(ours)
	slices.Sort(gits)
	publish, git := ours[len(ours)/2], gits[len(gits)/2]
	b.ReportMetric(publish.Seconds(), "s/publish(median)")
	b.ReportMetric(git.Seconds(), "s/git(median)")
	b.ReportMetric(publish.Seconds()/git.Seconds(), "x-git")
	b.ReportMetric(0, "ns/op") // the mean says less than the median, and counts git in
}

// large is a localhub with the large repository, a task's folder and a clone.
type large struct {
	*agenthub.Hub
	b           *testing.B
	repo        *hub.Repository
	tree, clone string
}

func largeWorld(b *testing.B) *large {
	b.Helper()
	w := &large{Hub: agenthub.NewHub(b, rest.RepositoryOptions{}), b: b, tree: filepath.Join(b.TempDir(), "tree"), clone: filepath.Join(b.TempDir(), "clone")}
	token, err := w.CreateToken("alice", "benchmark")
	w.must(err)
	w.repo, err = hub.New(hub.Config{ServerURL: w.URL(), Owner: "alice", Name: "reports", Token: token, Logger: agenthub.Quiet})
	w.must(err)
	w.seed()
	w.git("", "clone", "-q", strings.Replace(w.URL(), "http://", "http://x-access-token:"+token+"@", 1)+"/alice/reports.git", w.clone)
	w.must(git.Checkout(b.Context(), w.Bare, w.tree, "main", w.Git(nil, "rev-parse", "main")))
	w.change(w.tree, 0)
	return w
}

func (w *large) must(err error) {
	w.b.Helper()
	if err != nil {
		w.b.Fatal(err)
	}
}

func (w *large) git(dir string, args ...string) string {
	w.b.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=Bob", "GIT_AUTHOR_EMAIL=bob@example.com", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.b.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func largeName(i int) string { return fmt.Sprintf("d%03d/file-%05d.txt", i%largeFolders, i) }

// seed puts the files on main. Each has about one kilobyte of its own.
func (w *large) seed() {
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit refs/heads/main\ncommitter Bob <bob@example.com> 1700000000 +0000\ndata 4\nBase\n")
	for i := range largeFiles {
		text := strings.Repeat(fmt.Sprintf("line of file %d\n", i), 60)
		fmt.Fprintf(&in, "M 100644 inline %s\ndata %d\n%s\n", largeName(i), len(text), text)
	}
	cmd := exec.Command("git", "--git-dir", w.Bare, "fast-import", "--quiet")
	cmd.Stdin = &in
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.b.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// change changes as many files as a task does.
func (w *large) change(dir string, n int) {
	for i := range largeChanges {
		w.must(os.WriteFile(filepath.Join(dir, largeName(i*largeFiles/largeChanges+n%50)), fmt.Appendf(nil, "changed %d of %d\n", i, n), 0o644))
	}
}

// publish takes the time that a job's publication needs.
func (w *large) publish(n int) time.Duration {
	w.b.Helper()
	spec := githubjobs.Spec{ID: fmt.Sprintf("job-%d", n), Kind: githubjobs.KindReport, Title: "Change much", Base: "main"}
	spec.Normalize(created)
	got, err := w.repo.Submit(w.b.Context(), githubjobs.NewOrders(spec))
	w.must(err)
	w.must(got[0].Err)
	cfg := Config{Repo: w.repo, Job: githubjobs.Name{ID: spec.ID, Attempt: 1}, JobSHA: got[0].SHA, RunID: 7, Attempt: 1, Tree: w.tree, Logger: agenthub.Quiet}
	begun := time.Now()
	report, err := Publish(context.Background(), cfg, githubjobs.Result{Outcome: githubjobs.OutcomeSuccess})
	took := time.Since(begun)
	w.must(err)
	if len(report.Changed) != largeChanges || report.Pull == 0 {
		w.b.Fatalf("%d files changed, pull request %d", len(report.Changed), report.Pull)
	}
	return took
}

// gitDoes takes the time that git needs to bring as many changes to a branch.
func (w *large) gitDoes(n int) time.Duration {
	w.b.Helper()
	w.change(w.clone, n)
	begun := time.Now()
	w.git(w.clone, "add", "-A")
	w.git(w.clone, "commit", "-q", "-m", fmt.Sprint("Change ", n))
	w.git(w.clone, "push", "-q", "origin", fmt.Sprint("HEAD:refs/heads/side-", n))
	return time.Since(begun)
}
