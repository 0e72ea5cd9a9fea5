package shape

import "github.com/githubjobs/githubjobs/internal/localhub/state"

// App is a GitHub App as it sees itself.
func (b Builder) App(a state.App) Object {
	return Object{
		"id": a.ID, "slug": a.Slug, "client_id": "Iv1." + a.Slug, "node_id": NodeID("App", a.ID), "owner": b.UserID(a.OwnerID), "name": a.Name,
		"description": nil, "external_url": b.URL, "html_url": b.HTML("/apps/%s", a.Slug), "created_at": Time(a.CreatedAt),
		"updated_at": Time(a.CreatedAt), "permissions": a.Permissions, "events": nonNil(a.Events), "installations_count": b.Tx.Installations.Count(a.ID),
	}
}

// Installation is an installation of an App.
func (b Builder) Installation(in state.Installation) Object {
	app, _ := b.Tx.Apps.Get(in.AppID)
	account, _ := b.Tx.Users.Get(in.AccountID)
	return Object{
		"id": in.ID, "account": b.User(account), "repository_selection": Selection(in.RepositoryIDs),
		"access_tokens_url": b.API("/app/installations/%d/access_tokens", in.ID), "repositories_url": b.API("/installation/repositories"),
		"html_url": b.HTML("/settings/installations/%d", in.ID), "app_id": in.AppID, "app_slug": app.Slug, "target_id": account.ID,
		"target_type": string(account.Type), "permissions": in.Permissions, "events": nonNil(in.Events), "created_at": Time(in.CreatedAt),
		"updated_at": Time(in.CreatedAt), "single_file_name": nil, "has_multiple_single_files": false, "single_file_paths": []string{},
		"suspended_by": nil, "suspended_at": nil,
	}
}

// Selection is "all" for no limit, else "selected".
func Selection(repositoryIDs []int64) string {
	if repositoryIDs == nil {
		return "all"
	}
	return "selected"
}
