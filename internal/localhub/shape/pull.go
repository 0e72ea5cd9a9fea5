package shape

import (
	"net/url"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Mergeability is what is known about whether a pull request can be merged. The zero value is "not known yet".
type Mergeability struct {
	Known                 bool
	Mergeable, Rebaseable bool
	State                 string // clean, dirty, draft, unstable, unknown
	TestMerge             string // the commit at refs/pull/N/merge, when mergeable
}

// Pull is GitHub's pull-request-simple, as in lists.
func (b Builder) Pull(r state.Repository, p state.Pull) Object {
	api, issue := b.RepoAPI(r, "/pulls/%d", p.Number), b.RepoAPI(r, "/issues/%d", p.Number)
	html := b.RepoHTML(r, "/pull/%d", p.Number)
	statuses := b.RepoAPI(r, "/statuses/%s", p.HeadSHA)
	return Object{
		"id": p.ID, "node_id": NodeID("PullRequest", p.ID), "number": p.Number, "state": p.State, "locked": p.Locked, "title": p.Title,
		"body": NonEmpty(p.Body), "user": b.UserID(p.AuthorID), "draft": p.Draft, "labels": b.labels(r, p.Labels), "milestone": nil,
		"created_at": Time(p.CreatedAt), "updated_at": Time(p.UpdatedAt), "closed_at": Time(p.ClosedAt), "merged_at": Time(p.MergedAt),
		"merge_commit_sha": NonEmpty(p.MergeCommitSHA), "assignee": b.firstUser(p.Assignees), "assignees": b.users(p.Assignees),
		"requested_reviewers": []Object{}, "requested_teams": []Object{}, "auto_merge": nil, "active_lock_reason": nil,
		"author_association": b.association(r, p.AuthorID),
		"url":                api, "html_url": html, "diff_url": html + ".diff", "patch_url": html + ".patch", "issue_url": issue,
		"commits_url": api + "/commits", "comments_url": issue + "/comments", "statuses_url": statuses,
		"review_comments_url": api + "/comments", "review_comment_url": b.RepoAPI(r, "/pulls/comments") + "{/number}",
		"head": b.pullHead(r, p), "base": b.branch(r, p.BaseRef, p.BaseSHA),
		"_links": Object{
			"self": link(api), "html": link(html), "issue": link(issue), "comments": link(issue + "/comments"), "commits": link(api + "/commits"),
			"review_comments": link(api + "/comments"), "review_comment": link(b.RepoAPI(r, "/pulls/comments") + "{/number}"), "statuses": link(statuses),
		},
	}
}

// FullPull is GitHub's pull-request, as a single one is shown and as in webhook payloads. The numbers come from gitrepo's Compare of the pull
// request's base and head.
func (b Builder) FullPull(r state.Repository, p state.Pull, counts gitrepo.Comparison, m Mergeability) Object {
	o := b.Pull(r, p)
	o["merged"], o["merged_by"] = p.Merged, b.UserOrNil(p.MergedByID)
	o["mergeable"], o["rebaseable"], o["mergeable_state"] = nil, nil, "unknown"
	if m.Known {
		o["mergeable"], o["rebaseable"], o["mergeable_state"] = m.Mergeable, m.Rebaseable, m.State
	}
	if m.TestMerge != "" && p.State == "open" {
		o["merge_commit_sha"] = m.TestMerge
	}
	o["comments"], o["review_comments"], o["maintainer_can_modify"] = b.Tx.Comments.Count(p.ID), 0, p.MaintainerCanModify
	o["commits"], o["changed_files"] = counts.Commits, counts.ChangedFiles
	o["additions"], o["deletions"] = counts.Additions, counts.Deletions
	return o
}

// PullReference is the short form of a pull request inside workflow runs, check runs and check suites.
func (b Builder) PullReference(r state.Repository, p state.Pull) Object {
	short := func(id int64) Object {
		repo, _ := b.Tx.Repositories.Get(id)
		return Object{"id": repo.ID, "url": b.RepoAPI(repo, ""), "name": repo.Name}
	}
	return Object{
		"id": p.ID, "number": p.Number, "url": b.RepoAPI(r, "/pulls/%d", p.Number),
		"head": Object{"ref": p.HeadRef, "sha": p.HeadSHA, "repo": short(p.HeadRepositoryID)},
		"base": Object{"ref": p.BaseRef, "sha": p.BaseSHA, "repo": short(r.ID)},
	}
}

// PullsOfHead are the open pull requests of the repository whose head is this commit, in short form.
func (b Builder) PullsOfHead(r state.Repository, sha string) []Object {
	list := []Object{}
	for p := range b.Tx.OpenPulls(r.ID) {
		if p.HeadSHA == sha {
			list = append(list, b.PullReference(r, p))
		}
	}
	return list
}

func (b Builder) pullHead(r state.Repository, p state.Pull) Object {
	head := r
	if p.HeadRepositoryID != r.ID {
		head, _ = b.Tx.Repositories.Get(p.HeadRepositoryID)
	}
	return b.branch(head, p.HeadRef, p.HeadSHA)
}

// branch is an end of a pull request; of a deleted repository, user and repo are null.
func (b Builder) branch(r state.Repository, ref, sha string) Object {
	if r.ID == 0 {
		return Object{"label": "unknown:" + ref, "ref": ref, "sha": sha, "user": nil, "repo": nil}
	}
	return Object{"label": r.Owner + ":" + ref, "ref": ref, "sha": sha, "user": b.UserID(r.OwnerID), "repo": b.Repository(r)}
}

func link(href string) Object { return Object{"href": href} }

func (b Builder) users(ids []int64) []Object {
	list := make([]Object, 0, len(ids))
	for _, id := range ids {
		list = append(list, b.UserID(id))
	}
	return list
}

func (b Builder) firstUser(ids []int64) any {
	if len(ids) == 0 {
		return nil
	}
	return b.UserID(ids[0])
}

// association is what an author is to the repository, in GitHub's words.
func (b Builder) association(r state.Repository, userID int64) string {
	switch {
	case userID == r.OwnerID:
		return "OWNER"
	case r.Collaborators[userID] != "":
		return "COLLABORATOR"
	}
	if u, _ := b.Tx.Users.Get(userID); u.Type == state.TypeBot {
		return "CONTRIBUTOR"
	}
	return "NONE"
}

// Label is a label of a repository.
func (b Builder) Label(r state.Repository, l state.Label) Object {
	return Object{
		"id": l.ID, "node_id": NodeID("Label", l.ID), "url": b.RepoAPI(r, "/labels/%s", url.PathEscape(l.Name)), "name": l.Name,
		"color": l.Color, "default": l.Default, "description": NonEmpty(l.Description),
	}
}

func (b Builder) labels(r state.Repository, ids []int64) []Object {
	list := make([]Object, 0, len(ids))
	for _, id := range ids {
		if l, ok := b.Tx.Labels.Get(id); ok {
			list = append(list, b.Label(r, l))
		}
	}
	return list
}

// PullLabels are the labels of a pull request, in the order in which they were put on it.
func (b Builder) PullLabels(r state.Repository, p state.Pull) []Object { return b.labels(r, p.Labels) }
