package shape

import (
	"net/url"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// User is GitHub's simple-user. An account that is gone is shown as GitHub does, as "ghost".
func (b Builder) User(u state.User) Object {
	if u.ID == 0 {
		u = state.User{Login: "ghost", Type: state.TypeUser}
	}
	api := b.API("/users/%s", url.PathEscape(u.Login))
	return Object{
		"login": u.Login, "id": u.ID, "node_id": NodeID("User", u.ID), "avatar_url": b.HTML("/avatars/u/%d?v=4", u.ID), "gravatar_id": "",
		"url": api, "html_url": b.HTML("/%s", u.Login), "followers_url": api + "/followers", "following_url": api + "/following{/other_user}",
		"gists_url": api + "/gists{/gist_id}", "starred_url": api + "/starred{/owner}{/repo}", "subscriptions_url": api + "/subscriptions",
		"organizations_url": api + "/orgs", "repos_url": api + "/repos", "events_url": api + "/events{/privacy}",
		"received_events_url": api + "/received_events", "type": string(u.Type), "user_view_type": "public", "site_admin": u.SiteAdmin,
	}
}

// UserID is the simple-user with this id.
func (b Builder) UserID(id int64) Object {
	u, _ := b.Tx.Users.Get(id)
	return b.User(u)
}

// UserOrNil is the simple-user with this id, or null for 0.
func (b Builder) UserOrNil(id int64) any {
	if id == 0 {
		return nil
	}
	return b.UserID(id)
}

// FullUser is a user as GET /user and GET /users/{username} show it.
func (b Builder) FullUser(u state.User) Object {
	o := b.User(u)
	for _, field := range []string{"company", "location", "hireable", "bio", "twitter_username"} {
		o[field] = nil
	}
	o["name"], o["email"], o["blog"] = NonEmpty(u.Name), NonEmpty(u.Email), ""
	o["public_repos"], o["public_gists"], o["followers"], o["following"] = b.Tx.Repositories.Count(u.ID), 0, 0, 0
	o["created_at"], o["updated_at"] = Time(u.CreatedAt), Time(u.CreatedAt)
	return o
}

// Organization is GitHub's organization-simple.
func (b Builder) Organization(u state.User) Object {
	api := b.API("/orgs/%s", url.PathEscape(u.Login))
	return Object{
		"login": u.Login, "id": u.ID, "node_id": NodeID("Organization", u.ID), "url": api, "repos_url": api + "/repos", "events_url": api + "/events",
		"hooks_url": api + "/hooks", "issues_url": api + "/issues", "members_url": api + "/members{/member}",
		"public_members_url": api + "/public_members{/member}", "avatar_url": b.HTML("/avatars/u/%d?v=4", u.ID), "description": "",
	}
}
