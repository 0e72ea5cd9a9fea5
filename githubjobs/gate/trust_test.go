package gate

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// The tests in this file change what the gate could be led by: the branch, the base,
// the policy.

func TestMergeTakesNothingButTheResultOfThisAttempt(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(*world)
		reason    string
	}{
		"a person pushed":      {func(w *world) { w.push() }, "pushed to the branch"},
		"a later attempt runs": {func(w *world) { w.cfg.Attempt = 2 }, "it is not known whether the newest attempt succeeded"},
		"another run":          {func(w *world) { w.cfg.RunID = 8 }, "it is not known whether the newest attempt succeeded"},
		"a later one failed": {func(w *world) {
			first := w.cfg
			w.cfg.Attempt = 2
			w.publish(githubjobs.OutcomeFailure, nil)
			w.cfg.Pull = first.Pull
		}, "did not succeed"},
		// A commit is not a result because it says so: anybody can copy the line.
		"a copy on top":     {func(w *world) { w.copyResult("reports/sneaked.md", w.cfg.Result) }, "pushed to the branch"},
		"a copy of no file": {func(w *world) { w.copyResult("", w.cfg.Result) }, "pushed to the branch"},
		"a merge of a copy": {func(w *world) { w.copyResult("reports/sneaked.md", w.cfg.Result, "main") }, "pushed to the branch"},
		"a copy in place": {func(w *world) {
			result := w.cfg.Result
			w.copyResult("reports/sneaked.md", w.sha)
			w.cfg.Result = result // else nothing tells them apart
		}, "somebody pushed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, asked := range []bool{true, false} {
				w := setup(t, allow)
				w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
				if test.meanwhile(w); !asked && name != "a copy in place" {
					w.cfg.Result, w.cfg.Pull = "", 0
				}
				w.notMerged(w.merge(), actionRequired, test.reason)
			}
		})
	}
}

// copyResult moves the job's branch to a commit that says what the result says.
func (w *world) copyResult(file string, parents ...string) {
	w.t.Helper()
	message := w.git("log", "-1", "--format=%B", w.cfg.Result)
	tree := w.cfg.Result
	if file != "" {
		w.git("update-ref", "refs/heads/copied", w.cfg.Result)
		tree = w.commit("copied", map[string]string{file: "sneaked in\n"})
	}
	args := []string{"commit-tree", "-m", message}
	for _, parent := range parents {
		args = append(args, "-p", parent)
	}
	head := w.git("rev-parse", branch)
	w.update(branch, w.git(append(args, tree+"^{tree}")...))
	if w.git("rev-parse", branch) == head {
		w.t.Fatal("the branch did not move")
	}
}

// update moves a branch as its owner may.
func (w *world) update(branch, sha string) {
	w.t.Helper()
	_, _, err := w.client.Git.UpdateRef(w.t.Context(), "alice", "reports",
		&github.Reference{Ref: github.String("refs/heads/" + branch), Object: &github.GitObject{SHA: &sha}}, true)
	must(w.t, err)
}

func TestMergeWithoutTheWordOfPublish(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeFailure, nil)
	w.cfg.Attempt = 2
	published := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.cfg.Result, w.cfg.Pull = "", 0
	if report := w.merge(); !report.Merged || report.Pull != published.Pull {
		t.Errorf("%+v", report)
	}
}

func TestMergeTakesNoPullRequestOfAnotherJob(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.cfg.Spec.ID, w.cfg.Job.ID = "other", "other"
	if report, err := Merge(t.Context(), w.cfg); err == nil || report.Merged || !strings.Contains(err.Error(), "is that of job abc, not of other") {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestMergeTellsThatTheBaseWasChanged(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	published := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.git("update-ref", "refs/heads/release", "main")
	_, _, err := w.client.PullRequests.Edit(t.Context(), "alice", "reports", published.Pull, &github.PullRequest{Base: &github.PullRequestBranch{Ref: github.String("release")}})
	must(t, err)
	report := w.merge()
	w.notMerged(report, actionRequired, "the pull request is for the branch release, the job for main")
	if strings.Contains(report.Rules, "fork") {
		t.Errorf("it speaks of a fork: %s", report.Rules)
	}
	w.cfg.Result, w.cfg.Pull = "", 0
	if report := w.merge(); report.Merged || !strings.Contains(report.Title, "no pull request into main") {
		t.Errorf("without the word of publish: %+v", report)
	}
}

// The target of a link may be a file that jobs are allowed to change.
func TestThePolicyIsARegularFile(t *testing.T) {
	t.Parallel()
	w := setup(t, "")
	w.commit("main", map[string]string{"reports/policy.yml": allow})
	index := []string{"GIT_INDEX_FILE=" + filepath.Join(t.TempDir(), "index")}
	target := filepath.Join(t.TempDir(), "target")
	must(t, os.WriteFile(target, []byte("reports/policy.yml"), 0o644))
	w.Git(index, "read-tree", "main")
	w.Git(index, "update-index", "--add", "--cacheinfo", "120000,"+w.git("hash-object", "-w", target)+",.githubjobs.yml")
	w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-p", "main", "-m", "Link", w.Git(index, "write-tree")))
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.notMerged(w.merge(), actionRequired, "githubjobs: policy_invalid -->", "not a regular file")
}

func TestMergeJudgesAgainWhenTheBaseMoves(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]string{"disabled": "merge: {enabled: false}\n", "other paths": strings.Replace(allow, "reports", "logs", 1), "invalid": "merge: ["} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow)
			w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
			var tries atomic.Int32
			w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
				if isMerge(r) && tries.Add(1) == 1 {
					w.commit("main", map[string]string{".githubjobs.yml": policy})
					rw.WriteHeader(http.StatusMethodNotAllowed)
					io.WriteString(rw, `{"message":"Base branch was modified. Review and try the merge again."}`)
					return
				}
				hub.ServeHTTP(rw, r)
			})
			if report := w.merge(); report.Merged || tries.Load() != 1 {
				t.Errorf("%d tries, %+v", tries.Load(), report)
			}
		})
	}
}

// Two jobs at once may bring names that some file systems take for one.
func TestMergeComparesNewNamesWithThoseOnTheBase(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		base   string
		reason string // empty: it is merged
	}{
		"other case":    {"reports/Daily.md", `"reports/Daily.md" "reports/daily.md"`},
		"other folder":  {"Reports/x", `"Reports" "reports"`},
		"other letters": {"reports/u\u0308.md", "how their letters are composed"},
		"other name":    {"reports/weekly.md", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow)
			w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n", "reports/\u00fc.md": ""})
			w.commit("main", map[string]string{test.base: "other\n"})
			report := w.merge()
			if test.reason != "" {
				w.notMerged(report, actionRequired, test.reason)
			} else if !report.Merged {
				t.Errorf("%+v", report)
			}
		})
	}
}

// into changes the base of the job's pull request.
func (w *world) into(pull int, base string) {
	w.t.Helper()
	_, _, err := w.client.PullRequests.Edit(w.t.Context(), "alice", "reports", pull, &github.PullRequest{Base: &github.PullRequestBranch{Ref: &base}})
	must(w.t, err)
}

// GitHub merges into the base that the pull request has at that moment.
func TestMergeAsksForTheBaseOnceMore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*world, int)
		reason string
	}{
		"another base": {func(w *world, pull int) { w.into(pull, "release") }, "the pull request is for the branch release, the job for main"},
		"a hold": {func(w *world, pull int) {
			_, _, err := w.client.Issues.AddLabelsToIssue(w.t.Context(), "alice", "reports", pull, []string{"hold"})
			must(w.t, err)
		}, "held by the label hold"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow)
			published := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
			w.git("update-ref", "refs/heads/release", "main")
			var once sync.Once
			w.cfg.Hold = func(context.Context) error { // right before the merge
				once.Do(func() { test.change(w, published.Pull) })
				return nil
			}
			report := w.merge()
			if report.Merged || !strings.Contains(report.Title, test.reason) || w.git("rev-parse", "release") != w.git("rev-parse", "main") {
				t.Errorf("%+v", report)
			}
		})
	}
}

// What comes between the last question and the merge is told as it is.
func TestMergeTellsTheBaseThatItWasMergedInto(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	published := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.git("update-ref", "refs/heads/release", "main")
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		if isMerge(r) {
			w.into(published.Pull, "release")
		}
		hub.ServeHTTP(rw, r)
	})
	report := w.merge()
	if !report.Merged || len(report.Warnings) != 1 || !strings.HasPrefix(report.Title, "Merged into release as ") || !strings.Contains(report.Title, "not into main") || report.SHA != w.git("rev-parse", "release") {
		t.Errorf("%+v", report)
	}
}
