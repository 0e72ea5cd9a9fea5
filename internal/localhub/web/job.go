package web

import "github.com/githubjobs/githubjobs/internal/localhub/state"

// jobPage is the data of a job's page.
type jobPage struct {
	state.Job
	Outcome  string
	Run      runItem
	RunURL   string // in the job's attempt
	LogURL   string // plain text; empty: there is no log
	Steps    []stepItem
	Siblings []jobItem // all jobs of the same attempt
}

type stepItem struct {
	state.Step
	Outcome string
	Open    bool
	Log     stepLog
}

func showJob(q *request) error {
	job, page, err := q.job()
	if err != nil {
		return err
	}
	log, err := q.site.JobLog(job)
	if err != nil {
		return err
	}
	if len(log) > 0 {
		page.LogURL = q.jobURL(job) + "/logs"
	}
	logs := stepLogs(job, log)
	for i, step := range job.Steps {
		item := stepItem{Step: step, Outcome: outcome(step.Status, step.Conclusion), Log: logs[i]}
		if step.Status == "completed" && step.CompletedAt.IsZero() { // interrupted: it ended with its job at the latest
			item.CompletedAt = job.CompletedAt
		}
		item.Open = item.Outcome == "failure" || item.Outcome == "in_progress"
		page.Steps = append(page.Steps, item)
	}
	return q.showLive("job", job.Name+" · "+page.Run.Title, page, job.Status != "completed")
}

// job finds the job that the address names.
func (q *request) job() (job state.Job, page jobPage, err error) {
	run, id := q.number("run"), q.number("job")
	q.site.DB.View(func(tx *state.Tx) {
		job, _ = tx.Jobs.Get(id)
		r, _ := tx.Runs.Get(run)
		if job.ID == 0 || job.RunID != run || r.RepositoryID != q.repo.ID {
			err = errNotFound
			return
		}
		page = jobPage{Job: job, Outcome: outcome(job.Status, job.Conclusion), Run: q.runItem(tx, r), RunURL: q.link("actions/runs", itoa(run))}
		if job.Attempt != r.Attempt {
			page.RunURL = q.attemptURL(run, job.Attempt)
		}
		for j := range tx.Jobs.Of(run) {
			if j.Attempt == job.Attempt {
				page.Siblings = append(page.Siblings, jobItem{j, outcome(j.Status, j.Conclusion), q.jobURL(j)})
			}
		}
	})
	return job, page, err
}

// serveLog serves the log of a job as it is.
func serveLog(q *request) error {
	job, _, err := q.job()
	if err != nil {
		return err
	}
	log, err := q.site.JobLog(job)
	if err != nil {
		return err
	}
	if log == nil {
		return errNotFound
	}
	q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	q.w.Header().Set("Content-Security-Policy", rawPolicy)
	q.w.Write(log) // an error means that the client has gone
	return nil
}
