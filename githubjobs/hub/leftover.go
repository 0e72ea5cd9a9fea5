package hub

import (
	"context"
	"time"

	"github.com/google/go-github/v60/github"
)

// staleTries and stalePause bound the wait for GitHub's newest test merge.
const (
	staleTries = 3
	stalePause = 500 * time.Millisecond
)

// AddsNothing says whether the merge of a pull request would leave its base branch
// as it is, since the same changes came there by another way. GitHub does not tell:
// it counts what a pull request changes from where its branch parted from the base.
//
// While the base has not moved since then it takes two REST calls; else three more,
// for GitHub's test merge (merge_commit_sha) whose tree is compared with its base's.
// A pull request with conflicts adds something.
func (r *Repository) AddsNothing(ctx context.Context, pull int, base, head string, wait Wait) (bool, error) {
	tip, err := r.moved(ctx, base, head)
	if err != nil || tip == "" {
		return false, err
	}
	for try := 1; ; try++ {
		p, err := r.Mergeable(ctx, pull, wait)
		if err != nil || !p.GetMergeable() || p.GetMergeCommitSHA() == "" {
			return false, err
		}
		merge, err := r.ReadCommit(ctx, p.GetMergeCommitSHA())
		if err != nil || len(merge.Parents) == 0 {
			return false, err
		}
		if on := merge.Parents[0].GetSHA(); on == tip || try == staleTries {
			before, err := r.ReadCommit(ctx, on)
			return err == nil && before.GetTree().GetSHA() == merge.GetTree().GetSHA(), err
		}
		// The test merge is older than the base, or the base has moved once more.
		if err := wait(ctx, stalePause); err != nil {
			return false, err
		}
		if tip, err = r.moved(ctx, base, head); err != nil {
			return false, err
		}
	}
}

// moved is the newest commit of base, if it is not in head's history already.
func (r *Repository) moved(ctx context.Context, base, head string) (tip string, err error) {
	if tip, err = r.tip(ctx, base); err != nil {
		return "", err
	}
	c, _, err := r.client.Repositories.CompareCommits(ctx, r.cfg.Owner, r.cfg.Name, tip, head, &github.ListOptions{PerPage: 1})
	if err != nil {
		return "", fail(ctx, "compare "+base+" with "+head, err)
	}
	if tip == c.GetMergeBaseCommit().GetSHA() {
		return "", nil
	}
	return tip, nil
}

// Ahead says whether a commit is, or has come from, another one: one REST call.
func (r *Repository) Ahead(ctx context.Context, from, to string) (bool, error) {
	c, _, err := r.client.Repositories.CompareCommits(ctx, r.cfg.Owner, r.cfg.Name, from, to, &github.ListOptions{PerPage: 1})
	status := c.GetStatus()
	return status == "ahead" || status == "identical", fail(ctx, "compare "+from+" with "+to, err)
}
