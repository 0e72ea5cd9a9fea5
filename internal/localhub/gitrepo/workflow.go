package gitrepo

import (
	"context"
	"strings"
)

// workflows is the folder that tokens without the workflows permission may not
// change.
const workflows = ".github/workflows"

// WorkflowChange looks at the commits that tip (a full SHA) would bring and that
// no branch has yet, and returns the first workflow file that one of them
// changes, or "". As on GitHub, a file with the same path and content as on the
// default branch is no change: merging main into a branch is allowed.
//
// Every new commit counts, not only the tip: one that was slipped in below a
// merge could be made a branch later.
func (r *Repo) WorkflowChange(ctx context.Context, tip string) (string, error) {
	if err := checkSHAs(tip); err != nil {
		return "", err
	}
	out, err := r.git(ctx, "log", "--format=", "-z", "-c", "--raw", "--no-abbrev", "--no-renames",
		"--full-history", tip, "--not", "--branches", "--", workflows)
	if err != nil {
		return "", err
	}
	records := strings.Split(string(out), "\x00")
	for i := 0; i+1 < len(records); i++ {
		meta := strings.TrimSpace(records[i])
		if !strings.HasPrefix(meta, ":") {
			continue
		}
		i++
		known, err := r.onDefaultBranch(ctx, records[i], blobAfter(meta))
		if err != nil || !known {
			return records[i], err
		}
	}
	return "", nil
}

// blobAfter is the resulting blob of a raw record, ":100644 100644 old new M",
// which has more modes and blobs for a merge: the field before the status.
func blobAfter(meta string) string {
	f := strings.Fields(meta)
	if len(f) < 2 {
		return Zero
	}
	return f[len(f)-2]
}

func (r *Repo) onDefaultBranch(ctx context.Context, path, blob string) (bool, error) {
	if checkPath(path) != nil {
		return false, nil
	}
	obj, err := r.reader.read(ctx, "info", "HEAD:"+path)
	if isAnswer(err) {
		return false, nil
	}
	return err == nil && obj.sha == blob, err
}
