package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/store"
)

// maxMessage bounds the commit messages that are read, well above what a spec or a
// result takes.
const maxMessage = 512 << 10

// push reads a job's creation commit, its result commit and its deletion; and the
// tree of every other branch's head, so that a submission need not ask for it.
func (r *Receiver) push(d store.Delivery) (reading, error) {
	var e github.PushEvent
	if err := json.Unmarshal(d.Body, &e); err != nil {
		return reading{}, err
	}
	branch, ok := strings.CutPrefix(e.GetRef(), "refs/heads/")
	if !ok {
		return nothing("not for us: push to %s", e.GetRef()), nil
	}
	of, ok := githubjobs.ParseBranch(branch)
	if !ok {
		r.Hub.LearnBase(e.HeadCommit.GetID(), e.HeadCommit.GetTreeID())
		return reading{outcome: "learnt the tree of " + branch, rules: mayChange(e, policy.Path), branch: branch, head: e.GetAfter(), moved: branch}, nil
	}
	if e.GetDeleted() {
		at := moment(e.GetRepo().GetPushedAt(), d)
		return reading{facts: []githubjobs.Facts{of.Facts(githubjobs.Facts{Branch: &githubjobs.BranchFact{Head: e.GetBefore(), Deleted: true, At: at, Seen: at}})}, outcome: "job " + of.String() + ": branch deleted"}, nil
	}
	return jobPush(of, e, moment(e.GetRepo().GetPushedAt(), d))
}

// maxCommits is how many commits GitHub names in a push event (docs.github.com, "Webhook
// events and payloads").
const maxCommits = 2048

// mayChange says whether a push may have changed a file: unless the commits are all named,
// and none of them did.
func mayChange(e github.PushEvent, path string) bool {
	if e.GetForced() || e.GetCreated() || len(e.Commits) == 0 || len(e.Commits) >= maxCommits {
		return true
	}
	return slices.ContainsFunc(e.Commits, func(c *github.HeadCommit) bool {
		return slices.Contains(slices.Concat(c.Added, c.Modified, c.Removed), path)
	})
}

// moment is a time that GitHub told, or else when the delivery came.
func moment(t github.Timestamp, d store.Delivery) time.Time {
	if t.IsZero() {
		return d.ReceivedAt.UTC()
	}
	return t.UTC()
}

// jobPush reads a push of commits to the branch of a job; pushed is GitHub's time.
func jobPush(of githubjobs.Name, e github.PushEvent, pushed time.Time) (reading, error) {
	head := e.HeadCommit
	if head == nil {
		return nothing("job %s: a push without a commit", of), nil
	}
	f := githubjobs.Facts{ID: of.ID, Branch: &githubjobs.BranchFact{Head: e.GetAfter(), Moved: !e.GetCreated(), At: head.GetTimestamp().UTC(), Seen: pushed}}
	outcome := "job " + of.String() + ": branch at " + e.GetAfter()
	if e.GetCreated() {
		spec, err := readSpec(of.ID, head)
		switch {
		case err == nil:
			f.Created = []string{e.GetAfter()}
			f.Spec, outcome = spec, "job "+of.String()+": created"
		case !errors.Is(err, githubjobs.ErrNoSpec):
			return reading{}, err
		}
	}
	for _, c := range append(e.Commits, head) {
		if result, ok := readResult(of.ID, c); ok {
			f = githubjobs.Merge(f, githubjobs.Facts{Result: &result})
			outcome = fmt.Sprintf("job %s: result %s", of, result.Result.Outcome)
		}
		if update, ok := hub.UpdateFact(c.GetID(), of.ID, c.GetMessage()); ok {
			f = githubjobs.Merge(f, githubjobs.Facts{Updates: []githubjobs.UpdateFact{update}})
			outcome = "job " + of.String() + ": result brought onto its base"
		}
	}
	return reading{facts: []githubjobs.Facts{of.Facts(f)}, outcome: outcome}, nil
}

// readSpec reads the creation commit, which is the head of the push that made the branch.
func readSpec(id string, c *github.HeadCommit) (*githubjobs.Spec, error) {
	if len(c.GetMessage()) > maxMessage {
		return nil, fmt.Errorf("job %s: a commit message of %d bytes", id, len(c.GetMessage()))
	}
	spec, err := githubjobs.ParseSpec(c.GetMessage())
	if err != nil {
		return nil, err
	}
	if spec.ID != id {
		return nil, fmt.Errorf("job %s: the commit carries the spec of job %s", id, spec.ID)
	}
	return &spec, nil
}

func readResult(id string, c *github.HeadCommit) (githubjobs.ResultFact, bool) {
	if len(c.GetMessage()) > maxMessage {
		return githubjobs.ResultFact{}, false
	}
	fact, ok := hub.ResultFact(c.GetID(), c.GetMessage(), c.GetTimestamp().Time)
	return fact, ok && fact.Result.ID == id
}
