package rest

import (
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/actions"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var jobOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/jobs", "actions/list-jobs-for-workflow-run", Read("actions"), listJobs},
	{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs", "actions/list-jobs-for-workflow-run-attempt", Read("actions"), listJobs},
	{"GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}", "actions/get-job-for-workflow-run", Read("actions"), getJob},
	{"GET", "/repos/{owner}/{repo}/actions/jobs/{job_id}/logs", "actions/download-job-logs-for-workflow-run", Read("actions"), getJobLogs},
	{"POST", "/repos/{owner}/{repo}/actions/jobs/{job_id}/rerun", "actions/re-run-job-for-workflow-run", Write("actions"), rerunJob},
}

func listJobs(c *Context) (Response, error) {
	run, err := c.findRun()
	if err != nil {
		return Response{}, err
	}
	attempt, err := c.attempt(run)
	if err != nil {
		return Response{}, err
	}
	list := []shape.Object{}
	total := 0
	c.View(func(tx *state.Tx, b shape.Builder) {
		jobs := actions.LatestJobs(tx, run.ID, attempt)
		if c.Query("filter") == "all" && c.Param("attempt_number") == "" {
			jobs = slices.Collect(tx.Jobs.Of(run.ID))
		}
		total = len(jobs)
		page := c.Page()
		from, to := page.Range(total)
		for _, job := range jobs[from:to] {
			list = append(list, b.WorkflowJob(c.Repo, run, job))
		}
		c.SetLink(page, total)
	})
	return OK(shape.Object{"total_count": total, "jobs": list}), nil
}

// findJob is the job that the address names.
func (c *Context) findJob() (job state.Job, err error) {
	id, err := c.ID("job_id")
	if err != nil {
		return job, err
	}
	c.View(func(tx *state.Tx, _ shape.Builder) { job, _ = tx.Jobs.Get(id) })
	if job.ID == 0 || job.RepositoryID != c.Repo.ID {
		return job, NotFound()
	}
	return job, nil
}

func getJob(c *Context) (Response, error) {
	job, err := c.findJob()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(tx *state.Tx, b shape.Builder) {
		run, _ := tx.Runs.Get(job.RunID)
		body = b.WorkflowJob(c.Repo, run, job)
	})
	return OK(body), nil
}

func getJobLogs(c *Context) (Response, error) {
	job, err := c.findJob()
	if err != nil {
		return Response{}, err
	}
	url, err := c.S.Actions.JobLogURL(job)
	if err != nil {
		return Response{}, actionsError(err)
	}
	return c.Redirect(url), nil
}

func rerunJob(c *Context) (Response, error) {
	job, err := c.findJob()
	if err != nil {
		return Response{}, err
	}
	if err := c.S.Actions.RerunJob(c.Context(), job.ID, c.Actor.User.ID); err != nil {
		return Response{}, actionsError(err)
	}
	return Created(shape.Object{}), nil
}
