package actions

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// jobContext is what the expressions of a job may ask for, before it has a token and a runner.
func (e *Engine) jobContext(live *liveRun, job workflow.Job) (out executor.Job, err error) {
	e.cfg.DB.View(func(tx *state.Tx) {
		run, ok := tx.Runs.Get(live.id)
		if !ok {
			err = ErrNotFound
			return
		}
		out = e.expressionContext(tx, run, live.file)
		out.ID, out.Name = job.ID, job.ID
		out.Needs = needs(latestJobs(tx, run.ID, run.Attempt), live.file, job)
		out.Cancelled = live.cancelled
	})
	return out, err
}

// expressionContext is the part of a job's context that all jobs of a run share.
func (e *Engine) expressionContext(tx *state.Tx, run state.Run, file *workflow.File) executor.Job {
	secrets, vars := map[string]string{}, map[string]string{}
	if repo, ok := tx.Repositories.Get(run.RepositoryID); ok {
		for s := range tx.OrganizationSecrets.Of(repo.OwnerID) {
			secrets[strings.ToUpper(s.Name)] = s.Value
		}
	}
	for s := range tx.Secrets.Of(run.RepositoryID) { // which count before those of the organisation
		secrets[strings.ToUpper(s.Name)] = s.Value
	}
	for v := range tx.Variables.Of(run.RepositoryID) {
		vars[strings.ToUpper(v.Name)] = v.Value
	}
	return executor.Job{
		Source: file.Source, Checked: true, ID: file.Jobs[0].ID, Event: run.Payload, Secrets: secrets, Vars: vars, GitHub: e.github(tx, run),
		Base: e.cfg.Env, Mark: e.mark,
	}
}

// github is the `github` context of a run.
func (e *Engine) github(tx *state.Tx, run state.Run) executor.GitHub {
	repo, _ := tx.Repositories.Get(run.RepositoryID)
	actor, _ := tx.Users.Get(run.ActorID)
	trigger, _ := tx.Users.Get(run.TriggerID)
	name, kind := refName(run.Ref)
	g := executor.GitHub{
		ServerURL: e.cfg.ServerURL, Repository: repo.FullName(), RepositoryID: strconv.FormatInt(repo.ID, 10), RepositoryOwner: repo.Owner,
		RepositoryOwnerID: strconv.FormatInt(repo.OwnerID, 10), Ref: run.Ref, RefName: name, RefType: kind, DefaultBranch: repo.DefaultBranch,
		SHA: run.HeadSHA, RunID: strconv.FormatInt(run.ID, 10), RunNumber: strconv.Itoa(run.Number), RunAttempt: strconv.Itoa(run.Attempt),
		Workflow: run.Name, WorkflowRef: fmt.Sprintf("%s/%s@%s", repo.FullName(), run.Path, run.Ref), WorkflowSHA: run.HeadSHA,
		Actor: actor.Login, ActorID: strconv.FormatInt(actor.ID, 10), TriggeringActor: trigger.Login, EventName: run.Event,
	}
	if number, ok := strings.CutPrefix(run.Ref, "refs/pull/"); ok {
		n, _ := strconv.Atoi(strings.TrimSuffix(number, "/merge"))
		for p := range tx.Pulls.Of(run.RepositoryID) {
			if p.Number == n {
				g.HeadRef, g.BaseRef = p.HeadRef, p.BaseRef
			}
		}
	}
	return g
}

// refName is the short name of a ref, and "branch" or "tag".
func refName(ref string) (name, kind string) {
	if tag, ok := strings.CutPrefix(ref, "refs/tags/"); ok {
		return tag, "tag"
	}
	if pull, ok := strings.CutPrefix(ref, "refs/pull/"); ok {
		return pull, "branch"
	}
	return strings.TrimPrefix(ref, "refs/heads/"), "branch"
}

// latestJobs are the jobs of a run up to an attempt: of each, its last execution.
func latestJobs(tx *state.Tx, runID int64, attempt int) []state.Job {
	last := map[string]int{} // key in the file → attempt
	for j := range tx.Jobs.Of(runID) {
		if j.Attempt <= attempt {
			last[j.JobID] = max(last[j.JobID], j.Attempt)
		}
	}
	var jobs []state.Job
	for j := range tx.Jobs.Of(runID) {
		if last[j.JobID] == j.Attempt {
			jobs = append(jobs, j)
		}
	}
	return jobs
}

// LatestJobs are the jobs of a run as they stood in an attempt: those that it ran, and those that it kept from earlier ones.
func LatestJobs(tx *state.Tx, runID int64, attempt int) []state.Job {
	return latestJobs(tx, runID, attempt)
}

// needs is what a job knows of those that it needs, directly or not.
func needs(jobs []state.Job, file *workflow.File, job workflow.Job) map[string]executor.Need {
	known := map[string]executor.Need{}
	var visit func(job workflow.Job)
	visit = func(job workflow.Job) {
		for _, id := range job.Needs {
			if _, seen := known[id]; !seen {
				known[id] = needOf(jobs, id)
				visit(file.Job(id))
			}
		}
	}
	visit(job)
	return known
}

// needOf sums up the jobs of one key, of which a matrix makes several.
func needOf(jobs []state.Job, key string) executor.Need {
	need := executor.Need{Result: executor.Skipped, Outputs: map[string]string{}}
	for _, j := range jobs {
		if j.JobID != key {
			continue
		}
		need.Result = worst(need.Result, outcome(j))
		maps.Copy(need.Outputs, j.Outputs)
	}
	return need
}

// outcome is a job's conclusion as it counts for others.
func outcome(j state.Job) string {
	if j.ContinueOnError && j.Conclusion == executor.Failure {
		return executor.Success
	}
	return j.Conclusion
}

// severity orders conclusions: the worst of a run's jobs is that of the run.
var severity = map[string]int{executor.Skipped: 0, executor.Success: 1, executor.Cancelled: 2, executor.Failure: 3}

func worst(a, b string) string {
	if severity[b] > severity[a] {
		return b
	}
	return a
}
