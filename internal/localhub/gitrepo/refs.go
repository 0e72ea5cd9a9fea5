package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Ref is a reference and what it points at.
type Ref struct {
	Name   string // full, "refs/heads/main"
	SHA    string
	Type   string // "commit", or "tag" for an annotated tag
	Commit string // the commit after peeling; equals SHA for a commit
}

// Ref reads one full ref, usually without a git process. ErrNotFound when it
// does not exist. The name is taken exactly: git's own short forms would let a
// branch named "refs/heads/x" pass for the branch "x".
func (r *Repo) Ref(ctx context.Context, name string) (Ref, error) {
	if err := CheckRef(name); err != nil {
		return Ref{}, err
	}
	text, err := os.ReadFile(filepath.Join(r.dir, filepath.FromSlash(name)))
	sha := strings.TrimSpace(string(text))
	if err != nil || !IsSHA(sha) {
		return r.packedRef(ctx, name)
	}
	obj, err := r.reader.read(ctx, "info", sha)
	if err != nil {
		return Ref{}, err
	}
	ref := Ref{Name: name, SHA: obj.sha, Type: obj.kind, Commit: obj.sha}
	if obj.kind == "tag" {
		peeled, err := r.reader.read(ctx, "info", obj.sha+"^{}")
		if err != nil {
			return Ref{}, err
		}
		ref.Commit = peeled.sha
	}
	return ref, nil
}

// packedRef looks for a ref that has no file of its own.
func (r *Repo) packedRef(ctx context.Context, name string) (Ref, error) {
	missing := fmt.Errorf("%s: %w", name, ErrNotFound)
	if _, err := os.Stat(filepath.Join(r.dir, "packed-refs")); err != nil {
		return Ref{}, missing
	}
	refs, err := r.Refs(ctx, name)
	if err != nil {
		return Ref{}, err
	}
	for _, ref := range refs {
		if ref.Name == name {
			return ref, nil
		}
	}
	return Ref{}, missing
}

// Refs lists the refs whose full name starts with prefix, sorted by name. The
// prefix is a plain string: "refs/heads/job" finds refs/heads/jobs and
// refs/heads/job/1.
func (r *Repo) Refs(ctx context.Context, prefix string) ([]Ref, error) {
	folder := prefix[:strings.LastIndexByte(prefix, '/')+1]
	args := []string{"for-each-ref", "--format=%(objectname) %(objecttype) %(*objectname) %(refname)"}
	if folder != "" {
		if err := CheckRef(folder + "x"); err != nil && folder != "refs/" {
			return nil, err
		}
		args = append(args, "--", folder)
	}
	out, err := r.git(ctx, args...)
	if err != nil {
		return nil, err
	}
	var refs []Ref
	for line := range strings.Lines(string(out)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(f) != 4 || !strings.HasPrefix(f[3], prefix) {
			continue
		}
		ref := Ref{Name: f[3], SHA: f[0], Type: f[1], Commit: f[0]}
		if f[2] != "" {
			ref.Commit = f[2]
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// RefUpdate is one change of a ref.
type RefUpdate struct {
	Ref string // full name
	// New is the value to set; Zero deletes.
	New string
	// Old is the value that the ref must have; Zero: it must not exist; empty:
	// whatever it is.
	Old string
}

// UpdateRefs changes refs, all or none. It fails with ErrRefExists when a ref
// that must not exist does, ErrRefMoved when one is not at its old value,
// ErrNotFound when one to delete or an object is not there, ErrWrongType when a
// branch would not point at a commit.
func (r *Repo) UpdateRefs(ctx context.Context, updates ...RefUpdate) error {
	var in strings.Builder
	for _, u := range updates {
		if err := errors.Join(CheckRef(u.Ref), checkSHAs(u.New)); err != nil {
			return err
		}
		if u.Old != "" && !IsSHA(u.Old) {
			return fmt.Errorf("%w: %q is not a full SHA", ErrBadName, u.Old)
		}
		if u.New == Zero {
			fmt.Fprintf(&in, "delete %s\x00%s\x00", u.Ref, u.Old)
		} else {
			fmt.Fprintf(&in, "update %s\x00%s\x00%s\x00", u.Ref, u.New, u.Old)
		}
	}
	return refError(r.writer.transact(ctx, in.String()))
}

// CreateRef creates a ref that must not exist.
func (r *Repo) CreateRef(ctx context.Context, ref, sha string) error {
	return r.UpdateRefs(ctx, RefUpdate{Ref: ref, New: sha, Old: Zero})
}

// DeleteRef deletes a ref that must exist; old, unless empty, must be its value.
func (r *Repo) DeleteRef(ctx context.Context, ref, old string) error {
	if _, err := r.Ref(ctx, ref); err != nil {
		return err
	}
	return r.UpdateRefs(ctx, RefUpdate{Ref: ref, New: Zero, Old: old})
}

// refError turns what update-ref says into errors of this package. Its messages
// are stable under LC_ALL=C; what is not known stays a GitError.
func refError(err error) error {
	var ge *GitError
	if !errors.As(err, &ge) {
		return err
	}
	said := strings.TrimPrefix(strings.TrimSpace(ge.Stderr), "fatal: ")
	for _, known := range []struct {
		text string
		err  error
	}{
		{"reference already exists", ErrRefExists},
		{"cannot create", ErrRefExists},
		{"but expected", ErrRefMoved},
		{"File exists", ErrRefMoved}, // somebody holds the lock
		{"unable to resolve reference", ErrRefMoved},
		{"reference is missing", ErrRefMoved},
		{"nonexistent object", ErrNotFound},
		{"non-commit object", ErrWrongType},
		{"bad name", ErrBadName},
		{"invalid ref format", ErrBadName},
	} {
		if strings.Contains(said, known.text) {
			return fmt.Errorf("%w: %s", known.err, said)
		}
	}
	return err
}
