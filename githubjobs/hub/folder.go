package hub

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"

	"github.com/google/go-github/v60/github"
)

// Folder is what a folder of a commit holds.
type Folder []*github.TreeEntry

// Root lists the root of a branch: two REST calls. No tag is taken for the branch.
// ErrNotFound: there is no such branch. ErrInvalid: GitHub does not list all of it.
func (r *Repository) Root(ctx context.Context, branch string) (Folder, error) {
	_, root, err := r.RootAt(ctx, branch)
	return root, err
}

// RootAt is Root, and says at which commit the branch stands.
func (r *Repository) RootAt(ctx context.Context, branch string) (head string, root Folder, err error) {
	if head, err = r.tip(ctx, branch); err != nil {
		return "", nil, err
	}
	root, err = r.Folder(ctx, head)
	return head, root, err
}

// tip is the commit at which a branch stands: one REST call. Where GitHub takes any name of a
// commit, that of a branch may be a tag's as well; so it is asked about the commit.
// ErrNotFound: there is no such branch.
func (r *Repository) tip(ctx context.Context, branch string) (string, error) {
	head, _, err := r.head(ctx, branch)
	if err == nil && head == "" {
		err = &Error{Op: "read branch " + branch, Kind: ErrNotFound, Message: "there is no branch " + branch}
	}
	return head, err
}

// Folder lists the folder with this SHA, of a tree or of a commit: one REST call.
func (r *Repository) Folder(ctx context.Context, sha string) (Folder, error) {
	op := "list folder " + sha
	tree, _, err := r.client.Git.GetTree(ctx, r.cfg.Owner, r.cfg.Name, sha, false)
	if err != nil {
		return nil, fail(ctx, op, err)
	}
	if tree.GetTruncated() {
		return nil, &Error{Op: op, Kind: ErrInvalid, Message: "a folder of the repository has more entries than GitHub lists"}
	}
	return tree.Entries, nil
}

// maxFile is what GitHub inlines of a file, in bytes; File reads no larger one.
const maxFile = 1 << 20

// File reads a regular file in a folder: one REST call. Unlike ReadFile it follows no
// symbolic link. ErrNotFound and ErrNoFile: there is no such name. ErrInvalid: it is something else
// than a regular file, or too large.
func (r *Repository) File(ctx context.Context, in Folder, name string) ([]byte, error) {
	op := "read " + name
	i := slices.IndexFunc(in, func(e *github.TreeEntry) bool { return e.GetPath() == name })
	if i < 0 {
		return nil, &Error{Op: op, Kind: ErrNotFound, Message: "there is no " + name, Err: ErrNoFile}
	}
	switch e := in[i]; {
	case e.GetMode() != "100644" && e.GetMode() != "100755":
		return nil, &Error{Op: op, Kind: ErrInvalid, Message: name + " is not a regular file"}
	case e.GetSize() > maxFile:
		return nil, &Error{Op: op, Kind: ErrInvalid, Message: fmt.Sprintf("%s has %d bytes; at most %d are read", name, e.GetSize(), maxFile)}
	}
	return r.Blob(ctx, in[i].GetSHA())
}

// Blob reads the content of a file by its SHA: one REST call. GitHub gives no more than
// 100 MB (docs.github.com, "Get a blob").
func (r *Repository) Blob(ctx context.Context, sha string) ([]byte, error) {
	op := "read blob " + sha
	blob, _, err := r.client.Git.GetBlob(ctx, r.cfg.Owner, r.cfg.Name, sha)
	if err != nil {
		return nil, fail(ctx, op, err)
	}
	content, err := base64.StdEncoding.DecodeString(blob.GetContent())
	if err != nil || blob.GetEncoding() != "base64" {
		return nil, &Error{Op: op, Kind: ErrInvalid, Message: "the blob " + sha + " cannot be decoded", Err: err}
	}
	return content, nil
}

// WatchedFile reads a regular file in the root of a branch, for who asks again and again:
// three REST calls, all of which GitHub answers by 304 while the branch stands still.
// ErrNoFile: the branch is there, and the file is not. See Root and File for other errors.
func (r *Repository) WatchedFile(ctx context.Context, name, branch string) ([]byte, error) {
	_, content, err := r.WatchedFileAt(ctx, name, branch)
	return content, err
}

// WatchedFileAt is WatchedFile, and says at which commit the branch stands, also where the
// file is not there.
func (r *Repository) WatchedFileAt(ctx context.Context, name, branch string) (head string, content []byte, err error) {
	ctx = whenChanged(ctx)
	head, root, err := r.RootAt(ctx, branch)
	if err != nil {
		return head, nil, err
	}
	content, err = r.File(ctx, root, name)
	return head, content, err
}
