package rest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

const queueOnly = "Changes must be made through the merge queue"

// unprotected says in GitHub's words what a branch's protection has against a merge, the merge queue apart.
func (c *Context) unprotected(git *gitrepo.Repo, p state.Pull, base string) error {
	rules := c.Repo.Protections[p.BaseRef]
	var why string
	c.View(func(tx *state.Tx, _ shape.Builder) { why = missing(tx, c.Repo, rules, p) })
	if why == "" && rules.UpToDate {
		in, err := git.IsAncestor(c.Context(), base, p.HeadSHA)
		if err != nil {
			return err
		}
		if !in {
			why = "The head branch is not up to date with the base branch."
		}
	}
	if why != "" {
		return notMergeable(why)
	}
	return nil
}

// missing is what reviews and checks lack for the rules; empty when nothing is.
func missing(tx *state.Tx, r state.Repository, rules state.Protection, p state.Pull) string {
	if approvals, against := opinions(tx, r, p); rules.Approvals > 0 && against {
		return "Changes have been requested."
	} else if approvals < rules.Approvals {
		review, are := "review", "is"
		if rules.Approvals > 1 {
			review, are = "reviews", "are"
		}
		return fmt.Sprintf("At least %d approving %s %s required by reviewers with write access.", rules.Approvals, review, are)
	}
	for _, name := range rules.Checks {
		if how := standing(tx, r.ID, p.HeadSHA, name); how != "" {
			return fmt.Sprintf("Required status check %q is %s.", name, how)
		}
	}
	return ""
}

// opinions counts approvals by people with write access, of whom the latest review counts, and says whether one of them asks for changes.
func opinions(tx *state.Tx, r state.Repository, p state.Pull) (approvals int, against bool) {
	latest := map[int64]string{}
	for v := range tx.Reviews.Of(p.ID) {
		u, _ := tx.Users.Get(v.AuthorID)
		if v.State != "COMMENTED" && v.State != "PENDING" && slices.Contains([]string{"admin", "write"}, permissionOf(r, u)) {
			latest[v.AuthorID] = v.State
		}
	}
	for _, s := range latest {
		if s == "APPROVED" {
			approvals++
		}
		against = against || s == "CHANGES_REQUESTED"
	}
	return approvals, against
}

// standing is what is wrong with a required check: expected, in progress or failing; empty when it has passed.
func standing(tx *state.Tx, repositoryID int64, sha, name string) string {
	for run := range tx.CheckRuns.Newest(repositoryID) {
		switch {
		case run.HeadSHA != sha || run.Name != name:
			continue
		case run.Status != "completed":
			return "in progress"
		case !slices.Contains(strings.Fields("success neutral skipped"), run.Conclusion):
			return "failing"
		}
		return ""
	}
	for _, s := range latestStatuses(tx, repositoryID, sha) {
		switch {
		case s.Context != name:
			continue
		case s.State == "pending":
			return "pending"
		case s.State != "success":
			return "failing"
		}
		return ""
	}
	return "expected"
}
