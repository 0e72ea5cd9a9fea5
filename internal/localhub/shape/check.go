package shape

import (
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// actionsAppID is the id of the App "GitHub Actions" on github.com.
const actionsAppID = 15368

// CheckApp is the App behind a check; id 0 is GitHub Actions itself.
func (b Builder) CheckApp(id int64) Object {
	if a, ok := b.Tx.Apps.Get(id); ok {
		return Object{
			"id": a.ID, "slug": a.Slug, "node_id": NodeID("App", a.ID), "owner": b.UserID(a.OwnerID), "name": a.Name, "description": "",
			"external_url": b.HTML("/apps/%s", a.Slug), "html_url": b.HTML("/apps/%s", a.Slug), "created_at": Time(a.CreatedAt),
			"updated_at": Time(a.CreatedAt), "permissions": a.Permissions, "events": nonNil(a.Events),
		}
	}
	return Object{
		"id": actionsAppID, "slug": "github-actions", "node_id": NodeID("App", actionsAppID),
		"owner": b.User(state.User{ID: 9919, Login: "github", Type: state.TypeOrganization}), "name": "GitHub Actions",
		"description": "Automate your workflow from idea to production", "external_url": b.HTML("/features/actions"),
		"html_url": b.HTML("/apps/github-actions"), "created_at": "2018-07-30T09:30:17Z", "updated_at": "2018-07-30T09:30:17Z",
		"permissions": map[string]string{"actions": "write", "checks": "write", "contents": "write", "pull_requests": "write"}, "events": []string{},
	}
}

// CheckRun is a check run. That of a workflow job points at the job's page.
func (b Builder) CheckRun(r state.Repository, c state.CheckRun) Object {
	api, html := b.RepoAPI(r, "/check-runs/%d", c.ID), b.RepoHTML(r, "/runs/%d", c.ID)
	if j, ok := b.Tx.Jobs.Get(c.JobID); ok {
		html = b.RepoHTML(r, "/actions/runs/%d/job/%d", j.RunID, j.ID)
	}
	details := c.DetailsURL
	if details == "" {
		details = html
	}
	return Object{
		"id": c.ID, "node_id": NodeID("CheckRun", c.ID), "name": c.Name, "head_sha": c.HeadSHA, "external_id": c.ExternalID,
		"url": api, "html_url": html, "details_url": details, "status": c.Status, "conclusion": NonEmpty(c.Conclusion),
		"started_at": Time(c.StartedAt), "completed_at": Time(c.CompletedAt),
		"output": Object{
			"title": NonEmpty(c.Title), "summary": NonEmpty(c.Summary), "text": NonEmpty(c.Text), "annotations_count": len(c.Annotations),
			"annotations_url": api + "/annotations",
		},
		"check_suite": Object{"id": c.SuiteID}, "app": b.CheckApp(c.AppID), "pull_requests": b.PullsOfHead(r, c.HeadSHA),
	}
}

// Annotation of a check run.
func (b Builder) Annotation(r state.Repository, c state.CheckRun, a state.Annotation) Object {
	o := Object{
		"path": a.Path, "blob_href": b.RepoHTML(r, "/blob/%s/%s", c.HeadSHA, EscapePath(a.Path)), "start_line": a.StartLine, "end_line": a.EndLine,
		"start_column": nil, "end_column": nil, "annotation_level": a.Level, "message": a.Message, "title": NonEmpty(a.Title),
		"raw_details": NonEmpty(a.RawDetails),
	}
	if a.StartColumn > 0 {
		o["start_column"], o["end_column"] = a.StartColumn, a.EndColumn
	}
	return o
}

// CheckSuite is a check suite; head is the commit that it is on.
func (b Builder) CheckSuite(r state.Repository, s state.CheckSuite, head gitrepo.Commit) Object {
	runs := 0
	for c := range b.Tx.CheckRuns.Of(r.ID) {
		if c.SuiteID == s.ID {
			runs++
		}
	}
	api := b.RepoAPI(r, "/check-suites/%d", s.ID)
	return Object{
		"id": s.ID, "node_id": NodeID("CheckSuite", s.ID), "head_branch": NonEmpty(s.HeadBranch), "head_sha": s.HeadSHA,
		"before": NonEmpty(s.Before), "after": NonEmpty(s.After), "status": s.Status, "conclusion": NonEmpty(s.Conclusion), "url": api,
		"check_runs_url": api + "/check-runs", "created_at": Time(s.CreatedAt), "updated_at": Time(s.UpdatedAt), "app": b.CheckApp(s.AppID),
		"pull_requests": b.PullsOfHead(r, s.HeadSHA), "repository": b.MinimalRepository(r), "latest_check_runs_count": runs, "head_commit": simpleCommit(head),
	}
}

// Status is a commit status.
func (b Builder) Status(r state.Repository, s state.CommitStatus) Object {
	u, _ := b.Tx.Users.Get(s.CreatorID)
	return Object{
		"id": s.ID, "node_id": NodeID("StatusContext", s.ID), "url": b.RepoAPI(r, "/statuses/%s", s.SHA), "state": s.State, "context": s.Context,
		"description": NonEmpty(s.Description), "target_url": NonEmpty(s.TargetURL), "avatar_url": b.User(u)["avatar_url"],
		"creator": b.User(u), "created_at": Time(s.CreatedAt), "updated_at": Time(s.UpdatedAt),
	}
}
