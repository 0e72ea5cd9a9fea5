package webhook

import (
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// pullRequest reads the state of a pull request from a job's branch.
func (r *Receiver) pullRequest(d store.Delivery) (reading, error) {
	var e github.PullRequestEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	if id, fact, ok := r.Hub.UndoFact(e.GetPullRequest()); ok {
		return reading{facts: []githubjobs.Facts{{ID: id, Undos: []githubjobs.PullFact{fact}}}, outcome: fmt.Sprintf("job %s: what takes it back, pull request %d %s", id, fact.Number, e.GetAction())}, nil
	}
	of, fact, ok := r.Hub.PullFact(e.GetPullRequest())
	if !ok {
		return nothing("not for us: a pull request from another branch or repository"), nil
	}
	outcome := fmt.Sprintf("job %s: pull request %d %s", of, fact.Number, e.GetAction())
	got := reading{facts: []githubjobs.Facts{of.Facts(githubjobs.Facts{Pulls: []githubjobs.PullFact{fact}})}, outcome: outcome}
	if fact.Open {
		// GitHub's times are in whole seconds: two changes within one leave the same fact.
		got.stir = stirOf("pull_request "+e.GetAction(), of.Branch())
	}
	return got, nil
}
