package gitrepo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CreateBlob stores content and returns its SHA.
func (r *Repo) CreateBlob(ctx context.Context, content []byte) (string, error) {
	return r.hashObject(ctx, "blob", content)
}

func (r *Repo) hashObject(ctx context.Context, kind string, content []byte) (string, error) {
	out, err := r.run(ctx, command{
		args:  []string{"hash-object", "-t", kind, "-w", "--no-filters", "--stdin"},
		stdin: bytes.NewReader(content),
	})
	if exitCode(err) == 128 {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return strings.TrimSpace(string(out)), err
}

// TreeEdit sets or removes one path of a tree.
type TreeEdit struct {
	Path string
	Mode string // "100644", "100755", "120000", "160000"; "040000" puts a whole tree
	SHA  string // empty removes the path, or the folder of that name
}

// CreateTree applies edits to the tree base (full SHA of a tree or commit; empty
// for none) and returns the SHA of the new tree.
func (r *Repo) CreateTree(ctx context.Context, base string, edits []TreeEdit) (string, error) {
	if err := r.checkEdits(ctx, edits); err != nil {
		return "", err
	}
	temp, err := r.tempDir("index-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temp)
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(temp, "index")}
	if base != "" {
		if err := checkSHAs(base); err != nil {
			return "", err
		}
		if _, err := r.run(ctx, command{args: []string{"read-tree", base}, env: env}); err != nil {
			return "", fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	if err := r.editIndex(ctx, env, edits); err != nil {
		return "", err
	}
	out, err := r.run(ctx, command{args: []string{"write-tree"}, env: env})
	if exitCode(err) == 128 {
		return "", fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return strings.TrimSpace(string(out)), err
}

func (r *Repo) checkEdits(ctx context.Context, edits []TreeEdit) error {
	for _, e := range edits {
		if err := checkPath(e.Path); err != nil {
			return err
		}
		want := map[string]string{"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": ""}
		kind, ok := want[e.Mode]
		switch {
		case e.SHA == "":
			continue
		case !ok:
			return fmt.Errorf("%w: %s: mode %q; use 100644, 100755, 120000, 160000 or 040000", ErrInvalid, e.Path, e.Mode)
		case e.Mode == "160000":
			if err := checkSHAs(e.SHA); err != nil {
				return err
			}
			continue
		}
		got, _, err := r.ObjectType(ctx, e.SHA)
		if err != nil {
			return fmt.Errorf("%s: %w", e.Path, err)
		}
		if got != kind {
			return fmt.Errorf("%s: %s is a %s: %w", e.Path, e.SHA, got, ErrWrongType)
		}
	}
	return nil
}

// editIndex applies the edits. A folder is removed or put as all the files
// below it, for the index knows files only.
func (r *Repo) editIndex(ctx context.Context, env []string, edits []TreeEdit) error {
	var in strings.Builder
	for _, e := range edits {
		switch {
		case e.SHA == "" || e.Mode == "040000":
			out, err := r.run(ctx, command{args: []string{"ls-files", "-z", "--", e.Path}, env: env})
			if err != nil {
				return err
			}
			for path := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
				if path != "" {
					fmt.Fprintf(&in, "0 %s\t%s\x00", Zero, path)
				}
			}
			if e.SHA == "" {
				continue
			}
			entries, err := r.Tree(ctx, e.SHA, true)
			if err != nil {
				return err
			}
			for _, below := range entries {
				if below.Type != "tree" {
					fmt.Fprintf(&in, "%s %s\t%s/%s\x00", below.Mode, below.SHA, e.Path, below.Path)
				}
			}
		default:
			fmt.Fprintf(&in, "%s %s\t%s\x00", e.Mode, e.SHA, e.Path)
		}
	}
	_, err := r.run(ctx, command{
		args:  []string{"update-index", "-z", "--index-info"},
		stdin: strings.NewReader(in.String()),
		env:   env,
	})
	if exitCode(err) == 128 {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return err
}

// NewCommit is a commit to be made. Message is stored exactly as given.
type NewCommit struct {
	Tree              string
	Parents           []string
	Author, Committer Signature
	Message           string
}

// CreateCommit stores a commit and returns its SHA; no ref changes. ErrNotFound
// or ErrWrongType when tree or a parent is not one.
func (r *Repo) CreateCommit(ctx context.Context, c NewCommit) (string, error) {
	if strings.ContainsRune(c.Message, 0) {
		return "", fmt.Errorf("%w: a commit message cannot contain NUL", ErrInvalid)
	}
	check := func(sha, kind string) error {
		got, _, err := r.ObjectType(ctx, sha)
		if err == nil && got != kind {
			err = fmt.Errorf("%s is a %s, not a %s: %w", sha, got, kind, ErrWrongType)
		}
		return err
	}
	errs := []error{check(c.Tree, "tree")}
	var raw bytes.Buffer
	fmt.Fprintf(&raw, "tree %s\n", c.Tree)
	for _, p := range c.Parents {
		errs = append(errs, check(p, "commit"))
		fmt.Fprintf(&raw, "parent %s\n", p)
	}
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	fmt.Fprintf(&raw, "author %s\ncommitter %s\n\n%s", c.Author, c.Committer, c.Message)
	return r.hashObject(ctx, "commit", raw.Bytes())
}

// CreateTag stores an annotated tag object and returns its SHA; no ref changes.
func (r *Repo) CreateTag(ctx context.Context, name, target string, tagger Signature, message string) (string, error) {
	if err := CheckRef("refs/tags/" + name); err != nil {
		return "", err
	}
	kind, _, err := r.ObjectType(ctx, target)
	if err != nil {
		return "", err
	}
	raw := fmt.Sprintf("object %s\ntype %s\ntag %s\ntagger %s\n\n%s", target, kind, name, tagger, message)
	return r.hashObject(ctx, "tag", []byte(raw))
}
