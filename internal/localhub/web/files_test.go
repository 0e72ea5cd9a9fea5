package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestHome(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.page("/demo/reports")
	a.wants(t, "Change the README", "2 commits", "Reports!", "Reports, <b>made</b> by jobs")
	a.wantLink(t, "daily", "/demo/reports/blob/main/reports/daily.md")
	a.wantLink(t, "root", "/demo/reports/blob/main/docs/how.md#why")
	a.wantLink(t, "reports", "/demo/reports/tree/main/reports")
	a.wantLink(t, `odd "<b>#?%20&.txt`, "/demo/reports/blob/main/odd%20%22%3Cb%3E%23%3F%2520&.txt")
	for _, want := range []string{`value="http://hub.test/demo/reports.git"`, `src="/demo/reports/raw/main/reports/chart.svg"`} {
		if !strings.Contains(a.Body.String(), want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, path := range []string{"/demo/reports/tree", "/demo/reports/tree/HEAD", "/demo/reports/tree/main", "/DEMO/Reports"} {
		w.page(path).wants(t, "Change the README", "Reports!")
	}
	w.page("/demo/reports/commits").wants(t, "Start the reports")
	w.page("/demo/empty").wants(t, "This repository is empty", "git push http://hub.test/demo/empty.git main")
}

func TestRefsWithSlashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	repo := w.bare(w.reports)
	tip, err := repo.Resolve(t.Context(), "refs/heads/job/1")
	w.must(err)
	w.must(repo.CreateRef(t.Context(), "refs/tags/v1/final", tip))
	for _, ref := range []string{"job/1", "refs/heads/job/1", "v1/final", tip, tip[:8], "job%2F1"} {
		w.page("/demo/reports/blob/"+ref+"/reports/daily.md").wants(t, "Twelve commits.")
		w.page("/demo/reports/tree/"+ref+"/reports").wants(t, "new.md", "daily.md")
		w.page("/demo/reports/commits/"+ref).wants(t, "result: Daily report", "Start the reports")
		w.page("/demo/reports/commits/"+ref+"/reports/new.md").wants(t, "result: Daily report")
		if got := w.get("/demo/reports/raw/"+ref+"/reports/new.md", "").Body.String(); got != "# New\n" {
			t.Errorf("raw at %s: %q", ref, got)
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		"/nobody", "/demo/none", "/demo/none/pulls", "/demo/reports/nothing", "/demo/reports/a/b/c/d", "/demo/reports/tree/none", "/demo/reports/blob/main/none.md",
		"/demo/reports/blob/job/none/x", "/demo/reports/raw/main/none", "/demo/reports/raw/main/reports", "/demo/reports/commit/0123456789012345678901234567890123456789",
		"/demo/reports/commit/main..", "/demo/reports/commit/-1", "/demo/reports/commits/none", "/demo/reports/pull/99", "/demo/reports/pull/x",
		"/demo/reports/pull/99.diff", "/demo/reports/pull/99/files", "/demo/reports/issues/99", "/demo/reports/actions/runs/99", "/demo/reports/actions/runs/x",
		"/demo/reports/actions/runs/1/attempts/7", "/demo/reports/actions/runs/1/job/99", "/demo/reports/actions/runs/2/job/2",
		"/demo/reports/actions/workflows/none.yml/badge.svg", "/demo/reports/actions/workflows/none.yml", "/demo/reports/runs/99", "/demo/reports/compare/main...none", "/demo/reports/compare/none",
		"/demo/reports/blob/main/..%2f..%2fstate.db", "/demo/empty/tree/main", "/demo/empty/commits", "/demo/reports/settings/hooks", "/demo/secret/actions/runs/1",
		"/demo/empty/actions/runs/1", "/demo/empty/actions/runs/1/job/2/logs", "/demo/empty/pull/1", "/demo/empty/runs/1",
	} {
		a := w.get(path, "")
		if a.Code == 301 || a.Code == 302 || a.Code == 307 {
			a = w.get(a.Header().Get("Location"), "")
		}
		if a.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, a.Code)
		}
		if got := a.Header().Get("Content-Type"); got != "text/html; charset=utf-8" {
			t.Errorf("GET %s: content type %q", path, got)
		}
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"/demo/reports/":                                "/demo/reports",
		"/demo/reports.git":                             "/demo/reports",
		"/demo/reports/tree/main/README.md":             "/demo/reports/blob/main/README.md",
		"/demo/reports/blob/main/reports":               "/demo/reports/tree/main/reports",
		"/demo/reports/blob/main/README.md?raw=true":    "/demo/reports/raw/main/README.md",
		"/demo/reports/issues/1":                        "/demo/reports/pull/1",
		"/demo/reports/runs/2":                          "/demo/reports/actions/runs/1/job/2",
		"//evil.test/":                                  "/evil.test",
		"/login?return_to=/demo/secret":                 "/demo/secret",
		"/login?return_to=//evil.test/x":                "/",
		"/login?return_to=https://evil.test":            "/",
		"/login?return_to=" + url.QueryEscape(`/\evil`): "/%5Cevil",
	} {
		a := w.get(path, "right")
		if got := a.Header().Get("Location"); got != want {
			t.Errorf("GET %s: %d to %q, want %s", path, a.Code, got, want)
		}
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{
		"reports/chart.svg": "image/svg+xml", "README.md": "text/plain; charset=utf-8", "cmd/main.go": "text/plain; charset=utf-8",
		"data.bin": "application/octet-stream", "empty.txt": "text/plain; charset=utf-8", "odd%20%22%3Cb%3E%23%3F%2520&.txt": "text/plain; charset=utf-8",
	} {
		a := w.get("/demo/reports/raw/main/"+path, "")
		if got := a.Header().Get("Content-Type"); a.Code != 200 || got != want {
			t.Errorf("%s: %d, content type %q, want %q", path, a.Code, got, want)
		}
		if got := a.Header().Get("Content-Security-Policy"); !strings.Contains(got, "sandbox") || !strings.Contains(got, "default-src 'none'") {
			t.Errorf("%s: policy %q", path, got)
		}
		if got := a.Header().Get("X-Content-Type-Options"); got != "nosniff" {
			t.Errorf("%s: X-Content-Type-Options %q", path, got)
		}
	}
	if got := w.get("/demo/reports/raw/main/data.bin", "").Header().Get("Content-Disposition"); got != "attachment" {
		t.Errorf("a binary file is %q, want an attachment", got)
	}
}

func TestBlobKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.commit(w.reports, "kinds", "Kinds\n", map[string]string{"large.txt": strings.Repeat("x\n", maxText), "latin1.txt": "caf\xe9\n"})
	w.page("/demo/reports/blob/main/data.bin").wants(t, "This file is binary")
	w.page("/demo/reports/blob/main/empty.txt").wants(t, "This file is empty")
	w.page("/demo/reports/blob/kinds/large.txt").wants(t, "too large to be shown")
	w.page("/demo/reports/blob/kinds/latin1.txt").wants(t, "caf")
	w.page("/demo/reports/blob/main/odd%20%22%3Cb%3E%23%3F%2520&.txt").wants(t, `odd "<b>#?%20&.txt`, hostile)
	code := w.page("/demo/reports/blob/main/cmd/main.go")
	code.wants(t, "3 lines", "package main")
	code.wantLink(t, "3", "#L3")
	w.page("/demo/reports/blob/main/README.md?plain=1").wants(t, "# Reports!", "![chart")
	if image := w.page("/demo/reports/blob/main/reports/chart.svg").Body.String(); !strings.Contains(image, `<img src="/demo/reports/raw/main/reports/chart.svg"`) {
		t.Error("an SVG is not shown as an image")
	}
}

func TestBranches(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.page("/demo/reports/branches")
	a.wants(t, "main default", "job/1", "4 branches")
	a.wantLink(t, "job/1", "/demo/reports/tree/job/1")
	a.wantLink(t, "Open: #1", "/demo/reports/pull/1")
	found := w.page("/demo/reports/branches?q=JOB%2F2")
	found.wants(t, "1 branch", "job/2")
	if strings.Contains(text(found.root), "job/1") {
		t.Error("the search shows job/1 too")
	}
}

func TestCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.page("/demo/reports/commit/job%2F1")
	a.wants(t, "result: Daily report "+hostile, "Done.", "Job-Result { \"v\": 1 }", "Reviewed-by "+hostile, "cmd/main.go → cmd/hello.go", "renamed",
		"+ # New", "Binary file: its content is not shown", "githubjobs/merge", "3 additions")
	w.page("/demo/reports/commit/"+w.merged.BaseSHA).wants(t, "Change the README", "+ # Reports!", "- # Reports")
}

func TestCommitsArePaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 40 {
		w.commit(w.reports, "long", "One more\n", nil)
	}
	a := w.page("/demo/reports/commits/long")
	a.wantLink(t, "Older →", "/demo/reports/commits/long?page=2")
	older := w.page("/demo/reports/commits/long?page=2")
	older.wants(t, "Start the reports")
	older.wantLink(t, "← Newer", "/demo/reports/commits/long?page=1")
	if len(older.links("Older →")) != 0 {
		t.Error("the last page has an older one")
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.page("/demo/reports/compare/main...job/1").wants(t, "result: Daily report", "Showing 4 changed files")
	w.page("/demo/reports/compare/job/1").wants(t, "Showing 4 changed files")
	w.page("/demo/reports/compare/job/1...job/1").wants(t, "job/1 is up to date with all commits from job/1")
}
