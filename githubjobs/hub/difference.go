package hub

import (
	"context"
	"maps"

	"github.com/google/go-github/v60/github"
)

// compareFiles is how many files GitHub shows of a comparison (docs.github.com, "Compare
// two commits"); a list of that length may be cut.
const compareFiles = 300

// Difference is what a pull request of one commit into another one changes.
type Difference struct {
	// From is the commit where the head has parted from the base, and Files are those in which
	// the head differs from it. Complete says that they are all; else there are none.
	From     string
	Files    []*github.CommitFile
	Complete bool
}

// Difference tells in what head differs from where it parted from base, both of
// them commits. The error is of kind ErrCrosswise where that is not all that a merge
// brings onto the base.
//
// It takes one REST call up to 299 files, and one more where the head lacks commits of the base;
// else two more, and one for each hundred files. These
// come from the list of the pull request, which is of whatever head that has at the moment: so
// the list is held, file by file, to the two commits.
func (r *Repository) Difference(ctx context.Context, pull int, base, head string) (d Difference, err error) {
	c, err := r.parting(ctx, base, head)
	if err != nil {
		return d, err
	}
	d.From = c.GetMergeBaseCommit().GetSHA()
	if len(c.Files) < compareFiles {
		d.Files, d.Complete = c.Files, true
		return d, nil
	}
	before, complete, err := r.everyFile(ctx, d.From)
	if err != nil || !complete {
		return d, err
	}
	after, complete, err := r.everyFile(ctx, head)
	if err != nil || !complete {
		return d, err
	}
	files, err := r.pullFiles(ctx, pull)
	if err == nil && tells(files, before, after) {
		d.Files, d.Complete = files, true
	}
	return d, err
}

// everyFile lists the files of a commit, in all folders: one REST call. complete is false
// where GitHub cuts the list.
func (r *Repository) everyFile(ctx context.Context, commit string) (files map[string][2]string, complete bool, err error) {
	tree, _, err := r.client.Git.GetTree(ctx, r.cfg.Owner, r.cfg.Name, commit, true)
	if err != nil {
		return nil, false, fail(ctx, "list the files of commit "+commit, err)
	}
	files = map[string][2]string{}
	for _, e := range tree.Entries {
		if e.GetType() != "tree" {
			files[e.GetPath()] = [2]string{e.GetSHA(), e.GetMode()}
		}
	}
	return files, !tree.GetTruncated(), nil
}

// tells says whether a list names exactly the files in which two commits differ, with the
// content that they have afterwards.
func tells(list []*github.CommitFile, before, after map[string][2]string) bool {
	differ := map[string]bool{}
	for path := range before {
		differ[path] = before[path] != after[path]
	}
	for path := range after {
		differ[path] = before[path] != after[path]
	}
	maps.DeleteFunc(differ, func(_ string, is bool) bool { return !is })
	told := map[string]bool{}
	for _, f := range list {
		now, there := after[f.GetFilename()]
		removed := f.GetStatus() == "removed"
		if !differ[f.GetFilename()] || removed == there || there && now[0] != f.GetSHA() {
			return false
		}
		told[f.GetFilename()] = true
		if f.GetStatus() == "renamed" {
			told[f.GetPreviousFilename()] = true
		}
	}
	return maps.Equal(told, differ)
}
