package gitrepo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// LogOptions narrows a log. The zero value is everything from Tip.
type LogOptions struct {
	Tip          string    // full SHA where the walk starts
	Not          string    // full SHA; its ancestors are left out
	Path         string    // only commits that change this file or folder
	Author       string    // only commits whose author line contains this text
	Since, Until time.Time // by committer date
	Skip, Limit  int       // Limit 0: no limit
	OldestFirst  bool      // parents before children (applied after Skip and Limit)
	NoMerges     bool
}

// LogSHAs lists the SHAs of a log, newest first.
func (r *Repo) LogSHAs(ctx context.Context, o LogOptions) ([]string, error) {
	if err := checkSHAs(o.Tip); err != nil {
		return nil, err
	}
	args := []string{"rev-list", "--topo-order"}
	if o.Limit > 0 {
		args = append(args, "--max-count="+strconv.Itoa(o.Limit))
	}
	if o.Skip > 0 {
		args = append(args, "--skip="+strconv.Itoa(o.Skip))
	}
	if !o.Since.IsZero() {
		args = append(args, "--since="+strconv.FormatInt(o.Since.Unix(), 10))
	}
	if !o.Until.IsZero() {
		args = append(args, "--until="+strconv.FormatInt(o.Until.Unix(), 10))
	}
	if o.Author != "" {
		args = append(args, "--fixed-strings", "--author="+o.Author)
	}
	if o.OldestFirst {
		args = append(args, "--reverse")
	}
	if o.NoMerges {
		args = append(args, "--no-merges")
	}
	args = append(args, o.Tip)
	if o.Not != "" {
		if err := checkSHAs(o.Not); err != nil {
			return nil, err
		}
		args = append(args, "^"+o.Not)
	}
	args = append(args, "--")
	if o.Path != "" {
		if err := checkPath(o.Path); err != nil {
			return nil, err
		}
		args = append(args, o.Path)
	}
	out, err := r.git(ctx, args...)
	return strings.Fields(string(out)), err
}

// Log is LogSHAs with the commits read.
func (r *Repo) Log(ctx context.Context, o LogOptions) ([]Commit, error) {
	shas, err := r.LogSHAs(ctx, o)
	if err != nil {
		return nil, err
	}
	commits := make([]Commit, 0, len(shas))
	for _, sha := range shas {
		c, err := r.Commit(ctx, sha)
		if err != nil {
			return nil, err
		}
		commits = append(commits, c)
	}
	return commits, nil
}

// Count is how many commits tip has that not (may be empty) has not.
func (r *Repo) Count(ctx context.Context, tip, not string) (int, error) {
	args := []string{"rev-list", "--count", tip}
	if not != "" {
		args = append(args, "^"+not)
		tip = not
	}
	if err := checkSHAs(args[2], tip); err != nil {
		return 0, err
	}
	out, err := r.git(ctx, append(args, "--")...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(out)))
}

// MergeBase is the best common ancestor of two commits; ErrUnrelated when there
// is none.
func (r *Repo) MergeBase(ctx context.Context, a, b string) (string, error) {
	if err := checkSHAs(a, b); err != nil {
		return "", err
	}
	if a == b {
		return a, nil
	}
	out, err := r.git(ctx, "merge-base", a, b)
	if exitCode(err) == 1 {
		return "", fmt.Errorf("%s and %s: %w", a, b, ErrUnrelated)
	}
	return strings.TrimSpace(string(out)), err
}

// AheadBehind counts the commits that only head has, and that only base has.
func (r *Repo) AheadBehind(ctx context.Context, base, head string) (ahead, behind int, err error) {
	if err := checkSHAs(base, head); err != nil {
		return 0, 0, err
	}
	out, err := r.git(ctx, "rev-list", "--left-right", "--count", base+"..."+head, "--")
	if err != nil {
		return 0, 0, err
	}
	_, err = fmt.Sscan(string(out), &behind, &ahead)
	return ahead, behind, err
}

// IsAncestor reports whether a is b or an ancestor of b.
func (r *Repo) IsAncestor(ctx context.Context, a, b string) (bool, error) {
	if err := checkSHAs(a, b); err != nil || a == b {
		return err == nil, err
	}
	_, err := r.git(ctx, "merge-base", "--is-ancestor", a, b)
	if exitCode(err) == 1 {
		return false, nil
	}
	return err == nil, err
}
