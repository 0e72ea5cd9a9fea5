package hub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// laterBranches are the branches that exist of attempts after this one, in their order:
// one REST call.
func (r *Repository) laterBranches(ctx context.Context, of githubjobs.Name) (later []githubjobs.Name, err error) {
	refs, _, err := r.client.Git.ListMatchingRefs(ctx, r.cfg.Owner, r.cfg.Name, &github.ReferenceListOptions{Ref: "heads/" + githubjobs.Branch(of.ID) + "."})
	if err != nil {
		return nil, fail(ctx, "list the attempts of job "+of.ID, err)
	}
	for _, ref := range refs {
		if n, ok := laterThan(of, ref.GetRef()); ok {
			later = append(later, n)
		}
	}
	slices.SortFunc(later, func(a, b githubjobs.Name) int { return a.Attempt - b.Attempt })
	return later, nil
}

// laterThan says whether a ref is the branch of a later attempt of the same job.
func laterThan(of githubjobs.Name, ref string) (githubjobs.Name, bool) {
	branch, ok := strings.CutPrefix(ref, "refs/heads/")
	if !ok {
		return githubjobs.Name{}, false
	}
	n, ok := githubjobs.ParseBranch(branch)
	return n, ok && n.ID == of.ID && n.Attempt > of.Attempt
}

// Superseded says whether a later attempt of the job has begun, and which: by its
// branch, or by the pull request of the next one, whose branch may be deleted since. It
// takes one or two REST calls.
func (r *Repository) Superseded(ctx context.Context, of githubjobs.Name, base string) (by githubjobs.Name, is bool, err error) {
	later, err := r.laterBranches(ctx, of)
	if err != nil {
		return by, false, err
	}
	if len(later) > 0 {
		return later[0], true, nil
	}
	next := githubjobs.Name{ID: of.ID, Attempt: of.Attempt + 1}
	switch _, err := r.FindPull(ctx, next, base); {
	case err == nil:
		return next, true, nil
	case errors.Is(err, ErrNotFound):
		return next, false, nil
	default:
		return next, false, err
	}
}

// PushOf is Push for an attempt of a job. When the branch of a later attempt is there,
// nothing is moved, and the error is of kind ErrSuperseded.
func (r *Repository) PushOf(ctx context.Context, of githubjobs.Name, updates []Update, objects []plumbing.EncodedObject) ([]error, error) {
	push, err := r.openPush(ctx)
	if err != nil {
		return nil, err
	}
	for ref := range push.adv.References {
		if by, later := laterThan(of, ref); later {
			return nil, &Error{Op: "push " + of.Branch(), Kind: ErrSuperseded, Message: fmt.Sprintf("attempt %d, on the branch %s", by.Attempt, by.Branch())}
		}
	}
	return push.send(ctx, updates, objects)
}
