package webhook

import (
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// pullRequestReview reads the pull request that was reviewed, as it stands by then.
// The review itself is no fact: what may merge is the gate's and GitHub's say, and the
// gate is asked again.
func (r *Receiver) pullRequestReview(d store.Delivery) (reading, error) {
	var e github.PullRequestReviewEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	of, fact, ok := r.Hub.PullFact(e.GetPullRequest())
	if !ok {
		return nothing("not for us: a review of a pull request from another branch or repository"), nil
	}
	outcome := fmt.Sprintf("job %s: a review of pull request %d was %s", of, fact.Number, e.GetAction())
	return reading{facts: []githubjobs.Facts{of.Facts(githubjobs.Facts{Pulls: []githubjobs.PullFact{fact}})}, outcome: outcome,
		stir: stirOf("pull_request_review "+e.GetAction(), of.Branch())}, nil
}
