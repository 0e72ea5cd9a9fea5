package web

import (
	"fmt"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestPulls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.page("/demo/reports/pulls")
	a.wants(t, "3 Open", "1 Closed", "Daily report "+hostile, "#1 opened 30 minutes ago by github-actions[bot]", "Draft: Fourth")
	w.page("/demo/reports/pulls?state=closed").wants(t, "Merged: Third", "was merged now")
	for i := range 31 {
		w.pull(w.reports, "job/1", fmt.Sprint("More ", i), "", nil)
	}
	w.page("/demo/reports/pulls").wantLink(t, "Older →", "/demo/reports/pulls?page=2")
	w.page("/demo/reports/pulls?page=2").wants(t, "Daily report", "Page 2")
}

func TestPull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.page("/demo/reports/pull/1")
	a.wants(t, "Daily report "+hostile, "Open", "github-actions[bot] wants to merge 2 commits into main from job/1", "Made by a job .", "demo commented",
		"demo approved these changes", "hold"+hostile, "Checks", "githubjobs/merge", "Not merged"+hostile, "Rule Verdict paths cmd/hello.go", "Files changed 4",
		"No conflicts with main", "1 of 3 checks failed", "Pending: outside")
	a.wantLink(t, "job/1", "/demo/reports/tree/job/1")
	a.wantLink(t, "job", "/demo/reports/actions/runs/1/job/2")
	if strings.Contains(a.Body.String(), `http-equiv="refresh"`) {
		t.Error("the page reloads itself")
	}
	w.page("/demo/reports/pull/2").wants(t, "This branch has conflicts with main", "README.md", "No description.")
	w.page("/demo/reports/pull/3").wants(t, "Merged", "github-actions[bot] merged 1 commit into main from job/3")
	w.page("/demo/reports/pull/4").wants(t, "Draft", "ghost", "Drafts can't be merged")
}

func TestWhatChecksSay(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		outcomes []string
		want     string
	}{
		{nil, "There are no checks"},
		{[]string{"success", "neutral"}, "All checks have passed"},
		{[]string{"action_required"}, "1 of 1 check asks for somebody to act"},
		{[]string{"in_progress", "action_required"}, "1 of 2 checks asks"},
		{[]string{"queued", "in_progress"}, "2 of 2 checks not finished yet"},
		{[]string{"queued", "timed_out"}, "1 of 2 checks failed"},
	} {
		var checks []checkItem
		for _, o := range test.outcomes {
			checks = append(checks, checkItem{Outcome: o})
		}
		if got := mergeable(state.Pull{BaseRef: "main"}, checks).Text; !strings.Contains(got, test.want) {
			t.Errorf("%v: %q, want %q", test.outcomes, got, test.want)
		}
	}
}

// TestNoCharacterTurnsText: a title or a line of code must not look like another.
func TestNoCharacterTurnsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const turned = "re\u202eport\u2066s\x1b[1m"
	w.commit(w.reports, "job/9", turned, map[string]string{"turned.go": "// " + turned + "\n"})
	p := w.pull(w.reports, "job/9", turned, turned, nil)
	for _, path := range []string{fmt.Sprintf("/demo/reports/pull/%d", p.Number), fmt.Sprintf("/demo/reports/pull/%d/files", p.Number), "/demo/reports/pulls",
		"/demo/reports/commits/job/9", "/demo/reports/blob/job/9/turned.go"} {
		a := w.page(path)
		a.wants(t, "re\uFFFDport\uFFFDs\uFFFD[1m")
		if strings.ContainsAny(a.Body.String(), "\u202e\u2066\x1b") {
			t.Errorf("%s turns text", path)
		}
	}
	if raw := w.get("/demo/reports/raw/job/9/turned.go", "").Body.String(); !strings.Contains(raw, turned) {
		t.Errorf("the file itself is changed: %q", raw)
	}
}

func TestPullOfDeletedBranch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.bare(w.reports).DeleteRef(t.Context(), "refs/heads/job/1", ""))
	a := w.page("/demo/reports/pull/1")
	a.wants(t, "from job/1")
	if got := a.links("job/1"); len(got) != 0 {
		t.Errorf("a deleted branch is linked: %q", got)
	}
	w.page("/demo/reports/pull/1/files").wants(t, "+ # New")
}

func TestPullFilesAndCommits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files := w.page("/demo/reports/pull/1/files")
	files.wants(t, "Showing 4 changed files with 3 additions and 0 deletions", "cmd/main.go → cmd/hello.go", "File renamed without changes.", "+ Twelve commits.",
		"@@ -1,3 +1,5 @@")
	files.wantLink(t, "reports/new.md", "/demo/reports/blob/"+w.open.HeadSHA+"/reports/new.md")
	w.page("/demo/reports/pull/1/commits").wants(t, "job: Daily report", "result: Daily report "+hostile)
	plain := w.get("/demo/reports/pull/1.diff", "")
	if got := plain.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("content type %q", got)
	}
	for _, want := range []string{"diff --git a/cmd/main.go b/cmd/hello.go\nrename from cmd/main.go\nrename to cmd/hello.go\n",
		"diff --git a/reports/new.md b/reports/new.md\nnew file mode 100644\n--- /dev/null\n+++ b/reports/new.md\n@@ -0,0 +1 @@\n+# New\n"} {
		if !strings.Contains(plain.Body.String(), want) {
			t.Errorf("the diff lacks %q:\n%s", want, plain.Body)
		}
	}
	if compared := w.get("/demo/reports/compare/main...job/1.diff", "").Body.String(); compared != plain.Body.String() {
		t.Errorf("the diff of the comparison is another:\n%s", compared)
	}
}

func TestDiffIsCapped(t *testing.T) {
	t.Parallel()
	many := make([]gitrepo.FileChange, maxDiffFiles+5)
	for i := range many {
		many[i] = gitrepo.FileChange{Path: fmt.Sprint(i), Status: "added", Patch: "@@ -0,0 +1,50 @@" + strings.Repeat("\n+x", 50), Additions: 50}
	}
	many[0].Patch += strings.Repeat("\n+x", maxDiffFileLines)
	d := newDiff(many)
	if d.Total != maxDiffFiles+5 || len(d.Files) != maxDiffFiles || d.Additions != 50*len(many) || !strings.Contains(d.Note, "first 300 of 305") {
		t.Errorf("%d of %d files, %d additions, note %q", len(d.Files), d.Total, d.Additions, d.Note)
	}
	lines := 0
	for _, f := range d.Files {
		lines += len(f.Rows)
		if len(f.Rows) == 0 && f.Note == "" {
			t.Errorf("%s has neither rows nor a note", f.Path)
		}
	}
	if len(d.Files[0].Rows) != 0 || len(d.Files[1].Rows) != 51 || lines > maxDiffLines {
		t.Errorf("%d, %d rows, %d in all", len(d.Files[0].Rows), len(d.Files[1].Rows), lines)
	}
}

func TestDiffRows(t *testing.T) {
	t.Parallel()
	got, note := rows(gitrepo.FileChange{Patch: "@@ -3,2 +3,2 @@ func f() {\n same\n-old\n+new\n\\ No newline at end of file"}, 100)
	want := []diffRow{{"hunk", 0, 0, "@@ -3,2 +3,2 @@ func f() {"}, {"same", 3, 3, "same"}, {"del", 4, 0, "old"}, {"add", 0, 4, "new"},
		{"hunk", 0, 0, "No newline at end of file"}}
	if note != "" || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("rows %v, note %q, want %v", got, note, want)
	}
}

func TestHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := fmt.Sprintf("/demo/reports/settings/hooks/%d", w.hook.ID)
	if a := w.get(address, ""); a.Code != 404 {
		t.Errorf("without credentials: %d", a.Code)
	}
	a := w.get(address, "right")
	a.wants(t, "http://hook.test/?"+hostile, "guid-2", "500 Internal Server Error")
	if strings.Index(text(a.root), "guid-2") > strings.Index(text(a.root), "guid-0") {
		t.Error("the newest delivery is not the first")
	}
	w.get("/demo/reports/settings/hooks", "right").wants(t, "Failure: http://hook.test/")
}

func TestPrivateRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{"/demo/secret", "/demo/secret/raw/main/README.md", "/demo/secret/pulls"} {
		if a := w.get(path, ""); a.Code != 404 || strings.Contains(a.Body.String(), "# Secret") {
			t.Errorf("GET %s without credentials: %d", path, a.Code)
		}
		if a := w.get(path, "right"); a.Code != 200 {
			t.Errorf("GET %s with a token: %d", path, a.Code)
		}
		if a := w.get(path, "wrong"); a.Code != 401 || a.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("GET %s with a wrong token: %d", path, a.Code)
		}
	}
	for token, want := range map[string]bool{"": false, "right": true} {
		if got := strings.Contains(text(w.get("/", token).root), "demo/secret"); got != want {
			t.Errorf("token %q: listed %t", token, got)
		}
	}
	if a := w.get("/login", ""); a.Code != 401 || !strings.HasPrefix(a.Header().Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("/login: %d, %q", a.Code, a.Header().Get("WWW-Authenticate"))
	}
}

func TestStatusAndCheckStates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.page(fmt.Sprintf("/demo/reports/runs/%d", w.check.ID)).wants(t, "Neutral", "githubjobs/merge", "Not merged"+hostile, "cmd/hello.go")
	w.update(func(tx *state.Tx) {
		c := w.check
		c.Status, c.Conclusion = "in_progress", ""
		tx.CheckRuns.Put(c)
	})
	if a := w.page(fmt.Sprintf("/demo/reports/runs/%d", w.check.ID)); !strings.Contains(a.Body.String(), `http-equiv="refresh" content="2"`) {
		t.Error("a check in progress does not reload")
	}
}
