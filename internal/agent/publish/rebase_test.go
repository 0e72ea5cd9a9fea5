package publish

import (
	"fmt"
	"maps"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// move changes main as somebody else does while the task is at work: name → content, and
// nothing for what is removed.
func (w *world) move(files map[string]string) (sha string) {
	w.t.Helper()
	index := filepath.Join(w.t.TempDir(), "index")
	run := func(args ...string) string { return w.Git([]string{"GIT_INDEX_FILE=" + index}, args...) }
	run("read-tree", "main")
	dir := w.t.TempDir()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if files[name] == "" {
			run("rm", "-q", "-r", "--cached", name)
			continue
		}
		write(w.t, filepath.Join(dir, name), files[name])
		run("update-index", "--add", "--cacheinfo", "100644,"+run("hash-object", "-w", filepath.Join(dir, name))+","+name)
	}
	sha = run("commit-tree", "-p", "main", "-m", "Meanwhile", run("write-tree"))
	run("update-ref", "refs/heads/main", sha)
	return sha
}

const lines = "one\ntwo\nthree\nfour\nfive\n"

// The result stands on the newest base; what both sides have done is in it.
func TestPublishBringsTheResultOntoTheNewestBase(t *testing.T) {
	t.Parallel()
	files := base()
	files["text"], files["gone/a"], files["x/was"] = lines, "a\n", "was\n"
	w := setup(t, files)
	w.task("text", strings.Replace(lines, "one", "ONE", 1))
	w.task("new/file", "new\n")
	w.task("same", "same\n")
	w.remove("gone")
	w.remove("x/was")
	w.task("x/was/now", "a folder\n")
	// What a task leaves for git has no say in the merge.
	w.task(".git/config", "[merge]\n\tconflictstyle = evil\n")
	w.task(".git/info/attributes", "* merge=evil\n")
	moved := w.move(map[string]string{"text": strings.Replace(lines, "five", "FIVE", 1), "theirs": "theirs\n", "same": "same\n", "README.md": "", ".gitattributes": "* merge=union\n"})
	report, result, err := w.publish(githubjobs.OutcomeSuccess)
	must(t, err)
	if got := w.git("log", "-1", "--format=%P", "job/abc"); got != w.cfg.JobSHA+" "+moved {
		t.Errorf("parents %s, want %s %s", got, w.cfg.JobSHA, moved)
	}
	want := "D\tgone/a\nA\tnew/file\nM\ttext\nD\tx/was\nA\tx/was/now"
	if got := w.git("diff", "--no-renames", "--name-status", "main", "job/abc"); got != want {
		t.Errorf("against the newest base:\n%s\nwant\n%s", got, want)
	}
	if got := w.git("show", "job/abc:text"); got != "ONE\ntwo\nthree\nfour\nFIVE" {
		t.Errorf("merged %q", got)
	}
	if files := []string{"gone/a", "new/file", "text", "x/was", "x/was/now"}; !slices.Equal(result.ChangedFiles, files) || !slices.Equal(report.Changed, files) {
		t.Errorf("%v, %v", result.ChangedFiles, report.Changed)
	}
	w.fsck()
	pull, err := w.repo.Mergeable(t.Context(), report.Pull, w.cfg.Wait)
	must(t, err)
	if !pull.GetMergeable() || pull.GetChangedFiles() != 5 {
		t.Errorf("mergeable %v, %d files", pull.GetMergeable(), pull.GetChangedFiles())
	}
	// The job's facts are read past the base's commits, however many they are.
	facts, err := w.repo.Facts(t.Context(), jobID)
	must(t, err)
	if facts.Result == nil || facts.Result.SHA != report.SHA || len(facts.Created) != 1 || facts.Created[0] != w.cfg.JobSHA {
		t.Errorf("%+v", facts)
	}
	// A later attempt of the run stands on it.
	w.cfg.Attempt = 2
	again, _, err := w.publish(githubjobs.OutcomeSuccess)
	must(t, err)
	if got := w.git("log", "-1", "--format=%P", "job/abc"); got != report.SHA+" "+moved || again.Pull != report.Pull {
		t.Errorf("parents %s, pull request #%d", got, again.Pull)
	}
}

// Where both sides do not go together, the result is published as it was made.
func TestPublishLeavesConflictsToPeople(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		task func(*world)
		main map[string]string
	}{
		"the same line":         {func(w *world) { w.task("text", strings.Replace(lines, "one", "mine", 1)) }, map[string]string{"text": strings.Replace(lines, "one", "theirs", 1)}},
		"both new":              {func(w *world) { w.task("new", "mine") }, map[string]string{"new": "theirs"}},
		"changed and removed":   {func(w *world) { w.task("text", "mine") }, map[string]string{"text": ""}},
		"removed and changed":   {func(w *world) { w.remove("text") }, map[string]string{"text": lines + "six\n"}},
		"no text":               {func(w *world) { w.task("text", "a\x00b") }, map[string]string{"text": lines + "six\n"}},
		"a file for a folder":   {func(w *world) { w.task("new/file", "mine") }, map[string]string{"new": "a file"}},
		"a folder for a file":   {func(w *world) { w.task("new", "mine") }, map[string]string{"new/file": "theirs"}},
		"a folder that changed": {func(w *world) { w.remove("dir"); w.task("dir", "mine") }, map[string]string{"dir/more": "theirs"}},
		"nothing is left":       {func(w *world) { w.task("new", "same\n") }, map[string]string{"new": "same\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := base()
			files["text"] = lines
			w := setup(t, files)
			c.task(w)
			w.task("other", "mine too")
			if name == "nothing is left" {
				w.remove("other")
			}
			w.move(c.main)
			if _, _, err := w.publish(githubjobs.OutcomeSuccess); err != nil {
				t.Fatal(err)
			}
			if got := w.git("log", "-1", "--format=%P", "job/abc"); got != w.cfg.JobSHA {
				t.Errorf("parents %s, want %s", got, w.cfg.JobSHA)
			}
			w.fsck()
		})
	}
}

// A base that was replaced by another history is none to bring a result onto.
func TestPublishKeepsOffAReplacedBase(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	w.task("new", "1")
	w.git("update-ref", "refs/heads/main", w.git("commit-tree", "-m", "Another beginning", "main^{tree}"))
	if _, err := Publish(t.Context(), w.cfg, githubjobs.Result{Outcome: githubjobs.OutcomeSuccess}); err != nil {
		t.Log(err) // GitHub opens no pull request between histories that have nothing in common
	}
	if got := w.git("log", "-1", "--format=%P", "job/abc"); got != w.cfg.JobSHA {
		t.Errorf("parents %s, want %s", got, w.cfg.JobSHA)
	}
}

func TestMergeTextHasNoConfiguration(t *testing.T) {
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "merge.conflictStyle")
	t.Setenv("GIT_CONFIG_VALUE_0", "no such style")
	merged, clean, err := mergeText(t.Context(), []byte("a\nb\nc\nD\n"), []byte("a\nb\nc\nd\n"), []byte("A\nb\nc\nd\n"))
	if err != nil || !clean || string(merged) != "A\nb\nc\nD\n" {
		t.Errorf("%q, %v, %v", merged, clean, err)
	}
	if _, clean, err := mergeText(t.Context(), []byte("x\n"), []byte("y\n"), []byte("z\n")); clean || err != nil {
		t.Errorf("a conflict is %v, %v", clean, err)
	}
	if _, clean, err := mergeText(t.Context(), []byte("x\x00\n"), []byte("y\x00\n"), []byte("y\x00z\n")); clean || err != nil {
		t.Errorf("what is no text is %v, %v", clean, err)
	}
}

// grow adds commits to main that change nothing, newer than all others.
func (w *world) grow(n int) {
	w.t.Helper()
	var stream strings.Builder
	from := w.git("rev-parse", "main")
	for i := range n {
		fmt.Fprintf(&stream, "commit refs/heads/main\ncommitter Bob <bob@example.com> %d +0000\ndata 4\nMore", time.Now().Unix()+int64(i))
		if i == 0 {
			fmt.Fprintf(&stream, "\nfrom %s", from)
		}
		stream.WriteString("\n\n")
	}
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stdin = w.Bare, strings.NewReader(stream.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("git fast-import: %v\n%s", err, out)
	}
}

// The creation is found below results that stand on bases with hundreds of commits, and
// below those that stand on such a result.
func TestHistoryBelowALargeBase(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	w.task("new", "1")
	for attempt, outcome := range []githubjobs.Outcome{githubjobs.OutcomeSuccess, githubjobs.OutcomeFailure, githubjobs.OutcomeSuccess, githubjobs.OutcomeFailure} {
		w.cfg.Attempt = attempt + 1
		if outcome == githubjobs.OutcomeSuccess {
			w.grow(120)
			w.move(map[string]string{"theirs": fmt.Sprint(attempt)})
		}
		report, _, err := w.publish(outcome)
		must(t, err)
		if parents := strings.Fields(w.git("log", "-1", "--format=%P", "job/abc")); (len(parents) == 2) != (outcome == githubjobs.OutcomeSuccess) {
			t.Fatalf("attempt %d: parents %v", w.cfg.Attempt, parents)
		}
		w.ResetRequests()
		facts, err := w.repo.Facts(t.Context(), jobID)
		must(t, err)
		if facts.Spec == nil || len(facts.Created) != 1 || facts.Created[0] != w.cfg.JobSHA || facts.Result == nil || facts.Result.SHA != report.SHA {
			t.Errorf("attempt %d: %+v", w.cfg.Attempt, facts)
		}
		if n := w.CountRequests(localhub.RequestGit); n != 0 {
			t.Errorf("attempt %d: %d git requests", w.cfg.Attempt, n)
		}
	}
}
