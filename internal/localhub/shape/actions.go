package shape

import (
	"path"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Workflow is a workflow file.
func (b Builder) Workflow(r state.Repository, w state.Workflow) Object {
	return Object{
		"id": w.ID, "node_id": NodeID("Workflow", w.ID), "name": w.Name, "path": w.Path, "state": w.State, "created_at": Time(w.CreatedAt),
		"updated_at": Time(w.UpdatedAt), "url": b.RepoAPI(r, "/actions/workflows/%d", w.ID),
		"html_url":  b.RepoHTML(r, "/blob/%s/%s", EscapePath(r.DefaultBranch), EscapePath(w.Path)),
		"badge_url": b.RepoHTML(r, "/actions/workflows/%s/badge.svg", EscapePath(path.Base(w.Path))),
	}
}

// WorkflowRun is a run in its current attempt.
func (b Builder) WorkflowRun(r state.Repository, w state.Run) Object {
	api := b.RepoAPI(r, "/actions/runs/%d", w.ID)
	suite := b.RepoAPI(r, "/check-suites/%d", w.SuiteID)
	var previous any
	if w.Attempt > 1 {
		previous = b.RepoAPI(r, "/actions/runs/%d/attempts/%d", w.ID, w.Attempt-1)
	}
	repository := b.MinimalRepository(r)
	return Object{
		"id": w.ID, "name": w.Name, "node_id": NodeID("WorkflowRun", w.ID), "head_branch": NonEmpty(w.HeadBranch), "head_sha": w.HeadSHA,
		"path": w.Path, "display_title": w.DisplayTitle, "run_number": w.Number, "run_attempt": w.Attempt, "event": w.Event,
		"status": w.Status, "conclusion": NonEmpty(w.Conclusion), "workflow_id": w.WorkflowID, "check_suite_id": w.SuiteID,
		"check_suite_node_id": NodeID("CheckSuite", w.SuiteID), "url": api, "html_url": b.RepoHTML(r, "/actions/runs/%d", w.ID),
		"pull_requests": b.PullsOfHead(r, w.HeadSHA), "created_at": Time(w.CreatedAt), "updated_at": Time(w.UpdatedAt),
		"run_started_at": Time(w.StartedAt), "actor": b.UserID(w.ActorID), "triggering_actor": b.UserID(w.TriggerID),
		"referenced_workflows": []Object{}, "jobs_url": api + "/jobs", "logs_url": api + "/logs", "check_suite_url": suite,
		"artifacts_url": api + "/artifacts", "cancel_url": api + "/cancel", "rerun_url": api + "/rerun", "previous_attempt_url": previous,
		"workflow_url": b.RepoAPI(r, "/actions/workflows/%d", w.WorkflowID), "head_commit": headCommit(w),
		"repository": repository, "head_repository": repository,
	}
}

func headCommit(w state.Run) Object {
	c := w.HeadCommit
	return Object{
		"id": w.HeadSHA, "tree_id": c.Tree, "message": c.Message, "timestamp": Time(c.When),
		"author":    Object{"name": c.AuthorName, "email": c.AuthorEmail},
		"committer": Object{"name": c.CommitterName, "email": c.CommitterEmail},
	}
}

// WorkflowRunAttempt is a run as it was in one of its attempts. The second result is false when there is no such attempt.
func (b Builder) WorkflowRunAttempt(r state.Repository, w state.Run, attempt int) (Object, bool) {
	if attempt != w.Attempt {
		i := slices.IndexFunc(w.Previous, func(a state.Attempt) bool { return a.Attempt == attempt })
		if i < 0 {
			return nil, false
		}
		a := w.Previous[i]
		w.Attempt, w.Status, w.Conclusion, w.TriggerID = a.Attempt, a.Status, a.Conclusion, a.TriggerID
		w.StartedAt, w.UpdatedAt = a.StartedAt, a.UpdatedAt
	}
	o := b.WorkflowRun(r, w)
	base := b.RepoAPI(r, "/actions/runs/%d/attempts/%d", w.ID, attempt)
	o["url"], o["jobs_url"], o["logs_url"] = base, base+"/jobs", base+"/logs"
	return o, true
}

// WorkflowJob is a job of a run.
func (b Builder) WorkflowJob(r state.Repository, w state.Run, j state.Job) Object {
	steps := make([]Object, 0, len(j.Steps))
	for _, s := range j.Steps {
		steps = append(steps, Object{
			"name": s.Name, "status": s.Status, "conclusion": NonEmpty(s.Conclusion), "number": s.Number,
			"started_at": Time(s.StartedAt), "completed_at": Time(s.CompletedAt),
		})
	}
	o := Object{
		"id": j.ID, "run_id": j.RunID, "run_url": b.RepoAPI(r, "/actions/runs/%d", j.RunID), "node_id": NodeID("CheckRun", j.ID),
		"workflow_name": w.Name, "head_branch": NonEmpty(w.HeadBranch), "run_attempt": j.Attempt, "head_sha": w.HeadSHA,
		"url": b.RepoAPI(r, "/actions/jobs/%d", j.ID), "html_url": b.RepoHTML(r, "/actions/runs/%d/job/%d", j.RunID, j.ID),
		"status": j.Status, "conclusion": NonEmpty(j.Conclusion), "created_at": Time(j.CreatedAt), "started_at": Time(j.StartedAt),
		"completed_at": Time(j.CompletedAt), "name": j.Name, "steps": steps, "check_run_url": b.RepoAPI(r, "/check-runs/%d", j.ID),
		"labels": nonNil(j.Labels), "runner_id": nil, "runner_name": nil, "runner_group_id": nil, "runner_group_name": nil,
	}
	if j.StartedAt.IsZero() {
		o["started_at"] = Time(j.CreatedAt) // GitHub shows a time also for a job that waits
	}
	if j.RunnerID != 0 {
		o["runner_id"], o["runner_name"], o["runner_group_id"], o["runner_group_name"] = j.RunnerID, j.RunnerName, 1, "Default"
	}
	return o
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
