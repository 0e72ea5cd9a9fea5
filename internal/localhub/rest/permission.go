package rest

import "github.com/githubjobs/githubjobs/internal/localhub/state"

// Permission is what an operation needs.
type Permission struct {
	name  string // of a GitHub App permission: contents, pull_requests, actions, …
	level string // "read" or "write"
	who   string // "", or one of the who constants
}

const (
	whoAnyone = "anyone" // no credentials needed
	whoUser   = "user"   // any token
	whoApp    = "app"    // a JSON web token of a GitHub App
)

// Read needs read access to the repository and, of a limited token, the permission name. Public repositories can be read by anyone.
func Read(name string) Permission { return Permission{name: name, level: "read"} }

// Write needs write access (admin, for administration and repository_hooks) and, of a limited token, the permission name at "write".
func Write(name string) Permission { return Permission{name: name, level: "write"} }

// Anyone needs nothing.
func Anyone() Permission { return Permission{who: whoAnyone} }

// Authenticated needs a valid token.
func Authenticated() Permission { return Permission{who: whoUser} }

// AppJWT needs a JSON web token of a GitHub App.
func AppJWT() Permission { return Permission{who: whoApp} }

// adminOnly are the permissions for which a person must be the repository's admin, even to read.
var adminOnly = map[string]bool{"administration": true, "repository_hooks": true, "secrets": true, "actions_variables": true}

// check decides whether actor may do what p stands for on repo. Errors are *Error in GitHub's words.
func (p Permission) check(actor Actor, repo state.Repository) error {
	switch {
	case p.who == whoAnyone:
		return nil
	case p.who == whoApp && actor.App.ID == 0:
		return &Error{Status: 401, Message: "A JSON web token could not be decoded"}
	case p.who == whoApp:
		return nil
	case p.who == whoUser && actor.Anonymous():
		return errRequiresAuthentication()
	case p.who == whoUser:
		return nil
	}
	return actor.Allow(repo, p.name, p.level)
}

// Allow decides whether the actor has the permission name at level ("read" or "write") on repo: nil, or an *Error in GitHub's words.
// The git side asks it too: contents read to fetch, contents write to push.
func (a Actor) Allow(repo state.Repository, name, level string) error {
	if !a.canSee(repo) {
		return NotFound()
	}
	if a.Limited() {
		return a.allowLimited(repo, name, level)
	}
	if a.Anonymous() {
		if level == "read" && !adminOnly[name] {
			return nil
		}
		return errRequiresAuthentication()
	}
	return a.allowPerson(repo, name, level)
}

// allowLimited is for tokens that carry permissions. What is public needs none to be read.
func (a Actor) allowLimited(repo state.Repository, name, level string) error {
	has := a.Token.Permissions[name]
	in := a.covers(repo)
	switch {
	case in && (has == "write" || has == "admin" || has == level):
		return nil
	case level == "read" && (name == "metadata" || !repo.Private && !adminOnly[name]):
		return nil
	}
	return errNotIntegration()
}

func (a Actor) allowPerson(repo state.Repository, name, level string) error {
	role := a.role(repo)
	switch {
	case adminOnly[name] && role != "admin":
		return Forbidden("Must have admin rights to Repository.")
	case level == "write" && role != "admin" && role != "write":
		return Forbidden("Must have push access to repository")
	}
	return nil
}
