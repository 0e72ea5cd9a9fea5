package web

import (
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
)

// comparePage is the data of a comparison of two revisions.
type comparePage struct {
	Base, Head revision
	Commits    []commitItem
	More       bool
	Diff       diff
}

// showCompare compares "base...head"; without a base, the default branch.
func showCompare(q *request) error {
	ctx := q.Context()
	base, head, plain, err := q.compared(q.PathValue("rest"))
	if err != nil {
		return err
	}
	fork, err := q.git.MergeBase(ctx, base.SHA, head.SHA)
	if err != nil {
		return fmt.Errorf("%w: %w", errNotFound, err)
	}
	if plain {
		return q.servePlainDiff(fork, head.SHA)
	}
	commits, err := q.git.Log(ctx, gitrepo.LogOptions{Tip: head.SHA, Not: base.SHA, Limit: maxPullCommits + 1})
	if err != nil {
		return err
	}
	p := comparePage{Base: base, Head: head, Commits: q.items(commits[:min(len(commits), maxPullCommits)]), More: len(commits) > maxPullCommits}
	if p.Diff, err = q.diff(ctx, fork, head.SHA); err != nil {
		return err
	}
	return q.show("compare", "Comparing "+base.Ref+" and "+head.Ref, p)
}

// compared finds the two revisions that the address names, and whether it asks for a plain diff: "main...job/1.diff", unless a branch has that name.
func (q *request) compared(spec string) (base, head revision, plain bool, err error) {
	baseName, headName, found := strings.Cut(spec, "...")
	if !found {
		baseName, headName = q.repo.DefaultBranch, baseName
	}
	if base, err = q.wholeRevision(baseName); err != nil {
		return base, head, false, err
	}
	head, err = q.wholeRevision(headName)
	if name, ok := strings.CutSuffix(headName, ".diff"); ok && err != nil {
		head, err = q.wholeRevision(name)
		return base, head, true, err
	}
	return base, head, false, err
}

// wholeRevision is a revision without a path.
func (q *request) wholeRevision(name string) (revision, error) {
	rev, err := q.revision(name)
	if err == nil && (name == "" || rev.Path != "") {
		err = errNotFound
	}
	return rev, err
}
