package hub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// MaxCatchUps bounds how often one result is brought onto newer commits of its base.
const MaxCatchUps = 10

// CatchUp is the head of a job's branch with the commits of the base that it lacks.
type CatchUp struct {
	Head string // what it is made of
	Onto string // the newest commit of the base
	// Over is the head of the branch where that is not Head: what has piled up above a result is left out.
	Over string
	// Behind is how many commits of the base the head lacks; 0: there is nothing to be done.
	Behind int
	tree   string
	made   []plumbing.EncodedObject // folders that GitHub lacks
}

// PlanCatchUp makes, and pushes nothing, what brings a head onto the newest commit of a base
// branch: file by file, the change that the head makes is made on that commit. Of files that
// both have changed nothing is merged: the error is a *ConflictError then. It is of kind
// ErrInvalid where the change can't be looked at, and ErrCrosswise where it is not told what it is.
//
// It takes three REST calls, one for each commit that is not known yet, and three for each
// folder in which both have changed something; two where there is nothing to be done.
func (r *Repository) PlanCatchUp(ctx context.Context, base, head string) (c CatchUp, err error) {
	c.Head = head
	if c.Onto, err = r.tip(ctx, base); err != nil {
		return c, err
	}
	b, err := r.broughtOnto(ctx, head, c.Onto)
	c.Behind, c.tree, c.made = b.behind, b.tree, b.made
	return c, err
}

// PushCatchUp pushes what was planned onto the branch, if that still is at its head, as a merge
// of head and base. It returns the new head. ErrRefMoved and ErrSuperseded: somebody was
// faster. ErrRefused and ErrForbidden: a rule or a lacking right, as the message says.
func (r *Repository) PushCatchUp(ctx context.Context, of githubjobs.Name, base, result string, c CatchUp, at time.Time) (sha string, err error) {
	commit, err := r.Commit(c.tree, c.Head, githubjobs.FormatUpdate(of, base, result), at, c.Onto)
	if err != nil {
		return "", err
	}
	sha = commit.Hash().String()
	results, err := r.PushOf(ctx, of, []Update{{Ref: "refs/heads/" + of.Branch(), Old: cmp.Or(c.Over, c.Head), New: sha}}, append(c.made, commit))
	if err != nil {
		return "", err
	}
	return sha, results[0]
}

// broughtOnto is the tree that a commit has once those of a base are merged into it, and the
// folders of it that GitHub may lack. The change is what a pull request shows: the difference
// from where the two have parted.
func (r *Repository) broughtOnto(ctx context.Context, head, onto string) (b brought, err error) {
	parting, err := r.parting(ctx, onto, head)
	if err != nil {
		return b, err
	}
	if parting.GetMergeBaseCommit().GetSHA() == onto {
		b.tree, err = r.treeOf(ctx, head)
		return b, err
	}
	var trees [3]string
	for i, commit := range []string{parting.GetMergeBaseCommit().GetSHA(), head, onto} {
		if trees[i], err = r.treeOf(ctx, commit); err != nil {
			return b, err
		}
	}
	t := &threeWay{repo: r, op: "bring it onto its base", instead: "press Update branch on the pull request, and merge it by hand", folders: map[string]map[string]treeEntry{}}
	tree, err := t.root(ctx, trees[0], trees[1], trees[2])
	if err == nil && len(t.conflicts) > 0 {
		err = &ConflictError{t.conflicts}
	}
	return brought{parting.GetBehindBy(), tree, t.made}, err
}

// brought is what becomes of a commit that lacks so many commits of another one.
type brought struct {
	behind int
	tree   string
	made   []plumbing.EncodedObject
}

// Carries says whether a head is a result, or brings that result onto newer commits of the base
// and does nothing else. It is told by what the commits hold, never by who made them: each
// commit from the head down to the result, by first parents, is a merge of a commit of the
// base branch, and has the very tree that PlanCatchUp would make. chain are these commits, the
// head first and the result last; where it is empty, why says in words what is not so.
//
// Its answer is about the commits above the result. What the head brings onto the base is told by
// Difference alone: only where that names all, what these commits bring is the change of the result.
//
// It takes no call for the result itself; for each commit above it six REST calls, and those
// for the folders in which both sides have changed something; one for a commit that was looked at
// before.
func (r *Repository) Carries(ctx context.Context, of githubjobs.Name, base, head, result string) (chain []string, why string, err error) {
	if head == result {
		return []string{head}, "", nil
	}
	ctx = whenChanged(ctx)
	tip, err := r.tip(ctx, base)
	if errors.Is(err, ErrNotFound) {
		return nil, "the base branch is gone", nil
	}
	for at := head; err == nil && at != result; {
		if len(chain) == MaxCatchUps {
			return nil, fmt.Sprintf("there are more than %d commits above it", MaxCatchUps), nil
		}
		var below string
		if below, why, err = r.caughtUp(ctx, of, base, tip, at, result); why != "" {
			return nil, why, err
		}
		chain, at = append(chain, at), below
	}
	if err != nil {
		return nil, "", err
	}
	return append(chain, result), "", nil
}

// caughtUp looks at one commit that is to be a merge of the base and nothing else; below is what
// it was merged into. What a commit holds never changes, so that it is looked at once; what is on
// the base may.
func (r *Repository) caughtUp(ctx context.Context, of githubjobs.Name, base, tip, sha, result string) (below, why string, err error) {
	var commit *github.Commit
	key := strings.Join([]string{sha, result, of.String(), base}, " ")
	parents, proved := r.proved.get(key)
	if !proved {
		if commit, err = r.ReadCommit(ctx, sha); err != nil {
			return "", "", err
		}
		if len(commit.Parents) != 2 || !isUpdate(of, base, result, commit.GetMessage()) {
			return "", fmt.Sprintf("the commit %.7s is no merge of %s that the gate or GitHub makes", sha, base), nil
		}
		parents = commit.Parents[0].GetSHA() + " " + commit.Parents[1].GetSHA()
	}
	below, onto, _ := strings.Cut(parents, " ")
	switch on, err := r.isBelow(ctx, onto, tip); {
	case errors.Is(err, ErrNotFound), err == nil && !on:
		return "", fmt.Sprintf("the commit %.7s merges %.7s, which is not on %s", sha, onto, base), nil
	case err != nil || proved:
		return below, "", err
	}
	if why, err = r.onlyMerges(ctx, commit, base, below, onto); why == "" && err == nil {
		r.proved.add(key, parents)
	}
	return below, why, err
}

// onlyMerges says in words why a commit is not the merge of its parents and nothing else; empty:
// it is.
func (r *Repository) onlyMerges(ctx context.Context, commit *github.Commit, base, below, onto string) (why string, err error) {
	sha := commit.GetSHA()
	b, err := r.broughtOnto(ctx, below, onto)
	conflict, both := errors.AsType[*ConflictError](err)
	switch {
	case both:
		return fmt.Sprintf("the commit %.7s merges %s, which both sides have changed, with %s", sha, conflict.Paths[0], base), nil
	case errors.Is(err, ErrNotFound):
		return fmt.Sprintf("the commit %.7s merges what has nothing in common", sha), nil
	case errors.Is(err, ErrInvalid), errors.Is(err, ErrCrosswise):
		return fmt.Sprintf("what the commit %.7s merges can't be looked at: %s", sha, Public(err)), nil
	case err != nil:
		return "", err
	case b.tree != commit.GetTree().GetSHA():
		return fmt.Sprintf("the commit %.7s does not only merge %s: it changes other files, or takes changes back", sha, base), nil
	}
	return "", nil
}

// isUpdate says whether a message is one that the gate writes, or GitHub's button "Update
// branch". Where the method of the merge is not squash it comes onto the base as it is.
func isUpdate(of githubjobs.Name, base, result, message string) bool {
	button := fmt.Sprintf("Merge branch '%s' into %s", base, of.Branch())
	message = strings.TrimRight(message, "\n")
	return message == button || message == strings.TrimRight(githubjobs.FormatUpdate(of, base, result), "\n")
}
