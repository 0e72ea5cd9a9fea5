package gate

import "context"

// readCarried says which head may be merged: the job's own result, or what brings that onto
// newer commits of the base and does nothing else.
func (g *gate) readCarried(ctx context.Context, own ownResult, r *reading) error {
	v := &r.view
	v.WantSHA, v.Unknown = own.sha, own.why
	if own.sha == "" {
		return nil
	}
	var chain []string
	err := g.retry(ctx, func() (err error) {
		chain, v.Doubt, err = g.Repo.Carries(ctx, g.Job, g.Spec.Base, v.HeadSHA, own.sha)
		return err
	})
	if err != nil || len(chain) == 0 {
		return err
	}
	if v.WantSHA, v.Carried = v.HeadSHA, chain; len(chain) == 1 {
		return nil
	}
	return g.retry(ctx, func() error {
		commit, err := g.Repo.ReadCommit(ctx, v.HeadSHA)
		r.brought = commit.GetCommitter().GetDate().Time
		return err
	})
}
