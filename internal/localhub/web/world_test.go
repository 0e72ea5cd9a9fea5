package web

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// hostile is what somebody might put wherever text is taken.
const hostile = `<script>alert(1)</script>"'><img src=https://x.test/ onerror=alert(2)>`

// world is a hub with a bit of everything, hostile texts included.
type world struct {
	*hub
	reports, secret state.Repository
	open, conflict  state.Pull
	merged, draft   state.Pull
	failed, running state.Run
	failedJob       state.Job
	runningJob      state.Job
	check           state.CheckRun
	hook            state.Hook
}

const chart = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><script>alert(1)</script><rect width="40" height="40"/></svg>`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{hub: newHub(t)}
	w.reports, w.secret = w.repository("reports", false), w.repository("secret", true)
	w.repository("empty", false)
	w.commit(w.reports, "main", "Start the reports\n", map[string]string{
		"README.md":        "# Reports\n\nSee [daily](reports/daily.md), [root](/docs/how.md#why).\n\n![chart](reports/chart.svg)\n\n" + hostile + "\n",
		"reports/daily.md": "# Daily\n\n![chart](chart.svg) [up](../README.md)\n", "reports/chart.svg": chart, "docs/how.md": "# How\n\n## Why\n",
		"cmd/main.go": "package main\n\nfunc main() {}\n", "data.bin": "\x00\x01", "empty.txt": "", ".github/workflows/run-job.yml": "name: Run job\n",
		`odd "<b>#?%20&.txt`: hostile + "\n",
	})
	w.commit(w.secret, "main", "Start\n", map[string]string{"README.md": "# Secret\n"})
	w.jobBranch()
	w.pulls()
	w.runs()
	w.hooks()
	return w
}

func (w *world) jobBranch() {
	w.commit(w.reports, "job/1", "job: Daily report\n\nWrite it.\n\nJob-Spec: {\"v\":1,\"kind\":\"report\"}\n", nil)
	w.commit(w.reports, "job/1", "result: Daily report "+hostile+"\n\nDone.\n\nJob-Result: {\"v\":1}\nReviewed-by: "+hostile+"\n", map[string]string{
		"reports/daily.md": "# Daily\n\nTwelve commits.\n\n![chart](chart.svg) [up](../README.md)\n", "reports/new.md": "# New\n", "cmd/main.go": "-",
		"cmd/hello.go": "package main\n\nfunc main() {}\n", "data.bin": "\x00\x02",
	})
	w.commit(w.reports, "job/2", "result: Other\n", map[string]string{"README.md": "# Other\n"})
	w.commit(w.reports, "job/3", "result: Merged\n", map[string]string{"reports/three.md": "# Three\n"})
	w.commit(w.reports, "main", "Change the README\n", map[string]string{
		"README.md": "# Reports!\n\nSee [daily](reports/daily.md), [root](/docs/how.md#why).\n\n![chart](reports/chart.svg)\n\n" + hostile + "\n"})
}

func (w *world) pulls() {
	w.open = w.pull(w.reports, "job/1", "Daily report "+hostile, "Made by **a job**.\n\n"+hostile, nil)
	w.conflict = w.pull(w.reports, "job/2", "Other", "", nil)
	w.merged = w.pull(w.reports, "job/3", "Third", "x", func(p *state.Pull) {
		p.State, p.Merged, p.MergedAt, p.ClosedAt, p.MergedByID, p.MergeCommitSHA = "closed", true, noon, noon, w.bot.ID, p.HeadSHA
	})
	w.draft = w.pull(w.reports, "job/3", "Fourth", "x", func(p *state.Pull) { p.Draft = true; p.AuthorID = 999 })
	w.update(func(tx *state.Tx) {
		l := state.Label{ID: tx.Labels.NextID(), RepositoryID: w.reports.ID, Name: "hold" + hostile, Color: "d73a4a"}
		tx.Labels.Put(l)
		p := w.open
		p.Labels = []int64{l.ID}
		tx.Pulls.Put(p)
		tx.Comments.Put(state.Comment{ID: tx.Comments.NextID(), RepositoryID: w.reports.ID, PullID: p.ID, AuthorID: w.demo.ID, Body: "Why? " + hostile})
		tx.Reviews.Put(state.Review{ID: tx.Reviews.NextID(), RepositoryID: w.reports.ID, PullID: p.ID, AuthorID: w.demo.ID, State: "APPROVED"})
		w.check = state.CheckRun{ID: tx.CheckRuns.NextID(), RepositoryID: w.reports.ID, Name: "githubjobs/merge", HeadSHA: p.HeadSHA, Status: "completed",
			Conclusion: "neutral", Title: "Not merged" + hostile, Summary: "| Rule | Verdict |\n|--|--|\n| paths | `cmd/hello.go` |\n\n" + hostile}
		tx.CheckRuns.Put(w.check)
		tx.Statuses.Put(state.CommitStatus{ID: tx.Statuses.NextID(), RepositoryID: w.reports.ID, SHA: p.HeadSHA, State: "pending", Context: "outside",
			Description: hostile, TargetURL: "javascript:alert(1)", CreatorID: w.demo.ID})
	})
}

func (w *world) runs() {
	w.failed, w.failedJob = w.run(w.reports, "job/1", "Daily report "+hostile, func(run *state.Run, job *state.Job) {
		run.Conclusion, job.Conclusion, job.Steps[1].Conclusion = "failure", "failure", "failure"
		run.Attempt, job.Attempt = 2, 2
		run.Previous = []state.Attempt{{Attempt: 1, Status: "completed", Conclusion: "cancelled", StartedAt: noon, UpdatedAt: noon}}
	}, []string{"Set up job", "ready"},
		[]string{"Run " + hostile, "##[group]Run it", "echo hi", "##[endgroup]", "\x1b[31;1mred\x1b[0m " + hostile, "##[error]exit code 1"})
	w.running, w.runningJob = w.run(w.reports, "main", "Check", func(run *state.Run, job *state.Job) {
		run.Status, run.Conclusion, job.Status, job.Conclusion = "in_progress", "", "in_progress", ""
		job.CompletedAt = time.Time{}
		job.Steps[1].Status, job.Steps[1].Conclusion, job.Steps[1].LogTo = "in_progress", "", job.Steps[1].LogFrom // as stored while it runs
	}, []string{"Set up job", "ready"}, []string{"Test", "line one", "line two"})
	w.update(func(tx *state.Tx) {
		c, _ := tx.CheckRuns.Get(w.failedJob.ID)
		job := w.failedJob
		job.Summary = "### Report " + hostile
		tx.Jobs.Put(job)
		c.Annotations = []state.Annotation{{Path: ".github", StartLine: 1, Level: "failure", Message: hostile},
			{Path: "cmd/hello.go", StartLine: 3, Level: "warning", Message: "unused", Title: "vet"}}
		tx.CheckRuns.Put(c)
	})
}

func (w *world) hooks() {
	w.update(func(tx *state.Tx) {
		w.hook = state.Hook{ID: tx.Hooks.NextID(), RepositoryID: w.reports.ID, URL: "http://hook.test/?" + hostile, Events: []string{"push"}, Active: true,
			LastCode: 500}
		tx.Hooks.Put(w.hook)
		for i := range 3 {
			tx.Deliveries.Put(state.Delivery{ID: tx.Deliveries.NextID(), HookID: w.hook.ID, GUID: fmt.Sprint("guid-", i), Event: "push", Done: true,
				StatusCode: 500, Status: "Internal Server Error", Duration: time.Second, DeliveredAt: noon})
		}
	})
}

// TestCrawl follows every link from the first page, signed in and not: each leads to a page, and each page is valid, accessible and harmless.
func TestCrawl(t *testing.T) {
	t.Parallel()
	for token, least := range map[string]int{"": 60, "right": 70} {
		t.Run("token="+token, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			seen := map[string]bool{"/": true}
			for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
				a := w.get(queue[0], token)
				queue = append(queue, w.visit(t, queue[0], a, seen)...)
			}
			if len(seen) < least {
				t.Errorf("found only %d addresses: %v", len(seen), seen)
			}
		})
	}
}

// visit checks an answer and returns the addresses that it names for the first time.
func (w *world) visit(t *testing.T, from string, a answer, seen map[string]bool) (found []string) {
	if a.Code == 302 {
		found = append(found, a.Header().Get("Location"))
	} else if a.Code != 200 {
		t.Errorf("GET %s: %d", from, a.Code)
		return nil
	} else if strings.HasPrefix(a.Header().Get("Content-Type"), "text/html") {
		for _, problem := range problems(a.Body.String(), a.root) {
			t.Errorf("GET %s: %s", from, problem)
		}
		for n := range a.root.Descendants() {
			for _, key := range []string{"href", "src"} {
				address, _, _ := strings.Cut(attribute(n, key), "#")
				if strings.HasPrefix(address, "/") && !strings.HasPrefix(address, "/login") && !seen[address] {
					found = append(found, address)
				} else if strings.HasPrefix(address, "?") {
					path, _, _ := strings.Cut(from, "?")
					found = append(found, path+address)
				}
			}
		}
	}
	fresh := found[:0]
	for _, address := range found {
		if !seen[address] {
			seen[address] = true
			fresh = append(fresh, address)
		}
	}
	return fresh
}
