package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"
)

// AddLabels puts labels on a pull request, besides those that it has: one REST call. GitHub
// makes labels that the repository does not have, if the token may; else it puts on none.
func (r *Repository) AddLabels(ctx context.Context, number int, labels []string) error {
	_, _, err := r.client.Issues.AddLabelsToIssue(ctx, r.cfg.Owner, r.cfg.Name, number, labels)
	return fail(ctx, fmt.Sprintf("label pull request #%d", number), err)
}

// MakeLabels makes those labels that the repository does not have: one REST call for each
// hundred that it has, and one for each that it has not. It returns those that the token may
// not make: a workflow's needs "issues: write" for that.
func (r *Repository) MakeLabels(ctx context.Context, labels []string) (lacking []string, err error) {
	missing, err := r.unknownLabels(ctx, labels)
	for i, name := range missing {
		_, _, err := r.client.Issues.CreateLabel(ctx, r.cfg.Owner, r.cfg.Name, &github.Label{Name: &name})
		switch err = fail(ctx, fmt.Sprintf("make the label %q", name), err); {
		case err == nil, errors.Is(err, ErrInvalid): // somebody else has made it; or else who puts it on is told
		case errors.Is(err, ErrForbidden), errors.Is(err, ErrNotFound):
			return missing[i:], nil // it may not make the others either
		default:
			return nil, err
		}
	}
	return nil, err
}

// unknownLabels are those that the repository does not have. GitHub takes no notice of case.
func (r *Repository) unknownLabels(ctx context.Context, labels []string) (missing []string, err error) {
	missing = slices.Clone(labels)
	opts := &github.ListOptions{PerPage: perPage}
	for range maxPages {
		list, res, err := r.client.Issues.ListLabels(ctx, r.cfg.Owner, r.cfg.Name, opts)
		if err != nil {
			return nil, fail(ctx, "list the labels of "+r.FullName(), err)
		}
		missing = slices.DeleteFunc(missing, func(name string) bool {
			return slices.ContainsFunc(list, func(l *github.Label) bool { return strings.EqualFold(l.GetName(), name) })
		})
		if opts.Page = res.NextPage; opts.Page == 0 || len(missing) == 0 {
			break
		}
	}
	return missing, nil
}
