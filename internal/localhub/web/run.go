package web

import (
	"slices"
	"strconv"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// runPage is the data of a run's page, in one attempt.
type runPage struct {
	runItem
	WorkflowFile string // address of the file that was run
	File         string
	Latest       int // the newest attempt
	Attempts     []attemptItem
	Jobs         []jobItem
	Pulls        []pullItem // from the same branch, at the same commit
	Checks       []checkItem
	Rerun        string // addresses of forms; empty: not now, or not for the viewer
	Cancel       string
}

type attemptItem struct {
	Number  int
	Outcome string
	URL     string
}

type jobItem struct {
	state.Job
	Outcome, URL string
}

// showRun is a run in its newest attempt, or in the one that the address names.
func showRun(q *request) error {
	id := q.number("run")
	var run state.Run
	var page runPage
	var checks []state.CheckRun
	q.site.DB.View(func(tx *state.Tx) {
		if run, _ = tx.Runs.Get(id); run.RepositoryID != q.repo.ID {
			return
		}
		page = runPage{Latest: run.Attempt, Attempts: q.attempts(run), File: run.Path, WorkflowFile: q.link("blob", run.HeadSHA, run.Path)}
		run = q.attempt(run)
		page.runItem = q.runItem(tx, run)
		for job := range tx.Jobs.Of(run.ID) {
			if job.Attempt == run.Attempt {
				page.Jobs = append(page.Jobs, jobItem{job, outcome(job.Status, job.Conclusion), q.jobURL(job)})
				c, _ := tx.CheckRuns.Get(job.ID)
				if c.Name, c.Summary = job.Name, strings.Trim(job.Summary+"\n\n"+c.Summary, "\n"); c.Summary != "" || c.Text != "" || len(c.Annotations) > 0 {
					checks = append(checks, c)
				}
			}
		}
		for p := range tx.Pulls.Of(q.repo.ID) {
			if p.HeadRef == run.HeadBranch {
				page.Pulls = append(page.Pulls, q.pullItem(tx, p))
			}
		}
	})
	if run.RepositoryID != q.repo.ID || run.Attempt == 0 {
		return errNotFound
	}
	for _, c := range checks {
		page.Checks = append(page.Checks, q.checkItem(c))
	}
	if q.mayChange("actions") && run.Attempt == page.Latest {
		if live(run) {
			page.Cancel = q.link("actions/runs", itoa(run.ID), "cancel")
		} else {
			page.Rerun = q.link("actions/runs", itoa(run.ID), "rerun")
		}
	}
	return q.showLive("run", page.Title, page, live(run))
}

// attempts lists all attempts, the newest first; nil when there is only one.
func (q *request) attempts(run state.Run) (all []attemptItem) {
	if len(run.Previous) == 0 {
		return nil
	}
	all = append(all, attemptItem{run.Attempt, outcome(run.Status, run.Conclusion), q.link("actions/runs", itoa(run.ID))})
	for _, a := range slices.Backward(run.Previous) {
		all = append(all, attemptItem{a.Attempt, outcome(a.Status, a.Conclusion), q.attemptURL(run.ID, a.Attempt)})
	}
	return all
}

func (q *request) attemptURL(run int64, attempt int) string {
	return q.link("actions/runs", itoa(run), "attempts", strconv.Itoa(attempt))
}

// attempt is the run as it was in the attempt that the address names; its Attempt is 0 when there was none.
func (q *request) attempt(run state.Run) state.Run {
	name := q.PathValue("attempt")
	if name == "" || name == strconv.Itoa(run.Attempt) {
		return run
	}
	for _, a := range run.Previous {
		if strconv.Itoa(a.Attempt) == name {
			run.Attempt, run.Status, run.Conclusion, run.TriggerID = a.Attempt, a.Status, a.Conclusion, a.TriggerID
			run.StartedAt, run.UpdatedAt = a.StartedAt, a.UpdatedAt
			return run
		}
	}
	run.Attempt = 0
	return run
}

func (q *request) jobURL(job state.Job) string {
	return q.link("actions/runs", itoa(job.RunID), "job", itoa(job.ID))
}
