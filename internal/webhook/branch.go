package webhook

import (
	"encoding/json"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// create tells that a branch was made, without its commit; the push tells it with.
func (r *Receiver) create(d store.Delivery) (reading, error) {
	var e github.CreateEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	return nothing("not for us: %s %s created; a push tells more of it", e.GetRefType(), e.GetRef()), nil
}

// delete tells that a branch is gone. The push of the same deletion tells its last
// head besides, and wins over this at the same time.
func (r *Receiver) delete(d store.Delivery) (reading, error) {
	var e github.DeleteEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	of, ok := githubjobs.ParseBranch(e.GetRef())
	if !ok || e.GetRefType() != "branch" {
		return nothing("not for us: %s %s", e.GetRefType(), e.GetRef()), nil
	}
	at := moment(e.GetRepo().GetPushedAt(), d)
	return reading{facts: []githubjobs.Facts{of.Facts(githubjobs.Facts{Branch: &githubjobs.BranchFact{Deleted: true, At: at, Seen: at}})}, outcome: "job " + of.String() + ": branch deleted"}, nil
}
