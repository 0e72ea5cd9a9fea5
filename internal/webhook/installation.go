package webhook

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/store"
)

// lost are the actions after which an installation can do nothing in its repositories.
var lost = []string{"deleted", "suspend"}

// installation tells that a GitHub App came, went or got other permissions. It holds
// no fact about a job; that our repository is lost is for the operator to know.
func (r *Receiver) installation(d store.Delivery) (reading, error) {
	var e github.InstallationEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	if slices.Contains(lost, e.GetAction()) && r.names(e.Repositories) {
		r.Log.Warn("a GitHub App has lost the repository: if it is the server's, install it again",
			"repository", r.Hub.FullName(), "installation", e.GetInstallation().GetID(), "action", e.GetAction(), "by", e.GetSender().GetLogin())
	}
	return nothing("not for us: installation %d: %s", e.GetInstallation().GetID(), e.GetAction()), nil
}

// installationRepositories tells that an installation covers more or fewer repositories.
func (r *Receiver) installationRepositories(d store.Delivery) (reading, error) {
	var e github.InstallationRepositoriesEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	if r.names(e.RepositoriesRemoved) {
		r.Log.Warn("a GitHub App has lost the repository: if it is the server's, add the repository to its installation again",
			"repository", r.Hub.FullName(), "installation", e.GetInstallation().GetID(), "by", e.GetSender().GetLogin())
	}
	return nothing("not for us: installation %d: repositories %s", e.GetInstallation().GetID(), e.GetAction()), nil
}

// names says whether our repository is among them.
func (r *Receiver) names(list []*github.Repository) bool {
	return slices.ContainsFunc(list, func(repo *github.Repository) bool { return strings.EqualFold(repo.GetFullName(), r.Hub.FullName()) })
}
