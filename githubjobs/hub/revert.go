package hub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Revert says what is to be taken back.
type Revert struct {
	Spec  githubjobs.Spec
	Pull  int    // that was merged
	Merge string // SHA of the merge
	Base  string // branch that it was merged into
	At    time.Time
	// Holds says of a label that it holds the pull request; nil: none does.
	Holds func(label string) bool
}

var (
	// ErrUndone: the base does not hold the changes any more; there is nothing to take back.
	ErrUndone = errors.New("the base does not hold the changes any more")
	// ErrStranger: the branch of the revert is there, and holds something else.
	ErrStranger = errors.New("the branch of the revert holds something else")
)

// ConflictError: what was merged was changed since, in these files.
type ConflictError struct{ Paths []string }

func (e *ConflictError) Error() string {
	return "changed since the merge: " + strings.Join(e.Paths, ", ")
}

// undosOf are the pull requests from the branch that takes a job back, the newest first: one
// REST call.
func (r *Repository) undosOf(ctx context.Context, id string) ([]*github.PullRequest, error) {
	pulls, _, err := r.client.PullRequests.List(ctx, r.cfg.Owner, r.cfg.Name, &github.PullRequestListOptions{
		State: "all", Head: r.cfg.Owner + ":" + githubjobs.UndoBranch(id), ListOptions: github.ListOptions{PerPage: perPage},
	})
	return pulls, fail(ctx, "list the pull requests that take back job "+id, err)
}

// OpenRevert opens the pull request that takes a merge back, from a branch of the job's own, or
// finds the one that there is; opened says which. Of files that differ on the base from what
// was merged it takes back nothing: the error is a *ConflictError. ErrUndone and ErrStranger
// are others.
//
// It takes one REST call to find it; else five, three for each folder down to the changes, and
// two requests for the push. The branch is created and never moved, so that of two callers at
// once only one makes it, and what was left half done is gone on with.
func (r *Repository) OpenRevert(ctx context.Context, v Revert) (pull *github.PullRequest, opened bool, err error) {
	if pull, err = r.findRevert(ctx, v.Spec.ID); pull != nil || err != nil {
		return pull, false, err
	}
	title, message, body := githubjobs.FormatUndo(v.Spec, v.Pull, v.Merge)
	if err := r.pushRevert(ctx, v, message); err != nil {
		return nil, false, err
	}
	pull, err = r.OpenPull(ctx, NewPull{Title: title, Body: body, Head: githubjobs.UndoBranch(v.Spec.ID), Base: v.Base})
	if errors.Is(err, ErrPullExists) {
		pull, err = r.findRevert(ctx, v.Spec.ID)
		return pull, false, err
	}
	return pull, err == nil, err
}

// findRevert is the pull request that there is: an open or a merged one before others; nil for none.
func (r *Repository) findRevert(ctx context.Context, id string) (found *github.PullRequest, err error) {
	pulls, err := r.undosOf(ctx, id)
	for _, pull := range pulls {
		_, fact, ok := r.UndoFact(pull)
		if ok && (found == nil || fact.Open || fact.Merged) {
			found = pull
		}
	}
	return found, err
}

func (r *Repository) pushRevert(ctx context.Context, v Revert, message string) error {
	onto, err := r.tip(ctx, v.Base)
	if err != nil {
		return err
	}
	tree, objects, err := r.revertedTree(ctx, v, onto)
	if err != nil {
		return err
	}
	commit, err := r.Commit(tree, onto, message, v.At)
	if err != nil {
		return err
	}
	branch := githubjobs.UndoBranch(v.Spec.ID)
	results, err := r.Push(ctx, []Update{{Ref: "refs/heads/" + branch, New: commit.Hash().String()}}, append(objects, commit))
	if err != nil {
		return err
	}
	if !errors.Is(results[0], ErrRefMoved) {
		return results[0]
	}
	// Somebody else has made it meanwhile, or an earlier call got no further.
	head, _, err := r.head(ctx, branch)
	if err != nil {
		return err
	}
	is, err := r.isRevert(ctx, v, head)
	if err == nil && !is {
		err = &Error{Op: "push " + branch, Kind: ErrStranger, Message: fmt.Sprintf("delete the branch %s, which is not the server's", branch)}
	}
	return err
}

// MergeRevert merges the pull request that takes a merge back, if its head is a commit that
// does that and nothing else, also on the base as it stands now, and no label holds it. It
// returns the SHA of the merge.
func (r *Repository) MergeRevert(ctx context.Context, v Revert, number int, wait Wait) (sha string, err error) {
	pull, err := r.Mergeable(ctx, number, wait)
	if err != nil {
		return "", err
	}
	if pull.GetMerged() {
		return pull.GetMergeCommitSHA(), nil
	}
	head := pull.GetHead().GetSHA()
	is, err := r.isRevert(ctx, v, head)
	if err == nil && (!is || pull.GetBase().GetRef() != v.Base) {
		err = &Error{Op: "merge the revert", Kind: ErrStranger, Message: fmt.Sprintf("somebody has changed pull request #%d", number)}
	}
	if err != nil {
		return "", err
	}
	// Lines are not merged: what was changed since the revert was made is left to a person.
	tip, err := r.tip(ctx, v.Base)
	if err != nil {
		return "", err
	}
	if _, _, err := r.revertedTree(ctx, v, tip); err != nil {
		if conflict, ok := errors.AsType[*ConflictError](err); ok {
			err = &Error{Op: "merge the revert", Kind: ErrNotMergeable, Message: conflict.Error() + "; a person has to merge it", Err: err}
		}
		return "", err
	}
	// The merge is pinned to the head alone: the base is asked for last before it, and after it.
	if pull, err = r.Pull(ctx, number); err != nil {
		return "", err
	}
	if pull.GetBase().GetRef() != v.Base || pull.GetHead().GetSHA() != head || pull.GetState() != "open" || pull.GetDraft() {
		return "", &Error{Op: "merge the revert", Kind: ErrStranger, Message: fmt.Sprintf("somebody has changed pull request #%d", number)}
	}
	for _, label := range pull.Labels {
		if v.Holds != nil && v.Holds(label.GetName()) {
			return "", &Error{Op: "merge the revert", Kind: ErrNotMergeable, Message: "held by the label " + label.GetName() + "; take it off and say it again"}
		}
	}
	title, message, _ := githubjobs.FormatUndo(v.Spec, v.Pull, v.Merge)
	_, message, _ = strings.Cut(message, "\n\n")
	sha, err = r.MergePull(ctx, MergeRequest{Number: number, SHA: head, Method: "squash", Title: fmt.Sprintf("%s (#%d)", title, number), Message: message})
	if err != nil {
		return "", err
	}
	if pull, err = r.Pull(ctx, number); err == nil && pull.GetBase().GetRef() != v.Base {
		err = &Error{Op: "merge the revert", Kind: ErrStranger, Message: fmt.Sprintf("somebody has changed the base of pull request #%d at that moment: it was merged into %s as %s", number, pull.GetBase().GetRef(), sha)}
	}
	return sha, err
}

// isRevert says whether a commit stands on the base, and takes back the merge and nothing else.
func (r *Repository) isRevert(ctx context.Context, v Revert, sha string) (bool, error) {
	commit, err := r.ReadCommit(ctx, sha)
	if err != nil || len(commit.Parents) != 1 {
		return false, err
	}
	onto := commit.Parents[0].GetSHA()
	on, err := r.isOn(ctx, onto, v.Base)
	if err != nil || !on {
		return false, err
	}
	tree, _, err := r.revertedTree(ctx, v, onto)
	if _, conflict := errors.AsType[*ConflictError](err); conflict || errors.Is(err, ErrUndone) {
		return false, nil
	}
	return err == nil && tree == commit.GetTree().GetSHA(), err
}

// isOn says whether a commit is in the history of a branch: two REST calls.
func (r *Repository) isOn(ctx context.Context, commit, branch string) (bool, error) {
	tip, err := r.tip(ctx, branch)
	if err != nil {
		return false, err
	}
	return r.isBelow(ctx, commit, tip)
}

// isBelow says whether a commit is another one, or in its history: one REST call.
func (r *Repository) isBelow(ctx context.Context, commit, tip string) (bool, error) {
	c, err := r.compare(ctx, commit, tip)
	return err == nil && (c.GetStatus() == "ahead" || c.GetStatus() == "identical"), err
}

// revertedTree is the tree that a commit of the base has once the merge is taken back, and the
// objects that make it and that GitHub may lack.
func (r *Repository) revertedTree(ctx context.Context, v Revert, onto string) (tree string, made []plumbing.EncodedObject, err error) {
	after, before, err := r.around(ctx, v)
	if err != nil {
		return "", nil, err
	}
	now, err := r.treeOf(ctx, onto)
	if err != nil {
		return "", nil, err
	}
	t := &threeWay{repo: r, op: "take back the merge", instead: "revert it with git", folders: map[string]map[string]treeEntry{}}
	tree, err = t.root(ctx, after, before, now)
	switch {
	case err != nil:
		return "", nil, err
	case len(t.conflicts) > 0:
		return "", nil, &ConflictError{t.conflicts}
	case tree == now:
		return "", nil, &Error{Op: "take back the merge", Kind: ErrUndone, Message: "nothing is left of it on " + v.Base}
	}
	return tree, t.made, nil
}

// maxRebased bounds the commits of a job that a rebase has put onto the base: attempts mostly leave
// one, and the creation commit.
const maxRebased = 30

// around are the trees after and before a merge. A squash or a merge is one commit on the base;
// of a rebase all commits are the job's, which each say so.
func (r *Repository) around(ctx context.Context, v Revert) (after, before string, err error) {
	commit, err := r.ReadCommit(ctx, v.Merge)
	if err != nil {
		return "", "", err
	}
	after = commit.GetTree().GetSHA()
	for range maxRebased {
		if len(commit.Parents) == 0 {
			break
		}
		if commit, err = r.ReadCommit(ctx, commit.Parents[0].GetSHA()); err != nil {
			return "", "", err
		}
		if !isOf(v.Spec.ID, commit.GetMessage()) {
			return after, commit.GetTree().GetSHA(), nil
		}
	}
	return "", "", &Error{Op: "take back the merge", Kind: ErrInvalid, Message: "the merge has no commit before it that is not the job's; revert it with git"}
}

// isOf says whether a message is that of a commit of the job's branch.
func isOf(id, message string) bool {
	if spec, err := githubjobs.ParseSpec(message); err == nil {
		return spec.ID == id
	}
	result, err := githubjobs.ParseResult(message)
	return err == nil && result.ID == id
}
