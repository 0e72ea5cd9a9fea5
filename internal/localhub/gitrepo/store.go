package gitrepo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Store is a folder of bare repositories, <root>/<owner>/<name>.git, each opened
// once. It is safe for concurrent use.
type Store struct {
	root string
	mu   sync.Mutex
	open map[string]*Repo
}

// NewStore is a store in root, which is created when first needed.
func NewStore(root string) *Store { return &Store{root: root, open: map[string]*Repo{}} }

// Init creates the repository owner/name.
func (s *Store) Init(ctx context.Context, owner, name string) (*Repo, error) {
	dir, err := s.dir(owner, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := Init(ctx, dir)
	if err != nil {
		return nil, err
	}
	s.open[dir] = r
	return r, nil
}

// Open is the repository owner/name; ErrNotFound when there is none. GitHub's
// names do not distinguish case, directories do: pass the name as it is stored.
func (s *Store) Open(owner, name string) (*Repo, error) {
	dir, err := s.dir(owner, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.open[dir]; r != nil {
		return r, nil
	}
	r, err := Open(dir)
	if err != nil {
		return nil, err
	}
	s.open[dir] = r
	return r, nil
}

// Remove closes and deletes the repository owner/name.
func (s *Store) Remove(owner, name string) error {
	dir, err := s.dir(owner, name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.open[dir]; r != nil {
		delete(s.open, dir)
		err = r.Close()
	}
	return errors.Join(err, os.RemoveAll(dir))
}

// Close closes every repository.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for dir, r := range s.open {
		errs = append(errs, r.Close())
		delete(s.open, dir)
	}
	return errors.Join(errs...)
}

func (s *Store) dir(owner, name string) (string, error) {
	if !ValidName(owner) || !ValidName(name) {
		return "", fmt.Errorf("%w: repository %q/%q", ErrBadName, owner, name)
	}
	return filepath.Join(s.root, owner, name+".git"), nil
}

// ValidName reports whether s can name an owner or a repository: 1 to 100
// letters, digits, dots, dashes and underscores, not "." or "..", not ending in
// ".git". So a name is always one harmless path component.
func ValidName(s string) bool {
	if s == "" || len(s) > 100 || s == "." || s == ".." || strings.HasSuffix(strings.ToLower(s), ".git") {
		return false
	}
	for _, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
