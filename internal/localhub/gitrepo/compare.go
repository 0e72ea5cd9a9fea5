package gitrepo

import "context"

// Comparison is what head brings on top of base, as a pull request counts it:
// against the merge base of the two.
type Comparison struct {
	Base, Head string // as given
	MergeBase  string
	Commits    int // that head has and base has not

	ChangedFiles, Additions, Deletions int
}

// Compare counts what head brings on top of base. ErrUnrelated when they have no
// common history.
func (r *Repo) Compare(ctx context.Context, base, head string) (Comparison, error) {
	c := Comparison{Base: base, Head: head}
	var err error
	if c.MergeBase, err = r.MergeBase(ctx, base, head); err != nil || c.MergeBase == head {
		return c, err
	}
	if c.Commits, err = r.Count(ctx, head, base); err != nil {
		return c, err
	}
	changes, err := r.Diff(ctx, c.MergeBase, head, false)
	c.ChangedFiles = len(changes)
	for _, f := range changes {
		c.Additions += f.Additions
		c.Deletions += f.Deletions
	}
	return c, err
}

// Fetch copies the commit sha, with its history, from another repository of this
// machine. No ref changes; nothing is ever collected as garbage here, so the
// commit stays.
func (r *Repo) Fetch(ctx context.Context, from *Repo, sha string) error {
	if err := checkSHAs(sha); err != nil {
		return err
	}
	_, err := r.git(ctx, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", from.dir, sha)
	return err
}

// PathSHA is the SHA of the file or folder at path in a commit, without a git
// process. ErrNotFound when there is nothing.
func (r *Repo) PathSHA(ctx context.Context, commit, path string) (string, error) {
	if err := checkPath(path); err != nil {
		return "", err
	}
	if err := checkSHAs(commit); err != nil {
		return "", err
	}
	obj, err := r.reader.read(ctx, "info", commit+":"+path)
	return obj.sha, err
}
