package rest

import (
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// MarkReady makes a draft a pull request that can be merged, as the button "Ready for review" does. GitHub's REST API has no
// operation for it. It reports whether there is an open draft of this number.
func (s *Service) MarkReady(by state.User, repo state.Repository, number int) (found bool, err error) {
	var p state.Pull
	err = s.DB.Update(func(tx *state.Tx) error {
		for pull := range tx.Pulls.Of(repo.ID) {
			if pull.Number == number && pull.State == "open" && pull.Draft {
				p, found = pull, true
			}
		}
		if found {
			p.Draft, p.UpdatedAt = false, s.now()
			tx.Pulls.Put(p)
		}
		return nil
	})
	if err == nil && found {
		s.Bus.Publish(event.PullRequest{Base: Actor{User: by}.Event(repo), Action: "ready_for_review", Pull: p})
	}
	return found, err
}
