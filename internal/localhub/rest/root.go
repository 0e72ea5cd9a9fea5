package rest

import "github.com/githubjobs/githubjobs/internal/localhub/shape"

// rootAddresses are GitHub's, below its API; also of what localhub does not have.
var rootAddresses = map[string]string{
	"current_user_url": "/user", "authorizations_url": "/authorizations", "emails_url": "/user/emails", "emojis_url": "/emojis",
	"events_url": "/events", "feeds_url": "/feeds", "followers_url": "/user/followers", "following_url": "/user/following{/target}",
	"gists_url": "/gists{/gist_id}", "hub_url": "/hub", "issues_url": "/issues", "keys_url": "/user/keys", "notifications_url": "/notifications",
	"organization_url": "/orgs/{org}", "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
	"organization_teams_url": "/orgs/{org}/teams", "public_gists_url": "/gists/public", "rate_limit_url": "/rate_limit",
	"repository_url": "/repos/{owner}/{repo}", "current_user_repositories_url": "/user/repos{?type,page,per_page,sort}",
	"starred_url": "/user/starred{/owner}{/repo}", "starred_gists_url": "/gists/starred", "user_url": "/users/{user}",
	"user_organizations_url": "/user/orgs", "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
	"code_search_url":       "/search/code?q={query}{&page,per_page,sort,order}",
	"commit_search_url":     "/search/commits?q={query}{&page,per_page,sort,order}",
	"issue_search_url":      "/search/issues?q={query}{&page,per_page,sort,order}",
	"label_search_url":      "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
	"repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
	"topic_search_url":      "/search/topics?q={query}{&page,per_page}",
	"user_search_url":       "/search/users?q={query}{&page,per_page,sort,order}",
}

func getRoot(c *Context) (Response, error) {
	body := shape.Object{"current_user_authorizations_html_url": c.S.ServerURL + "/settings/connections/applications{/client_id}"}
	for name, path := range rootAddresses {
		body[name] = c.S.ServerURL + Prefix + path
	}
	return OK(body), nil
}
