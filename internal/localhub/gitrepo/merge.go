package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// MergeTree merges two commits and returns the tree, without making a commit.
// A *ConflictError names the paths that conflict; ErrUnrelated when the two have
// no common history.
func (r *Repo) MergeTree(ctx context.Context, ours, theirs string) (string, error) {
	if err := checkSHAs(ours, theirs); err != nil {
		return "", err
	}
	out, err := r.git(ctx, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", ours, theirs)
	switch fields := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"); {
	case err == nil:
		return strings.TrimSpace(fields[0]), nil
	case exitCode(err) == 1:
		return "", &ConflictError{Paths: fields[1:]}
	case strings.Contains(err.Error(), "unrelated histories"):
		return "", fmt.Errorf("%s and %s: %w", ours, theirs, ErrUnrelated)
	}
	return "", err
}

// Merge makes a merge commit of head into base; no ref changes. c's tree and
// parents are filled in.
func (r *Repo) Merge(ctx context.Context, base, head string, c NewCommit) (string, error) {
	tree, err := r.MergeTree(ctx, base, head)
	if err != nil {
		return "", err
	}
	c.Tree, c.Parents = tree, []string{base, head}
	return r.CreateCommit(ctx, c)
}

// Squash makes one commit on base with all that head changes; no ref changes.
func (r *Repo) Squash(ctx context.Context, base, head string, c NewCommit) (string, error) {
	tree, err := r.MergeTree(ctx, base, head)
	if err != nil {
		return "", err
	}
	c.Tree, c.Parents = tree, []string{base}
	return r.CreateCommit(ctx, c)
}

// Rebase replays the commits of base..head, without merges, one by one onto base
// and returns the new tip; no ref changes. Authors and messages are kept, the
// committer is the given one, so every SHA is new, as on GitHub. A commit whose
// change base has already is dropped. Where that comes to other files than a merge
// would, as a merge commit of base..head can bring about, the error is ErrDiffers.
func (r *Repo) Rebase(ctx context.Context, base, head string, committer Signature) (string, error) {
	commits, err := r.Log(ctx, LogOptions{Tip: head, Not: base, OldestFirst: true, NoMerges: true})
	if err != nil {
		return "", err
	}
	tip := base
	for _, c := range commits {
		if tip, err = r.pick(ctx, tip, c, committer); err != nil {
			return "", err
		}
	}
	tree, err := r.MergeTree(ctx, base, head)
	if err != nil {
		return "", err
	}
	made, err := r.Commit(ctx, tip)
	if err == nil && made.Tree != tree {
		err = fmt.Errorf("rebase %s onto %s: %w", head, base, ErrDiffers)
	}
	return tip, err
}

// pick replays one commit onto tip.
func (r *Repo) pick(ctx context.Context, tip string, c Commit, committer Signature) (string, error) {
	onto, err := r.Commit(ctx, tip)
	if err != nil {
		return "", err
	}
	if len(c.Parents) != 1 {
		return "", fmt.Errorf("replay %s: %w", c.SHA, ErrUnrelated)
	}
	parent, err := r.Commit(ctx, c.Parents[0])
	if err != nil {
		return "", err
	}
	tree := c.Tree
	if onto.Tree != parent.Tree {
		if tree, err = r.pickTree(ctx, onto, parent, c); err != nil {
			return "", err
		}
		if tree == onto.Tree && c.Tree != parent.Tree {
			return tip, nil
		}
	}
	return r.CreateCommit(ctx, NewCommit{
		Tree: tree, Parents: []string{tip}, Author: c.Author, Committer: committer, Message: c.Message,
	})
}

// pickTree is the three-way merge of onto and c with parent as the base. Since
// merge-tree finds the base itself, it is shown a commit with onto's tree and
// c's parent ("--merge-base" came with git 2.40 only).
func (r *Repo) pickTree(ctx context.Context, onto, parent, c Commit) (string, error) {
	stand, err := r.CreateCommit(ctx, NewCommit{
		Tree: onto.Tree, Parents: []string{parent.SHA}, Author: c.Author, Committer: c.Committer, Message: "replay\n",
	})
	if err != nil {
		return "", err
	}
	tree, err := r.MergeTree(ctx, stand, c.SHA)
	if conflict, ok := errors.AsType[*ConflictError](err); ok {
		conflict.Commit = c.SHA
	}
	return tree, err
}
