package publish

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

func base() map[string]string {
	return map[string]string{
		"README.md": "read me\n", "run.sh": "x:echo\n", "link": "->README.md", "dir/a.txt": "a\n", "dir/deep/b.txt": "b\n",
		".gitignore": "*.log\n/out/\n", "kept.log": "tracked though ignored\n", ".gitattributes": "*.txt text eol=crlf\n",
		".github/workflows/run-job.yml": "on: push\n", "Makefile": "all:\n",
	}
}

func TestPublishBringsTheChangesToAPullRequest(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	w.task("reports/daily.md", "# Daily\n")
	w.task("README.md", "changed\n")
	w.task("run.sh", "echo\n") // only the mode changes
	w.task("new.sh", "x:run\n")
	w.remove("dir/deep")
	w.remove("link")
	w.task("link", "->dir/a.txt")
	w.task("noise.log", "ignored")
	w.task("out/built", "ignored")
	w.task("kept.log", "changed though ignored\n")
	w.task("sub/.git/config", "[core] hooksPath = /evil")
	w.task("sub/file", "plain\n")
	w.task("vendor/sub/inside", "not ours")
	w.task(".git/hooks/pre-push", "x:exit 1")
	w.task(".git/config", "[core]\n\tfsmonitor = touch /tmp/evil\n")
	w.ResetRequests()
	report, result, err := w.publish(githubjobs.OutcomeSuccess)
	if err != nil {
		t.Fatal(err)
	}
	want := "M\tREADME.md\nD\tdir/deep/b.txt\nM\tkept.log\nM\tlink\nA\tnew.sh\nA\treports/daily.md\nM\trun.sh\nA\tsub/file"
	if got := w.changes(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	files := []string{"README.md", "dir/deep/b.txt", "kept.log", "link", "new.sh", "reports/daily.md", "run.sh", "sub/file"}
	if !slices.Equal(result.ChangedFiles, files) || !slices.Equal(report.Changed, files) || result.FilesTotal != len(files) {
		t.Errorf("changed files %v, report %v", result.ChangedFiles, report.Changed)
	}
	if result.ID != jobID || result.RunID != 7 || result.Attempt != 1 || result.Log != "line 1\nline 2" || result.Problem != nil {
		t.Errorf("%+v", result)
	}
	if modes := w.git("ls-tree", "-r", "--format=%(objectmode) %(path)", "job/abc", "new.sh", "run.sh", "link", "vendor/sub"); modes !=
		"120000 link\n100755 new.sh\n100644 run.sh\n160000 vendor/sub" {
		t.Errorf("modes:\n%s", modes)
	}
	if head := w.git("rev-parse", "job/abc"); head != report.SHA || w.git("rev-parse", "job/abc^") != w.cfg.JobSHA {
		t.Errorf("head %s, report %s", head, report.SHA)
	}
	w.fsck()
	if n, all := w.CountRequests(localhub.RequestGit), len(w.Requests()); n != 4 || all != 5 {
		t.Errorf("%d git requests of %d, want 4 of 5", n, all)
	}
	pull, err := w.repo.Pull(t.Context(), report.Pull)
	if err != nil {
		t.Fatal(err)
	}
	if pull.GetHTMLURL() != report.PullURL || pull.GetBase().GetRef() != "main" || pull.GetHead().GetSHA() != report.SHA || pull.GetChangedFiles() != len(files) {
		t.Errorf("%+v", pull)
	}
	if title := pull.GetTitle(); title != githubjobs.Defuse(spec().Title) || strings.Contains(title, "#12") || strings.Contains(title, "@bob") {
		t.Errorf("title %q", title)
	}
	for _, part := range []string{"Wrote **one** file", "| added | `reports/daily.md` | 8 B |", "| changed | `README.md` | 8 B |", "| removed | `dir/deep/b.txt` |  |", w.cfg.RunURL, "`abc`", "line 2"} {
		if !strings.Contains(pull.GetBody(), part) {
			t.Errorf("the body lacks %q:\n%s", part, pull.GetBody())
		}
	}
}

func TestPublishWithoutChanges(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	w.task("some.log", "ignored")
	for _, outcome := range githubjobs.Outcomes() {
		if outcome != githubjobs.OutcomeSuccess {
			w.task("half-done", string(outcome)) // a failed task's changes are not published
		}
		report, result, err := w.publish(outcome)
		if err != nil || report.Pull != 0 || result.Outcome != outcome || result.FilesTotal != 0 {
			t.Errorf("%s: %+v, %+v, %v", outcome, report, result, err)
		}
		if got := w.changes(); got != "" {
			t.Errorf("%s: %s", outcome, got)
		}
	}
}

func TestPublishFoldersThatBecomeFilesAndBack(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	w.remove("dir")
	w.task("dir", "a file now\n")
	w.remove("Makefile")
	w.task("Makefile/part.mk", "a folder now\n")
	// Git takes .gitmodules for what it is in the root alone: below, it is a file such as vendored repositories have.
	w.task("Makefile/.gitmodules", "[submodule \"x\"]\n\tpath = x\n\turl = https://example.com/x.git\n")
	_, result, err := w.publish(githubjobs.OutcomeSuccess)
	if err != nil {
		t.Fatal(err)
	}
	want := "D\tMakefile\nA\tMakefile/.gitmodules\nA\tMakefile/part.mk\nA\tdir\nD\tdir/a.txt\nD\tdir/deep/b.txt"
	if got := w.changes(); got != want {
		t.Errorf("got\n%s", got)
	}
	if result.FilesTotal != 6 {
		t.Errorf("%v", result.ChangedFiles)
	}
	w.fsck()
}

func TestPublishRefusesWhatNoJobMayChange(t *testing.T) {
	t.Parallel()
	pipe := func(w *world) { must(w.t, syscall.Mkfifo(filepath.Join(w.cfg.Tree, "pipe"), 0o644)) }
	for name, test := range map[string]struct {
		do   func(*world)
		path string
		why  string
	}{
		"workflow":          {func(w *world) { w.task(".github/workflows/run-job.yml", "on: evil") }, ".github/workflows/run-job.yml", ".github/"},
		"new workflow":      {func(w *world) { w.task(".github/workflows/evil.yml", "on: push") }, ".github/workflows/evil.yml", ".github/"},
		"workflow removed":  {func(w *world) { w.remove(".github") }, ".github/workflows/run-job.yml", ".github/"},
		".github replaced":  {func(w *world) { w.remove(".github"); w.task(".github", "->dir") }, ".github", ".github/"},
		".GitHub":           {func(w *world) { w.task(".GitHub/x", "") }, ".GitHub/x", ".github/"},
		"absolute link":     {func(w *world) { w.task("l", "->/etc/passwd") }, "l", "leads out"},
		"climbing link":     {func(w *world) { w.task("dir/l", "->../../x") }, "dir/l", "leads out"},
		"roundabout link":   {func(w *world) { w.task("l", "->dir/../../x") }, "l", "climbs up"},
		"link into .git":    {func(w *world) { w.task("l", "->dir/.GIT/config") }, "l", "into .git"},
		"submodules":        {func(w *world) { w.task(".gitmodules", "[submodule \"x\"]") }, ".gitmodules", "submodules"},
		"hfs gitmodules":    {func(w *world) { w.task(".Git\u200cmodules", "") }, ".Git\u200cmodules", "submodules"},
		"linked gitmodules": {func(w *world) { w.task(".gitmodules", "->README.md") }, ".gitmodules", "symbolic link"},
		"pipe":              {pipe, "pipe", "neither a file"},
		".GIT":              {func(w *world) { w.task(".GIT/config", "") }, ".GIT/config", "taken for .git"},
		"ntfs name":         {func(w *world) { w.task("dir/git~1", "") }, "dir/git~1", "taken for .git"},
		"ntfs stream":       {func(w *world) { w.task(".git::$INDEX_ALLOCATION", "") }, ".git::$INDEX_ALLOCATION", "taken for .git"},
		"hfs name":          {func(w *world) { w.task(".g\u200cit", "") }, ".g\u200cit", "taken for .git"},
		"backslash":         {func(w *world) { w.task(`x\.git\config`, "") }, `x\.git\config`, "taken for .git"},
		"control character": {func(w *world) { w.task("a\nb", "") }, "a\nb", "control characters"},
		"right to left":     {func(w *world) { w.task("a\u202eb", "") }, "a\u202eb", "control characters"},
		"invalid UTF-8":     {func(w *world) { w.task("a\xffb", "") }, "a\xffb", "UTF-8"},
		"case":              {func(w *world) { w.task("readme.MD", "") }, "readme.MD", "only in case"},
		"case of a folder":  {func(w *world) { w.task("Dir/c", "") }, "Dir/c", "only in case"},
		"composed letters":  {func(w *world) { w.task("n/\u00e9", ""); w.task("n/e\u0301", "") }, "n/\u00e9", "how its letters are composed"},
		"both new":          {func(w *world) { w.task("n/a", ""); w.task("n/A", "") }, "n/a", "only in case"},
		"too large":         {func(w *world) { w.cfg.MaxFileBytes = 10; w.task("large", "01234567890") }, "large", "larger than"},
		"grown too large":   {func(w *world) { w.cfg.MaxFileBytes = 10; w.task("Makefile", "01234567890") }, "Makefile", "larger than"},
		"too much":          {func(w *world) { w.cfg.MaxTotalBytes = 10; w.task("a", "0123456"); w.task("b", "6543210") }, "b", "all changes together"},
		"over a submodule":  {func(w *world) { w.remove("vendor"); w.task("vendor", "") }, "vendor", "submodule"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, base())
			w.task("fine", "fine")
			test.do(w)
			report, result, err := w.publish(githubjobs.OutcomeSuccess)
			refused, ok := errors.AsType[*NotDelivered](err)
			if !ok || result.Problem == nil || *result.Problem != refused.Problem || result.Problem.Reason != githubjobs.ReasonPolicyDenied {
				t.Fatalf("%+v, %v", result, err)
			}
			if m := result.Problem.Message; !strings.Contains(m, strconv.Quote(test.path)) || !strings.Contains(m, test.why) {
				t.Errorf("message %q lacks %q or %q", m, test.path, test.why)
			}
			if result.FilesTotal != 0 || report.Pull != 0 || w.changes() != "" {
				t.Errorf("something was published: %+v", result)
			}
		})
	}
}

func TestPublishLeavesOldOdditiesAlone(t *testing.T) {
	t.Parallel()
	files := base()
	files["readme.md"], files["outside"], files["huge"] = "differs in case", "->/etc/passwd", strings.Repeat("x", 100)
	w := setup(t, files)
	w.cfg.MaxFileBytes = 50
	w.task("fine", "fine")
	if _, result, err := w.publish(githubjobs.OutcomeSuccess); err != nil || !slices.Equal(result.ChangedFiles, []string{"fine"}) {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestPublishReadsNoFolderThatWasPutInPlaceOfTheTasks(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	elsewhere := t.TempDir()
	write(t, filepath.Join(elsewhere, "secret"), "secret")
	must(t, os.RemoveAll(w.cfg.Tree))
	must(t, os.Symlink(elsewhere, w.cfg.Tree))
	_, result, err := w.publish(githubjobs.OutcomeSuccess)
	if err != nil || result.Outcome != githubjobs.OutcomeError || !strings.Contains(result.Error, "not a folder") || w.changes() != "" {
		t.Errorf("%+v, %v", result, err)
	}
}

func TestPublishOfALaterAttemptReplacesTheEarlier(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	w.task("first", "1")
	first, _, err := w.publish(githubjobs.OutcomeSuccess)
	must(t, err)
	w.cfg.Attempt = 2
	w.task("half", "")
	_, result, err := w.publish(githubjobs.OutcomeFailure)
	if err != nil || result.Attempt != 2 || w.changes() != "A\tfirst" {
		t.Errorf("a failed attempt must leave the branch's content: %+v, %v, %q", result, err, w.changes())
	}
	w.cfg.Attempt = 3
	w.remove("first")
	w.remove("half")
	w.task("third", "3")
	third, result, err := w.publish(githubjobs.OutcomeSuccess)
	must(t, err)
	if w.changes() != "A\tthird" || !slices.Equal(result.ChangedFiles, []string{"third"}) {
		t.Errorf("changes %q, result %v", w.changes(), result.ChangedFiles)
	}
	if third.Pull != first.Pull {
		t.Errorf("pull request #%d, want the first one's #%d", third.Pull, first.Pull)
	}
	pull, err := w.repo.Pull(t.Context(), third.Pull)
	must(t, err)
	if !strings.Contains(pull.GetBody(), "`third`") || strings.Contains(pull.GetBody(), "`first`") {
		t.Errorf("the body is that of an earlier attempt: %s", pull.GetBody())
	}
	w.cfg.Attempt = 2 // a zombie of the second attempt wakes up
	if _, _, err := w.publish(githubjobs.OutcomeSuccess); !errors.Is(err, ErrBranchMoved) {
		t.Errorf("an earlier attempt published after a later one: %v", err)
	}
}

func TestPublishDoesNotBuryWhatOthersPushed(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"a person":    "Fix a typo",
		"another run": githubjobs.FormatResult("x", githubjobs.Result{ID: jobID, RunID: 8, Attempt: 1, Outcome: githubjobs.OutcomeSuccess}),
		"another job": githubjobs.FormatResult("x", githubjobs.Result{ID: "other", RunID: 7, Attempt: 1, Outcome: githubjobs.OutcomeSuccess}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, base())
			w.task("new", "1")
			pushed := w.git("commit-tree", "-p", "job/abc", "-m", message, "job/abc^{tree}")
			w.git("update-ref", "refs/heads/job/abc", pushed)
			if _, err := Publish(t.Context(), w.cfg, githubjobs.Result{Outcome: githubjobs.OutcomeSuccess}); !errors.Is(err, ErrBranchMoved) {
				t.Errorf("%v", err)
			}
			if head := w.git("rev-parse", "job/abc"); head != pushed {
				t.Errorf("the head is %s now", head)
			}
		})
	}
}

func TestPublishSaysThatTheBranchIsGone(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	w.git("update-ref", "-d", "refs/heads/job/abc")
	_, err := Publish(t.Context(), w.cfg, githubjobs.Result{Outcome: githubjobs.OutcomeSuccess})
	if !errors.Is(err, hub.ErrNotFound) || !strings.Contains(err.Error(), "job/abc is gone") {
		t.Errorf("%v", err)
	}
}

func TestPublishExplainsThatPullRequestsAreForbidden(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	app, key, err := w.CreateApp(localhub.App{Owner: "alice", Slug: "limited", Permissions: map[string]string{"contents": "write", "metadata": "read"}})
	must(t, err)
	installation, err := w.InstallApp(app.ID, "alice")
	must(t, err)
	w.cfg.Repo, err = hub.New(hub.Config{ServerURL: w.URL(), Owner: "alice", Name: "reports",
		App: &hub.App{ID: app.ID, InstallationID: installation.ID, PrivateKey: key}})
	must(t, err)
	w.task("new", "1")
	report, result, err := w.publish(githubjobs.OutcomeSuccess)
	if _, ok := errors.AsType[*NotDelivered](err); !ok || report.Problem == nil {
		t.Fatalf("%+v, %v", report, err)
	}
	if p := result.Problem; p == nil || p.Reason != githubjobs.ReasonPRForbidden || !strings.Contains(p.Message, "Allow GitHub Actions to create") {
		t.Errorf("%+v", result.Problem)
	}
	if len(result.Changes) != 1 || result.Changes[0] != (githubjobs.Change{Path: "new", Status: githubjobs.ChangeAdded, Bytes: 1}) {
		t.Errorf("whoever opens the pull request is told of %+v", result.Changes)
	}
	// The work is not lost: it stands on the branch, under two result commits.
	if w.changes() != "A\tnew" || !slices.Equal(result.ChangedFiles, []string{"new"}) || w.git("rev-parse", "job/abc~2") != w.cfg.JobSHA {
		t.Errorf("changes %q, result %+v", w.changes(), result)
	}
}
