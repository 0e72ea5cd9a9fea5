package hub

import (
	"context"
	"fmt"

	"github.com/google/go-github/v60/github"
)

// parting compares two commits by where head has parted from base. GitHub tells of one such commit,
// while a merge looks at all that there are: in a history that was merged crosswise, those that are
// below both, and not below one another. What leads from one of them to head is not all that the
// merge brings then, and the error is ErrCrosswise. It is ErrNotFound for commits that have nothing
// in common.
//
// It takes one REST call where one of the two has all of the other, else two.
func (r *Repository) parting(ctx context.Context, base, head string) (*github.CommitsComparison, error) {
	c, err := r.compare(ctx, base, head)
	if err != nil {
		return nil, err
	}
	from := c.GetMergeBaseCommit().GetSHA()
	if from == base || from == head {
		return c, nil
	}
	above, err := r.compare(ctx, from, head)
	if err != nil {
		return nil, err
	}
	// Head has just as many commits that from lacks as it has that base lacks: so whatever is
	// below both is below from.
	if n := above.GetAheadBy(); n == 0 || n != c.GetAheadBy() {
		return nil, &Error{
			Op: fmt.Sprintf("compare %.7s with %.7s", base, head), Kind: ErrCrosswise,
			Message: fmt.Sprintf("%.7s and %.7s have parted more than once, so that what a merge of them changes can't be told", base, head),
		}
	}
	return c, nil
}

// compare is one REST call.
func (r *Repository) compare(ctx context.Context, base, head string) (*github.CommitsComparison, error) {
	c, _, err := r.client.Repositories.CompareCommits(ctx, r.cfg.Owner, r.cfg.Name, base, head, &github.ListOptions{PerPage: 1})
	return c, fail(ctx, fmt.Sprintf("compare %.7s with %.7s", base, head), err)
}
