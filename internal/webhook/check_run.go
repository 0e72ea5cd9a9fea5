package webhook

import (
	"encoding/json"
	"fmt"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// checkRun reads the merge gate's verdict; of other checks, that they have ended.
func (r *Receiver) checkRun(d store.Delivery) (reading, error) {
	var e struct {
		Check verdict `json:"check_run"`
	}
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	check := e.Check.checkRun()
	of, fact, ok := hub.GateFact(check)
	if !ok {
		got := nothing("not for us: check %q", check.GetName())
		if check.GetStatus() == "completed" && check.GetName() != hub.GateCheck {
			got.stir = stirOf("check_run "+check.GetName(), e.Check.branches()...)
		}
		return got, nil
	}
	return reading{facts: []githubjobs.Facts{of.Facts(githubjobs.Facts{Gates: []githubjobs.GateFact{fact}})}, outcome: fmt.Sprintf("job %s: verdict %s", of, fact.Conclusion)}, nil
}

// verdict is what is read of a check run. The whole would not do: GitHub has Apps whose
// times are not in its own format, and a field that nobody needs must not hide the rest.
type verdict struct {
	Name        *string                `json:"name"`
	Status      *string                `json:"status"`
	Conclusion  *string                `json:"conclusion"`
	ExternalID  *string                `json:"external_id"`
	HeadSHA     *string                `json:"head_sha"`
	CompletedAt *github.Timestamp      `json:"completed_at"`
	Output      *github.CheckRunOutput `json:"output"`
	Suite       struct {
		HeadBranch string `json:"head_branch"`
	} `json:"check_suite"`
	Pulls []struct {
		Head struct {
			Ref string `json:"ref"`
		} `json:"head"`
	} `json:"pull_requests"`
}

// branches are those that GitHub says the commit is at the head of.
func (v verdict) branches() []string {
	list := []string{v.Suite.HeadBranch}
	for _, p := range v.Pulls {
		list = append(list, p.Head.Ref)
	}
	return list
}

func (v verdict) checkRun() *github.CheckRun {
	return &github.CheckRun{Name: v.Name, Status: v.Status, Conclusion: v.Conclusion, ExternalID: v.ExternalID, HeadSHA: v.HeadSHA,
		CompletedAt: v.CompletedAt, Output: v.Output}
}
