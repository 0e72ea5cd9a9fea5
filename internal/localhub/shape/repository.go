package shape

import (
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// repositoryURLs are the address templates of a repository, below its API address.
var repositoryURLs = map[string]string{
	"archive_url": "/{archive_format}{/ref}", "assignees_url": "/assignees{/user}", "blobs_url": "/git/blobs{/sha}",
	"branches_url": "/branches{/branch}", "collaborators_url": "/collaborators{/collaborator}", "comments_url": "/comments{/number}",
	"commits_url": "/commits{/sha}", "compare_url": "/compare/{base}...{head}", "contents_url": "/contents/{+path}",
	"contributors_url": "/contributors", "deployments_url": "/deployments", "downloads_url": "/downloads", "events_url": "/events",
	"forks_url": "/forks", "git_commits_url": "/git/commits{/sha}", "git_refs_url": "/git/refs{/sha}", "git_tags_url": "/git/tags{/sha}",
	"hooks_url": "/hooks", "issue_comment_url": "/issues/comments{/number}", "issue_events_url": "/issues/events{/number}",
	"issues_url": "/issues{/number}", "keys_url": "/keys{/key_id}", "labels_url": "/labels{/name}", "languages_url": "/languages",
	"merges_url": "/merges", "milestones_url": "/milestones{/number}", "notifications_url": "/notifications{?since,all,participating}",
	"pulls_url": "/pulls{/number}", "releases_url": "/releases{/id}", "stargazers_url": "/stargazers", "statuses_url": "/statuses/{sha}",
	"subscribers_url": "/subscribers", "subscription_url": "/subscription", "tags_url": "/tags", "teams_url": "/teams",
	"trees_url": "/git/trees{/sha}",
}

// MinimalRepository is GitHub's minimal-repository, as in the "repository" of a workflow run.
func (b Builder) MinimalRepository(r state.Repository) Object {
	o := Object{
		"id": r.ID, "node_id": NodeID("Repository", r.ID), "name": r.Name, "full_name": r.FullName(), "private": r.Private,
		"owner": b.UserID(r.OwnerID), "html_url": b.RepoHTML(r, ""), "description": NonEmpty(r.Description), "fork": false, "url": b.RepoAPI(r, ""),
	}
	for name, path := range repositoryURLs {
		o[name] = b.API("/repos/%s", r.FullName()) + path
	}
	return o
}

// Repository is GitHub's repository, as in lists and webhook payloads.
func (b Builder) Repository(r state.Repository) Object {
	o := b.MinimalRepository(r)
	open := b.Tx.OpenPullCount(r.ID)
	visibility := "public"
	if r.Private {
		visibility = "private"
	}
	host := b.URL[strings.Index(b.URL, "://")+3:]
	for k, v := range (Object{
		"created_at": Time(r.CreatedAt), "updated_at": Time(r.UpdatedAt), "pushed_at": Time(r.PushedAt),
		"git_url": "git://" + host + "/" + r.FullName() + ".git", "ssh_url": "git@" + host + ":" + r.FullName() + ".git",
		"clone_url": b.RepoHTML(r, ".git"), "svn_url": b.RepoHTML(r, ""), "mirror_url": nil, "homepage": nil, "language": nil, "license": nil,
		"size": 0, "stargazers_count": 0, "watchers_count": 0, "forks_count": 0, "open_issues_count": open, "watchers": 0, "forks": 0,
		"open_issues": open, "has_issues": true, "has_projects": false, "has_downloads": false, "has_wiki": false, "has_pages": false,
		"has_discussions": false, "archived": r.Archived, "disabled": false, "allow_forking": true, "is_template": false,
		"web_commit_signoff_required": false, "topics": []string{}, "visibility": visibility, "default_branch": r.DefaultBranch,
	}) {
		o[k] = v
	}
	return o
}

// FullRepository is GitHub's full-repository, as GET /repos/{owner}/{repo} shows it.
func (b Builder) FullRepository(r state.Repository) Object {
	o := b.Repository(r)
	for k, v := range (Object{
		"allow_merge_commit": r.AllowMergeCommit, "allow_squash_merge": r.AllowSquashMerge, "allow_rebase_merge": r.AllowRebaseMerge,
		"allow_auto_merge": false, "allow_update_branch": false, "delete_branch_on_merge": r.DeleteBranchOnMerge,
		"squash_merge_commit_title": "COMMIT_OR_PR_TITLE", "squash_merge_commit_message": "COMMIT_MESSAGES",
		"merge_commit_title": "MERGE_MESSAGE", "merge_commit_message": "PR_TITLE", "network_count": 0, "subscribers_count": 0,
	}) {
		o[k] = v
	}
	return o
}
