package web

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html/atom"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.page("/demo/reports/actions")
	a.wants(t, "In progress: Check", "Failure: Daily report "+hostile, "Run job #1 · attempt 2 · push by demo", "1m 35s")
	w.page("/demo/reports/actions/workflows/run-job.yml").wants(t, "Daily report")
	w.page("/demo/reports/actions?branch=main").wants(t, "Only runs on main", "Check")
	for range 25 {
		w.run(w.reports, "main", "Again", nil)
	}
	w.page("/demo/reports/actions").wantLink(t, "Older →", "/demo/reports/actions?page=2")
	w.page("/demo/reports/actions?page=2").wants(t, "Daily report")
}

func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.page("/demo/reports/actions/runs/1")
	a.wants(t, "Failure", "Daily report "+hostile, "push by demo", "Attempt 2 of 2", "localhub-1", "Report", hostile, "vet cmd/hello.go#L3 unused")
	a.wantLink(t, "job/1", "/demo/reports/tree/job/1")
	a.wantLink(t, "Run job", "/demo/reports/blob/"+w.failed.HeadSHA+"/.github/workflows/run-job.yml")
	a.wantLink(t, "Open: #1", "/demo/reports/pull/1")
	a.wantLink(t, "Cancelled: Attempt 1", "/demo/reports/actions/runs/1/attempts/1")
	w.page("/demo/reports/actions/runs/1/attempts/1").wants(t, "Cancelled", "Attempt 1 of 2")
}

func TestLivePagesReload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]bool{
		"/demo/reports/actions": true, "/demo/reports/actions/runs/2": true, fmt.Sprintf("/demo/reports/actions/runs/2/job/%d", w.runningJob.ID): true,
		"/demo/reports/actions/runs/1": false, fmt.Sprintf("/demo/reports/actions/runs/1/job/%d", w.failedJob.ID): false, "/demo/reports": false,
	} {
		if got := strings.Contains(w.page(path).Body.String(), `<meta http-equiv="refresh" content="2">`); got != want {
			t.Errorf("%s reloads: %t, want %t", path, got, want)
		}
	}
}

func TestJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := fmt.Sprintf("/demo/reports/actions/runs/1/job/%d", w.failedJob.ID)
	a := w.page(address)
	a.wants(t, "Failure in 1m 34s on localhub-1", "Success: Set up job", "Failure: Run "+hostile, "Run it 2 echo hi", "red "+hostile, "Error: exit code 1")
	a.wantLink(t, "Plain log", address+"/logs")
	if open := opened(a); fmt.Sprint(open) != "[page-step-2]" {
		t.Errorf("open steps: %v", open)
	}
	if !strings.Contains(a.Body.String(), `<span class="ansi-bold ansi-1">red</span>`) {
		t.Error("the colour of the log is lost")
	}
	plain := w.get(address+"/logs", "")
	if got := plain.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" || plain.Body.String() != string(w.logs[w.failedJob.ID]) {
		t.Errorf("the plain log has type %q and says:\n%s", got, plain.Body)
	}
	running := w.page(fmt.Sprintf("/demo/reports/actions/runs/2/job/%d", w.runningJob.ID))
	running.wants(t, "In progress: Test", "1 line one 2 line two")
	if open := opened(running); fmt.Sprint(open) != "[page-step-2]" {
		t.Errorf("open steps: %v", open)
	}
}

// opened lists the steps that are unfolded.
func opened(a answer) (ids []string) {
	for n := range a.root.Descendants() {
		if n.DataAtom != atom.Details {
			continue
		}
		for _, attr := range n.Attr {
			if attr.Key == "open" {
				ids = append(ids, attribute(n, "id"))
			}
		}
	}
	return ids
}

// TestInterruptedStepHasEnded: the state may hold steps that were interrupted and have no time of their end.
func TestInterruptedStepHasEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	job := w.failedJob
	job.Steps = slices.Clone(job.Steps)
	job.Steps[1].CompletedAt = time.Time{}
	job.Steps[1].StartedAt = job.CompletedAt.Add(-6 * time.Second)
	w.update(func(tx *state.Tx) { tx.Jobs.Put(job) })
	w.now = w.now.Add(time.Hour)
	w.page(fmt.Sprintf("/demo/reports/actions/runs/1/job/%d", job.ID)).wants(t, hostile+" 6s")
}

func TestJobWithoutLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	delete(w.logs, w.failedJob.ID)
	address := fmt.Sprintf("/demo/reports/actions/runs/1/job/%d", w.failedJob.ID)
	w.page(address).wants(t, "No output.")
	if a := w.get(address+"/logs", ""); a.Code != 404 {
		t.Errorf("the log of a job without one: %d", a.Code)
	}
}

func TestLongLogIsCapped(t *testing.T) {
	t.Parallel()
	job := state.Job{Steps: []state.Step{{Status: "completed", LogTo: 10_000}, {Status: "completed", LogFrom: 10_000, LogTo: 10_001}}}
	var log strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&log, "2026-03-05T11:40:00.1234567Z line %d\n", i+1)
	}
	log.WriteString("2026-03-05T11:40:00.1234567Z " + strings.Repeat("x", 1<<20) + "\n")
	logs := stepLogs(job, []byte(log.String()))
	lines := logs[0].Blocks[0].Lines
	if logs[0].Lines != 10_000 || logs[0].Left != 8_000 || len(lines) != maxLogLines || lines[0].Number != 8_001 || lines[0].HTML != "line 8001" {
		t.Errorf("%d lines, %d left out, %d shown from %v", logs[0].Lines, logs[0].Left, len(lines), lines[0])
	}
	if long := logs[1].Blocks[0].Lines[0].HTML; len(long) > maxLogLine+10 || !strings.HasSuffix(string(long), " …") {
		t.Errorf("a line of 1 MB is shown with %d bytes", len(long))
	}
}

func TestANSI(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain <b>":                       "plain &lt;b&gt;",
		"\x1b[32mok\x1b[0m.":              `<span class="ansi-2">ok</span>.`,
		"\x1b[1;91mbad\x1b[22;39m x":      `<span class="ansi-bold ansi-1">bad</span> x`,
		"\x1b[38;5;196mred\x1b[m":         "red",
		"\x1b[2K\x1b[1Gprogress":          "progress",
		"\x1b]0;title\adone":              "done",
		"\x1b]8;;http://x\x1b\\link":      "link",
		"\x1b[31":                         "",
		"\x1b":                            "",
		"a\x00\x08\rb\tc":                 "ab\tc",
		"bad \xff utf-8":                  "bad \uFFFD utf-8",
		"\x1b[31m<script>\x1b[0m":         `<span class="ansi-1">&lt;script&gt;</span>`,
		"\x1b[99999999999999999999mx":     "x",
		"\x1b[31\"onmouseover=alert(1)mx": `nmouseover=alert(1)mx`,
	} {
		if got := string(ansi(in)); got != want {
			t.Errorf("%q → %q, want %q", in, got, want)
		}
	}
}

func TestAnswersOnlyReading(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := h.get("/", "")
	for header, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Content-Security-Policy": policy, "Referrer-Policy": "same-origin"} {
		if got := a.Header().Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
}

func TestBadge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, want := range map[string]string{"": "Run job: no status", "?branch=job/1": "Run job: failure"} {
		a := w.get("/demo/reports/actions/workflows/run-job.yml/badge.svg"+query, "")
		if a.Code != 200 || a.Header().Get("Content-Type") != "image/svg+xml" || !strings.Contains(a.Body.String(), want) {
			t.Errorf("badge%s: %d, %s, want %q", query, a.Code, a.Body, want)
		}
	}
}
