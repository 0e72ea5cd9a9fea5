package rest

import (
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Actor is who sends a request. The zero Actor is anonymous.
type Actor struct {
	User         state.User         // in whose name: a person or a bot
	Token        state.Token        // the token used; zero for a JWT
	Installation state.Installation // of an installation token
	App          state.App          // authenticated by JWT as the App itself
}

// Anonymous says that no credentials came.
func (a Actor) Anonymous() bool { return a.Token.ID == 0 && a.App.ID == 0 }

// ByRun says that the GITHUB_TOKEN of a workflow run was used.
func (a Actor) ByRun() bool { return a.Token.Kind == state.TokenRun }

// Event returns the base of an event that the actor causes in repo.
func (a Actor) Event(repo state.Repository) event.Base {
	return event.Base{Repository: repo, Sender: a.User, ByRunToken: a.ByRun(), InstallationID: a.Token.InstallationID}
}

// Limited says that the token carries permissions of its own.
func (a Actor) Limited() bool {
	return a.Token.Kind == state.TokenInstallation || a.Token.Kind == state.TokenRun
}

// covers says that a limited token is for repo.
func (a Actor) covers(repo state.Repository) bool {
	if a.Token.Kind == state.TokenInstallation && a.Installation.AccountID != repo.OwnerID {
		return false
	}
	return a.Token.RepositoryIDs == nil || slices.Contains(a.Token.RepositoryIDs, repo.ID)
}

func (a Actor) canSee(repo state.Repository) bool {
	switch {
	case repo.ID == 0:
		return false
	case !repo.Private:
		return true
	case a.Limited():
		return a.covers(repo)
	}
	return a.role(repo) != ""
}

// role returns the person's role in repo: admin, write, read, or "" for none.
func (a Actor) role(repo state.Repository) string {
	switch {
	case a.Token.Kind != state.TokenPersonal:
		return ""
	case a.User.ID == repo.OwnerID || a.User.SiteAdmin:
		return "admin"
	}
	return repo.Collaborators[a.User.ID]
}
