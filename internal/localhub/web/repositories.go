package web

import (
	"cmp"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// repositoryList is the data of the first page and of an account's.
type repositoryList struct {
	Owner state.User // zero: of everybody
	Items []repositoryItem
}

type repositoryItem struct {
	state.Repository
	URL  string
	Open int // open pull requests
}

// showRepositories lists the repositories that the viewer may see, the last pushed to first.
func showRepositories(q *request) error {
	return q.show("repositories", "Repositories", repositoryList{Items: q.repositories(0)})
}

// showOwner lists those of one account.
func showOwner(q *request) error {
	var owner state.User
	q.site.DB.View(func(tx *state.Tx) { owner, _ = tx.Users.ByName(state.UserName(q.PathValue("owner"))) })
	if owner.ID == 0 {
		return errNotFound
	}
	return q.show("repositories", owner.Login, repositoryList{Owner: owner, Items: q.repositories(owner.ID)})
}

func (q *request) repositories(owner int64) (items []repositoryItem) {
	q.site.DB.View(func(tx *state.Tx) {
		for _, r := range tx.Repositories.All() {
			if (owner == 0 || r.OwnerID == owner) && q.viewer.Allow(r, "metadata", "read") == nil {
				items = append(items, repositoryItem{r, link(r), tx.OpenPullCount(r.ID)})
			}
		}
	})
	slices.SortStableFunc(items, func(a, b repositoryItem) int {
		return cmp.Or(b.PushedAt.Compare(a.PushedAt), cmp.Compare(a.FullName(), b.FullName()))
	})
	return items
}
