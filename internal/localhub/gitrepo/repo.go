package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Repo is one bare repository. It is safe for concurrent use. Open one Repo per
// directory and process (see [Store]): pushes are serialised and the object
// reader is shared per Repo.
type Repo struct {
	dir    string
	reader *catFile
	writer *refWriter
	pushes chan struct{} // holds one token while a push is received
}

// Init creates an empty bare repository in dir, with default branch main, and
// opens it. It fails when dir holds a repository already.
func Init(ctx context.Context, dir string) (*Repo, error) {
	if _, err := installation(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "HEAD")); err == nil {
		return nil, fmt.Errorf("init %s: %w", dir, os.ErrExist)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	r := newRepo(dir)
	if _, err := r.git(ctx, "init", "--quiet", "--bare", "--initial-branch=main", "--template="); err != nil {
		return nil, err
	}
	return r, r.writeHooks()
}

// Open opens the bare repository in dir. The error is ErrNotFound when there is
// none.
func Open(dir string) (*Repo, error) {
	if _, err := installation(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	for _, need := range []string{"HEAD", "objects", "refs"} {
		if _, err := os.Stat(filepath.Join(dir, need)); errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("repository %s: %w", dir, ErrNotFound)
		} else if err != nil {
			return nil, err
		}
	}
	r := newRepo(dir)
	return r, errors.Join(os.RemoveAll(r.temp()), r.writeHooks())
}

// temp holds what lives no longer than one operation; Open sweeps what a process
// that was killed has left there.
func (r *Repo) temp() string { return filepath.Join(r.dir, "localhub-temp") }

// tempDir makes a folder for one operation, which takes it away at its end.
func (r *Repo) tempDir(prefix string) (string, error) {
	if err := os.MkdirAll(r.temp(), 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(r.temp(), prefix)
}

func newRepo(dir string) *Repo {
	return &Repo{dir: dir, reader: newCatFile(dir), writer: newRefWriter(dir), pushes: make(chan struct{}, 1)}
}

// Dir is the absolute path of the bare repository.
func (r *Repo) Dir() string { return r.dir }

// Close ends the long-lived processes, which start anew when the Repo is used again.
func (r *Repo) Close() error { return errors.Join(r.reader.close(), r.writer.close()) }

// DefaultBranch is the branch that HEAD names, whether it exists or not.
func (r *Repo) DefaultBranch() (string, error) {
	head, err := os.ReadFile(filepath.Join(r.dir, "HEAD"))
	if err != nil {
		return "", err
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(string(head)), "ref: refs/heads/")
	if !ok {
		return "", fmt.Errorf("HEAD of %s names no branch: %q", r.dir, head)
	}
	return name, nil
}

// SetDefaultBranch makes HEAD name the branch, which need not exist yet.
func (r *Repo) SetDefaultBranch(ctx context.Context, branch string) error {
	ref := "refs/heads/" + branch
	if err := CheckRef(ref); err != nil {
		return err
	}
	_, err := r.git(ctx, "symbolic-ref", "HEAD", ref)
	return err
}
