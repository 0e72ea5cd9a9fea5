package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Resolve finds the commit that rev names, as GitHub's REST does: a full or
// short (at least 4 digits) SHA, a full ref, "heads/x", "tags/x", a branch, a
// tag, or HEAD. Branches go before tags, and both before a short SHA.
// ErrNotFound when nothing fits.
func (r *Repo) Resolve(ctx context.Context, rev string) (string, error) {
	for _, expr := range candidates(rev) {
		if strings.HasPrefix(expr, "refs/") {
			ref, err := r.Ref(ctx, expr)
			if errors.Is(err, ErrNotFound) {
				continue
			} else if err != nil {
				return "", err
			}
			expr = ref.Commit
		}
		obj, err := r.reader.read(ctx, "info", expr+"^{commit}")
		if err == nil {
			return obj.sha, nil
		}
		if !isAnswer(err) {
			return "", err
		}
	}
	return "", fmt.Errorf("%q names no commit: %w", rev, ErrNotFound)
}

func candidates(rev string) []string {
	if rev == "HEAD" || IsSHA(rev) {
		return []string{rev}
	}
	var all []string
	for _, prefix := range []string{"", "refs/", "refs/heads/", "refs/tags/"} {
		if prefix == "" && !strings.HasPrefix(rev, "refs/") {
			continue
		}
		if prefix == "refs/" && !strings.HasPrefix(rev, "heads/") && !strings.HasPrefix(rev, "tags/") && !strings.HasPrefix(rev, "pull/") {
			continue
		}
		if CheckRef(prefix+rev) == nil {
			all = append(all, prefix+rev)
		}
	}
	if short := strings.ToLower(rev); len(short) >= 4 && len(short) <= 40 && isHex(short) {
		all = append(all, short)
	}
	return all
}

// Commit reads a commit by its full SHA. ErrNotFound when there is no such
// commit.
func (r *Repo) Commit(ctx context.Context, sha string) (Commit, error) {
	obj, err := r.contents(ctx, sha, "commit")
	if err != nil {
		return Commit{}, err
	}
	return parseCommit(sha, obj.data)
}

// Blob reads a blob by its full SHA.
func (r *Repo) Blob(ctx context.Context, sha string) ([]byte, error) {
	obj, err := r.contents(ctx, sha, "blob")
	return obj.data, err
}

// File reads the blob at path in a commit or tree. ErrNotFound when there is
// nothing, ErrWrongType when it is no file.
func (r *Repo) File(ctx context.Context, tree, path string) ([]byte, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	if err := checkSHAs(tree); err != nil {
		return nil, err
	}
	obj, err := r.reader.read(ctx, "contents", tree+":"+path)
	if err == nil && obj.kind != "blob" {
		return nil, fmt.Errorf("%s is a %s: %w", path, obj.kind, ErrWrongType)
	}
	return obj.data, err
}

// ObjectType is "commit", "tree", "blob" or "tag", and the size in bytes.
func (r *Repo) ObjectType(ctx context.Context, sha string) (string, int64, error) {
	if err := checkSHAs(sha); err != nil {
		return "", 0, err
	}
	obj, err := r.reader.read(ctx, "info", sha)
	return obj.kind, obj.size, err
}

func (r *Repo) contents(ctx context.Context, sha, kind string) (object, error) {
	if err := checkSHAs(sha); err != nil {
		return object{}, err
	}
	obj, err := r.reader.read(ctx, "contents", sha)
	if err == nil && obj.kind != kind {
		return object{}, fmt.Errorf("%s is a %s, not a %s: %w", sha, obj.kind, kind, ErrWrongType)
	}
	return obj, err
}

// Tree lists a tree (or the tree of a commit) by full SHA; with recursive, all
// that is below, trees included, in git's order.
func (r *Repo) Tree(ctx context.Context, sha string, recursive bool) ([]Entry, error) {
	args := []string{"ls-tree", "-z", "-l", "--full-tree"}
	if recursive {
		args = append(args, "-r", "-t")
	}
	return r.lsTree(ctx, sha, args)
}

// Entry finds one path in a commit or tree. ErrNotFound when it is not there.
func (r *Repo) Entry(ctx context.Context, tree, path string) (Entry, error) {
	if err := checkPath(path); err != nil {
		return Entry{}, err
	}
	found, err := r.lsTree(ctx, tree, []string{"ls-tree", "-z", "-l", "--full-tree"}, path)
	if err != nil {
		return Entry{}, err
	}
	if len(found) != 1 {
		return Entry{}, fmt.Errorf("%s in %s: %w", path, tree, ErrNotFound)
	}
	return found[0], nil
}

func (r *Repo) lsTree(ctx context.Context, sha string, args []string, paths ...string) ([]Entry, error) {
	kind, _, err := r.ObjectType(ctx, sha)
	if err != nil {
		return nil, err
	}
	if kind == "blob" {
		return nil, fmt.Errorf("%s is a blob: %w", sha, ErrWrongType)
	}
	args = append(append(args, sha, "--"), paths...)
	out, err := r.git(ctx, args...)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for rec := range strings.SplitSeq(string(out), "\x00") {
		meta, path, ok := strings.Cut(rec, "\t")
		f := strings.Fields(meta)
		if !ok || len(f) != 4 {
			continue
		}
		size, _ := strconv.ParseInt(f[3], 10, 64) // "-" for what is no blob
		entries = append(entries, Entry{Mode: f[0], Type: f[1], SHA: f[2], Size: size, Path: path})
	}
	return entries, nil
}
