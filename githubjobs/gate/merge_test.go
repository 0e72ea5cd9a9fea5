package gate

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestMergeBringsAnAllowedResultOntoTheBase(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	published := w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.ResetRequests()
	report := w.merge()
	if !report.Merged || report.Pull != published.Pull || len(report.Warnings) != 0 || report.SHA != w.git("rev-parse", "main") {
		t.Fatalf("%+v", report)
	}
	if n := len(w.Requests()); n > 17 {
		t.Errorf("%d requests: %+v", n, w.Requests())
	}
	message := w.git("log", "-1", "--format=%B", "main")
	want := "Daily report (#1)\n\nOne report\n\nJob-Id: abc\nJob-Run: " + w.cfg.RunURL
	if message != want {
		t.Errorf("message %q, want %q", message, want)
	}
	if got := w.git("show", "--format=", "--name-status", "main"); got != "A\treports/daily.md" {
		t.Errorf("merged: %s", got)
	}
	if got := w.git("for-each-ref", "refs/heads/job"); got != "" {
		t.Errorf("the branch is still there: %s", got)
	}
	_, fact, _ := hub.GateFact(w.check(report.Pull))
	if fact.Conclusion != "success" || fact.HeadSHA != published.SHA || !strings.HasPrefix(fact.Title, "Merged into main as ") || strings.Contains(fact.Summary, "✗") {
		t.Errorf("%+v", fact)
	}
	if again := w.merge(); !again.Merged || again.SHA != report.SHA {
		t.Errorf("again: %+v", again)
	}
}

// What is removed and what stays beside has no part in the size.
func TestMergeOfTheSizeThatIsAllowed(t *testing.T) {
	t.Parallel()
	w := setup(t, allow+"  max_bytes: 1024\n")
	must(t, os.Remove(filepath.Join(w.tree, "reports/old.md")))
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/deep/er/a": strings.Repeat("a", 1000), "reports/b": strings.Repeat("b", 24)})
	if report := w.merge(); !report.Merged {
		t.Errorf("%+v", report)
	}
}

func TestMergeWithoutAPullRequest(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, nil)
	if report := w.merge(); report.Merged || report.Pull != 0 || !strings.Contains(report.Title, "no pull request") {
		t.Errorf("%+v", report)
	}
}

func TestMergeExplainsWhatThePolicyForbids(t *testing.T) {
	t.Parallel()
	changed := map[string]string{"reports/daily.md": "# Daily\n"}
	for name, test := range map[string]struct {
		policy     string
		files      map[string]string
		conclusion string
		reasons    []string // code and texts
	}{
		"no policy": {"", changed, neutral, []string{"githubjobs: policy_missing -->", "there is no .githubjobs.yml on main", "enabled: true"}},
		"disabled":  {"merge: {enabled: false}\n", changed, neutral, []string{"does not enable merging"}},
		"invalid":   {"merge: {enabeld: true}\n", changed, actionRequired, []string{"githubjobs: policy_invalid -->", "is not valid", "enabeld"}},
		"paths":     {allow, map[string]string{"reports/a": "", "src/main.go": ""}, actionRequired, []string{"githubjobs: merge_refused -->", "src/main.go", "| every path is allowed | ✗", "| something changed | ✓"}},
		"too many":  {allow + "  max_files: 1\n", map[string]string{"reports/a": "", "reports/b": ""}, actionRequired, []string{"2 files changed"}},
		"too large": {allow + "  max_bytes: 1KB\n", map[string]string{"reports/deep/a": strings.Repeat("a", 1000), "reports/b": strings.Repeat("b", 25)}, actionRequired,
			[]string{"the changed files have 1025 bytes, merge.max_bytes allows 1024"}},
		"own rules": {"merge: {enabled: false}\n", map[string]string{".githubjobs.yml": strings.Replace(allow, "reports/**", "**", 1)}, neutral, []string{"does not enable"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, test.policy)
			w.publish(githubjobs.OutcomeSuccess, test.files)
			w.notMerged(w.merge(), test.conclusion, test.reasons...)
			w.notMerged(w.merge(), test.conclusion) // and still says it once only
		})
	}
}

// push puts a commit on top of the job's branch, as a person would.
func (w *world) push() string {
	w.t.Helper()
	head := w.git("rev-parse", branch)
	content := base64File("reports/daily.md", "sneaked in\n", branch)
	answer, _, err := w.client.Repositories.CreateFile(w.t.Context(), "alice", "reports", "reports/sneaked.md", content)
	must(w.t, err)
	if answer.GetSHA() == head {
		w.t.Fatal("the branch did not move")
	}
	return answer.GetSHA()
}

func base64File(path, text, branch string) *github.RepositoryContentFileOptions {
	return &github.RepositoryContentFileOptions{Message: github.String("Change " + path), Content: []byte(text), Branch: &branch}
}

func TestMergeExplainsAConflict(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/old.md": "two\n", "reports/new.md": "new\n"})
	file := base64File("reports/old.md", "three\n", "main")
	file.SHA = github.String(w.git("rev-parse", "main:reports/old.md"))
	_, _, err := w.client.Repositories.UpdateFile(t.Context(), "alice", "reports", "reports/old.md", file)
	must(t, err)
	report := w.merge()
	w.notMerged(report, actionRequired, "reports/old.md changed on main meanwhile", "stands in pull request #1", "submit the job again",
		"- `reports/old.md`: ["+w.git("rev-parse", "--short=7", "main")+"]("+w.URL()+"/alice/reports/commit/"+w.git("rev-parse", "main")+") Change reports/old.md")
	if strings.Contains(report.Summary, "new.md") {
		t.Errorf("a file that is in no conflict is named: %s", report.Summary)
	}
}

func TestMergeMakesNoEmptyCommit(t *testing.T) {
	t.Parallel()
	result := map[string]string{"reports/daily.md": "# Daily\n", "reports/old.md": "two\n"}
	for name, test := range map[string]struct {
		meanwhile map[string]string // came onto the base
		merged    bool
	}{
		"the same":      {result, false},
		"the same more": {map[string]string{"reports/daily.md": "# Daily\n", "reports/old.md": "two\n", "other.md": "other\n"}, false},
		"a part of it":  {map[string]string{"reports/daily.md": "# Daily\n"}, true},
		"another":       {map[string]string{"other.md": "other\n"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, allow)
			w.publish(githubjobs.OutcomeSuccess, result)
			main := w.commit("main", test.meanwhile)
			report := w.merge()
			if !test.merged {
				w.notMerged(report, neutral, "main already has these changes", "Pull request #1 can be closed")
			} else if main = report.SHA; !report.Merged {
				t.Errorf("%+v", report)
			}
			if now := w.git("rev-parse", "main"); now != main {
				t.Errorf("main is at %s, want %s", now, main)
			}
		})
	}
}

// What the caller of the server reads is the title and the summary, as they are.
func TestTheReasonIsToldOnceAndInPlainText(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"too many": {map[string]string{"reports/a": "", "reports/b": ""},
			"Not merged: 2 files changed, merge.max_files allows 1.\n\nReview pull request #1 and merge it by hand, or change `.githubjobs.yml` on `main` and re-run the job."},
		"other path": {map[string]string{"main.go": ""},
			"Not merged: not among merge.paths.allow: main.go.\n\nReview pull request #1 and merge it by hand, or change `.githubjobs.yml` on `main` and re-run the job."},
		"denied": {map[string]string{"reports/key": ""},
			"Not merged: denied by merge.paths.deny: reports/key.\n\nReview pull request #1 and merge it by hand."},
		"never": {map[string]string{".githubjobs.yml": ""},
			"Not merged: never merged for a job: .githubjobs.yml.\n\nReview pull request #1 and merge it by hand."},
		"two": {map[string]string{"main_test.go": "", "reports/a": ""},
			"Not merged: 2 files changed, merge.max_files allows 1.\n\n- 2 files changed, merge.max_files allows 1\n- not among merge.paths.allow: main_test.go\n\nReview pull request #1 and merge it by hand, or change `.githubjobs.yml` on `main` and re-run the job."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, "merge:\n  enabled: true\n  max_files: 1\n  paths: {allow: ['reports/**'], deny: ['**/key']}\n")
			w.publish(githubjobs.OutcomeSuccess, test.files)
			if r := w.merge(); r.Title+"\n\n"+r.Summary != test.want {
				t.Errorf("got  %q\nwant %q", r.Title+"\n\n"+r.Summary, test.want)
			}
		})
	}
}

func isMerge(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/merge") }

func TestMergeTriesAgainWhenTheBaseMoves(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	var tries atomic.Int32
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		if isMerge(r) && tries.Add(1) <= 2 {
			rw.WriteHeader(http.StatusMethodNotAllowed)
			io.WriteString(rw, `{"message":"Base branch was modified. Review and try the merge again."}`)
			return
		}
		hub.ServeHTTP(rw, r)
	})
	if report := w.merge(); !report.Merged || tries.Load() != 3 {
		t.Errorf("%d tries, %+v", tries.Load(), report)
	}
}

func TestMergeFindsAMergeWhoseAnswerWasLost(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		if isMerge(r) {
			hub.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		hub.ServeHTTP(rw, r)
	})
	report := w.merge()
	if !report.Merged || report.SHA != w.git("rev-parse", "main") || !strings.HasPrefix(report.Title, "Merged into main") {
		t.Errorf("%+v", report)
	}
}

func TestMergeIsPinnedToTheJudgedHead(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	main := w.git("rev-parse", "main")
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		if isMerge(r) {
			w.push()
		}
		hub.ServeHTTP(rw, r)
	})
	w.notMerged(w.merge(), actionRequired, "somebody has pushed")
	if w.git("rev-parse", "main") != main {
		t.Error("the base has moved")
	}
}

// A run that was believed to be dead comes to its end after all, and finds that the job
// was attempted again meanwhile.
func TestMergeLeavesTheJobToALaterAttempt(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	submitted, err := w.repo.Submit(t.Context(), []githubjobs.Order{{Spec: w.cfg.Spec, Attempt: 2, At: time.Now()}})
	must(t, err)
	must(t, submitted[0].Err)
	w.notMerged(w.merge(), neutral, "this is attempt 1 of the job, and attempt 2 has begun", "superseded")
}

func TestMergeGivesGitHubsOwnRulesAsReason(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	must(t, w.Configure("alice", "reports", func(r *state.Repository) { r.AllowSquashMerge = false }))
	w.notMerged(w.merge(), actionRequired, "Squash merges are not allowed", "merge.method")
}

func TestAfterTheMergeNothingFailsTheStep(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.app = w.install("nochecks", map[string]string{"contents": "write", "pull_requests": "write", "metadata": "read"})
	w.behind(func(rw http.ResponseWriter, r *http.Request, hub http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
			http.Error(rw, "no", http.StatusForbidden)
			return
		}
		hub.ServeHTTP(rw, r)
	})
	if report := w.merge(); !report.Merged || len(report.Warnings) != 2 {
		t.Errorf("%+v", report)
	}
}

func TestMergeWithoutTheRightIsTrouble(t *testing.T) {
	t.Parallel()
	w := setup(t, allow)
	w.publish(githubjobs.OutcomeSuccess, map[string]string{"reports/daily.md": "# Daily\n"})
	w.cfg.Repo = w.hub(w.URL(), w.install("reader", map[string]string{"contents": "read", "pull_requests": "read", "metadata": "read"}))
	report, err := Merge(t.Context(), w.cfg)
	if err == nil || report.Merged || !strings.Contains(hub.Public(err), "permission") {
		t.Errorf("%+v, %v", report, err)
	}
}
