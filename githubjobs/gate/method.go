package gate

import (
	"context"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// readMethod says how the head is merged: as the policy wants. But a rebase takes over single
// commits alone, and leaves out what a merge commit holds; a result that was brought onto a newer
// base is one. Such a head is squashed, which is one commit on the base too.
func (g *gate) readMethod(ctx context.Context, r *reading) error {
	r.method = r.policy.Merge.Method
	if r.method != policy.Rebase || r.resultSHA == "" {
		return nil
	}
	for sha, read := r.view.HeadSHA, 0; sha != g.JobSHA; read++ {
		var commit *github.Commit
		err := g.retry(ctx, func() (err error) { commit, err = g.Repo.ReadCommit(ctx, sha); return err })
		if err != nil {
			return err
		}
		if len(commit.Parents) != 1 || read == maxResults {
			r.method = policy.Squash
			return nil
		}
		sha = commit.Parents[0].GetSHA()
	}
	return nil
}
