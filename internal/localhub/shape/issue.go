package shape

import "github.com/githubjobs/githubjobs/internal/localhub/state"

// Issue is a pull request as the issues API shows it.
func (b Builder) Issue(r state.Repository, p state.Pull) Object {
	api, html := b.RepoAPI(r, "/issues/%d", p.Number), b.RepoHTML(r, "/pull/%d", p.Number)
	return Object{
		"id": p.ID, "node_id": NodeID("PullRequest", p.ID), "number": p.Number, "state": p.State, "state_reason": nil, "locked": p.Locked,
		"title": p.Title, "body": NonEmpty(p.Body), "user": b.UserID(p.AuthorID), "labels": b.labels(r, p.Labels), "milestone": nil,
		"assignee": b.firstUser(p.Assignees), "assignees": b.users(p.Assignees), "author_association": b.association(r, p.AuthorID),
		"comments": b.Tx.Comments.Count(p.ID), "created_at": Time(p.CreatedAt), "updated_at": Time(p.UpdatedAt), "closed_at": Time(p.ClosedAt),
		"active_lock_reason": nil, "draft": p.Draft, "reactions": b.reactions(api), "timeline_url": api + "/timeline",
		"url": api, "html_url": html, "repository_url": b.RepoAPI(r, ""), "labels_url": api + "/labels{/name}",
		"comments_url": api + "/comments", "events_url": api + "/events",
		"pull_request": Object{
			"url": b.RepoAPI(r, "/pulls/%d", p.Number), "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch",
			"merged_at": Time(p.MergedAt),
		},
	}
}

// Comment is a comment on an issue or pull request.
func (b Builder) Comment(r state.Repository, p state.Pull, c state.Comment) Object {
	api := b.RepoAPI(r, "/issues/comments/%d", c.ID)
	return Object{
		"id": c.ID, "node_id": NodeID("IssueComment", c.ID), "body": c.Body, "user": b.UserID(c.AuthorID),
		"created_at": Time(c.CreatedAt), "updated_at": Time(c.UpdatedAt), "author_association": b.association(r, c.AuthorID),
		"url": api, "html_url": b.RepoHTML(r, "/pull/%d#issuecomment-%d", p.Number, c.ID), "issue_url": b.RepoAPI(r, "/issues/%d", p.Number),
		"reactions": b.reactions(api), "performed_via_github_app": nil,
	}
}

// Review is a review of a pull request.
func (b Builder) Review(r state.Repository, p state.Pull, v state.Review) Object {
	pull := b.RepoAPI(r, "/pulls/%d", p.Number)
	html := b.RepoHTML(r, "/pull/%d#pullrequestreview-%d", p.Number, v.ID)
	o := Object{
		"id": v.ID, "node_id": NodeID("PullRequestReview", v.ID), "user": b.UserID(v.AuthorID), "body": v.Body, "state": v.State,
		"commit_id": v.CommitID, "author_association": b.association(r, v.AuthorID), "html_url": html, "pull_request_url": pull,
		"_links": Object{"html": link(html), "pull_request": link(pull)},
	}
	if !v.SubmittedAt.IsZero() {
		o["submitted_at"] = Time(v.SubmittedAt)
	}
	return o
}

func (b Builder) reactions(of string) Object {
	o := Object{"url": of + "/reactions", "total_count": 0}
	for _, name := range []string{"+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes"} {
		o[name] = 0
	}
	return o
}
