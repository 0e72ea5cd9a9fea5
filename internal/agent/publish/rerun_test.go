package publish

import (
	"errors"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/agent/agenthub"
)

// joined is a job whose first attempt was brought onto a base that had moved.
func joined(t *testing.T) *world {
	t.Helper()
	files := base()
	files["text"] = lines
	w := setup(t, files)
	w.task("new/file", "new\n")
	w.task("text", strings.Replace(lines, "one", "mine", 1))
	moved := w.move(map[string]string{"theirs": "theirs\n", "README.md": ""})
	_, _, err := w.publish(githubjobs.OutcomeSuccess)
	must(t, err)
	if got := w.git("log", "-1", "--format=%P", "job/abc"); got != w.cfg.JobSHA+" "+moved {
		t.Fatalf("parents %s, want %s %s", got, w.cfg.JobSHA, moved)
	}
	w.cfg.Attempt = 2
	return w
}

// Whatever becomes of a run that is run again, its pull request takes nothing back of what
// others have brought onto the base meanwhile.
func TestARunAgainTakesNothingBack(t *testing.T) {
	t.Parallel()
	const both = "A\tnew/file\nM\ttext"
	for name, c := range map[string]struct {
		again   func(*world)
		outcome githubjobs.Outcome
		changes string // of the pull request
		anew    bool   // the result stands on the job's commit again
	}{
		"a conflict":  {func(w *world) { w.move(map[string]string{"text": strings.Replace(lines, "one", "other", 1)}) }, githubjobs.OutcomeSuccess, both, true},
		"the same":    {func(w *world) {}, githubjobs.OutcomeSuccess, both, false},
		"moved again": {func(w *world) { w.move(map[string]string{"more": "more\n"}) }, githubjobs.OutcomeSuccess, both, false},
		"nothing left": {func(w *world) {
			w.task("text", lines)
			w.move(map[string]string{"new/file": "new\n"})
		}, githubjobs.OutcomeSuccess, "A\tnew/file", true},
		"no change": {func(w *world) { w.remove("new"); w.task("text", lines) }, githubjobs.OutcomeSuccess, "", true},
		"a failure": {func(w *world) {}, githubjobs.OutcomeFailure, both, false},
		"brought onto the base by the gate": {func(w *world) {
			w.move(map[string]string{"more": "more\n"})
			w.onTop("main")
		}, githubjobs.OutcomeSuccess, both, false},
		"brought onto the base, and a conflict": {func(w *world) {
			w.move(map[string]string{"more": "more\n"})
			w.onTop("main")
			w.move(map[string]string{"text": strings.Replace(lines, "one", "other", 1)})
		}, githubjobs.OutcomeSuccess, both, true},
		"on what is not on the base": {func(w *world) {
			w.git("update-ref", "refs/heads/side", w.git("commit-tree", "-p", "main", "-m", "side", "main^{tree}"))
			w.onTop("side")
			w.move(map[string]string{"more": "more\n"})
		}, githubjobs.OutcomeSuccess, both, true},
		"a base back": {func(w *world) { w.git("update-ref", "refs/heads/main", w.cfg.JobSHA+"^") }, githubjobs.OutcomeSuccess, both, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := joined(t)
			c.again(w)
			report, result, err := w.publish(c.outcome)
			must(t, err)
			if got := w.changes(); got != c.changes {
				t.Errorf("the pull request changes:\n%s\nwant\n%s", got, c.changes)
			}
			if parents := w.git("log", "-1", "--format=%P", "job/abc"); c.anew != (parents == w.cfg.JobSHA) {
				t.Errorf("parents %s, the job's commit is %s", parents, w.cfg.JobSHA)
			}
			w.fsck()
			facts, err := w.repo.Facts(t.Context(), jobID)
			must(t, err)
			if facts.Spec == nil || !slices.Equal(facts.Created, []string{w.cfg.JobSHA}) || facts.Result == nil || facts.Result.SHA != report.SHA || facts.Result.Result.Attempt != 2 || !facts.Branch.Moved {
				t.Errorf("%+v", facts)
			}
			// One more, which has its changes again, takes nothing back either.
			w.cfg.Attempt = 3
			if len(result.ChangedFiles) == 0 {
				w.task("third", "3\n")
			}
			must(t, ignore2(w.publish(githubjobs.OutcomeSuccess)))
			if got := w.changes(); strings.Contains(got, "theirs") || strings.Contains(got, "README.md") || got == "" {
				t.Errorf("then the pull request changes:\n%s", got)
			}
		})
	}
}

// onTop merges another branch into the job's, in the words of the gate.
func (w *world) onTop(other string) {
	w.t.Helper()
	head := w.git("rev-parse", "job/abc")
	tree := w.git("merge-tree", "--write-tree", head, other)
	w.git("update-ref", "refs/heads/job/abc", w.git("commit-tree", "-p", head, "-p", other, "-m", githubjobs.FormatUpdate(w.cfg.Job, "main", head), tree))
}

func ignore2[A, B any](_ A, _ B, err error) error { return err }

// A rule against forced pushes is told as the reason, and the branch keeps what it has.
func TestARunAgainWhereNoPushIsForced(t *testing.T) {
	t.Parallel()
	w := joined(t)
	first := w.git("rev-parse", "job/abc")
	w.remove("new")
	w.task("text", lines)
	hooks := t.TempDir()
	write(t, filepath.Join(hooks, "update"), "x:#!/bin/sh\ngit merge-base --is-ancestor $2 $3 || { echo 'GH013: Cannot force-push to this branch' >&2; exit 1; }\n")
	git, err := exec.LookPath("git")
	must(t, err)
	backend := &cgi.Handler{Path: git, Args: []string{"http-backend"}, Root: "/alice/reports.git", Env: []string{
		"GIT_PROJECT_ROOT=" + w.Bare, "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=alice", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=core.hooksPath", "GIT_CONFIG_VALUE_0=" + hooks,
	}}
	w.front(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery+r.URL.Path, "git-receive-pack") { // localhub runs no hooks of a repository
			backend.ServeHTTP(rw, r)
			return
		}
		w.Handler().ServeHTTP(rw, r)
	})
	_, result, err := w.publish(githubjobs.OutcomeSuccess)
	if _, ok := errors.AsType[*NotDelivered](err); !ok || result.Problem == nil || result.Problem.Reason != githubjobs.ReasonPushRefused || !strings.Contains(result.Problem.Message, "by a forced push: ") || !strings.Contains(result.Problem.Message, "GH013") {
		t.Errorf("%v, %+v", err, result.Problem)
	}
	if got := w.git("log", "-1", "--format=%P", "job/abc"); got != first || w.changes() != "A\tnew/file\nM\ttext" {
		t.Errorf("parents %s, want %s; changes %s", got, first, w.changes())
	}
}

// front puts a handler of the test's between what publishes and localhub.
func (w *world) front(handle http.HandlerFunc) {
	w.t.Helper()
	front := httptest.NewServer(handle)
	w.t.Cleanup(front.Close)
	token, err := w.CreateToken("alice", "front")
	must(w.t, err)
	w.cfg.Repo, err = hub.New(hub.Config{ServerURL: front.URL, Owner: "alice", Name: "reports", Token: token, Logger: agenthub.Quiet})
	must(w.t, err)
}

// What GitHub fails to answer once does not keep a result from the newest base.
func TestAFailureThatPassesKeepsNoResultBack(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/compare/", "/git-upload-pack"} {
		t.Run(strings.Trim(path, "/"), func(t *testing.T) {
			t.Parallel()
			w := joined(t)
			moved := w.move(map[string]string{"more": "more\n"})
			var once sync.Once
			compared := false
			w.front(func(rw http.ResponseWriter, r *http.Request) {
				compared = compared || strings.Contains(r.URL.Path, "/compare/") // the base is read after it, one request at a time
				failed := false
				if compared && strings.Contains(r.URL.Path, path) {
					once.Do(func() { failed = true })
				}
				if failed {
					http.Error(rw, "Bad Gateway", http.StatusBadGateway)
					return
				}
				w.Handler().ServeHTTP(rw, r)
			})
			must(t, ignore2(w.publish(githubjobs.OutcomeSuccess)))
			once.Do(func() { t.Error("nothing has failed") })
			if got := w.git("log", "-1", "--format=%P", "job/abc"); !strings.HasSuffix(got, " "+moved) {
				t.Errorf("parents %s, want %s as the second", got, moved)
			}
			if got := w.changes(); got != "A\tnew/file\nM\ttext" {
				t.Errorf("the pull request changes:\n%s", got)
			}
		})
	}
}
