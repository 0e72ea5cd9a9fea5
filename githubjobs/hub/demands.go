package hub

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-github/v60/github"
)

// listPages bounds how many pages of checks, statuses or reviews are read. Who has more
// is told that the list is cut.
const listPages = 10

// every reads the pages of a list; complete says that there are no more.
func every[T any](ctx context.Context, op string, page func(github.ListOptions) ([]T, *github.Response, error)) (all []T, complete bool, err error) {
	opts := github.ListOptions{PerPage: perPage}
	for range listPages {
		items, res, err := page(opts)
		if err != nil {
			return nil, false, fail(ctx, op, err)
		}
		all = append(all, items...)
		if opts.Page = res.NextPage; opts.Page == 0 {
			return all, true, nil
		}
	}
	return all, false, nil
}

// CheckRuns lists the newest check runs of each name and suite on a commit: one REST
// call for 100, at most 1,000. What is not complete lacks some.
func (r *Repository) CheckRuns(ctx context.Context, sha string) (runs []*github.CheckRun, complete bool, err error) {
	total := 0
	runs, complete, err = every(ctx, "list the checks of commit "+sha, func(o github.ListOptions) ([]*github.CheckRun, *github.Response, error) {
		page, res, err := r.client.Checks.ListCheckRunsForRef(ctx, r.cfg.Owner, r.cfg.Name, sha, &github.ListCheckRunsOptions{Filter: github.String("latest"), ListOptions: o})
		if err != nil {
			return nil, res, err
		}
		total = page.GetTotal()
		return page.CheckRuns, res, nil
	})
	return runs, complete && len(runs) == total, err
}

// Statuses lists the commit statuses of a commit with their creators, all that were ever
// set, the newest first: one REST call for 100, at most 1,000.
func (r *Repository) Statuses(ctx context.Context, sha string) (statuses []*github.RepoStatus, complete bool, err error) {
	return every(ctx, "list the statuses of commit "+sha, func(o github.ListOptions) ([]*github.RepoStatus, *github.Response, error) {
		return r.client.Repositories.ListStatuses(ctx, r.cfg.Owner, r.cfg.Name, sha, &o)
	})
}

// Reviews lists the reviews of a pull request: one REST call for 100, at most 1,000.
func (r *Repository) Reviews(ctx context.Context, number int) (reviews []*github.PullRequestReview, complete bool, err error) {
	return every(ctx, fmt.Sprintf("list the reviews of pull request #%d", number), func(o github.ListOptions) ([]*github.PullRequestReview, *github.Response, error) {
		return r.client.PullRequests.ListReviews(ctx, r.cfg.Owner, r.cfg.Name, number, &o)
	})
}

// MayWrite says whether somebody may push to the repository: one REST call. GitHub tells
// of the roles between its own: maintain is write, triage is read.
func (r *Repository) MayWrite(ctx context.Context, login string) (bool, error) {
	level, _, err := r.client.Repositories.GetPermissionLevel(ctx, r.cfg.Owner, r.cfg.Name, login)
	if err = fail(ctx, "read what "+login+" may do", err); errors.Is(err, ErrNotFound) {
		return false, nil // nobody, or nobody any more
	}
	may := level.GetPermission()
	return may == "admin" || may == "write", err
}

// Behind is how many commits of the branch base the head has not: two REST calls.
func (r *Repository) Behind(ctx context.Context, base, head string) (int, error) {
	tip, err := r.tip(ctx, base)
	if err != nil {
		return 0, err
	}
	comparison, _, err := r.client.Repositories.CompareCommits(ctx, r.cfg.Owner, r.cfg.Name, tip, head, &github.ListOptions{PerPage: 1})
	if err != nil {
		return 0, fail(ctx, "compare "+base+" with "+head, err)
	}
	return comparison.GetBehindBy(), nil
}
