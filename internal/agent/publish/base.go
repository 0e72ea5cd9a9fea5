package publish

import (
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// entry is a file, symbolic link or submodule of a tree.
type entry struct {
	mode filemode.FileMode
	hash plumbing.Hash
}

// baseline is the tree that the task began with.
type baseline struct {
	entries map[string]entry
	folders map[string]bool        // that hold an entry at any depth; "" is the root
	content map[plumbing.Hash]bool // of the files
}

// readBaseline reads a tree, folders resolved. It opens no blob.
func readBaseline(store storer.EncodedObjectStorer, tree plumbing.Hash) (baseline, error) {
	b := baseline{entries: map[string]entry{}, folders: map[string]bool{"": true}, content: map[plumbing.Hash]bool{}}
	root, err := object.GetTree(store, tree)
	if err != nil {
		return b, fmt.Errorf("read the tree of the job's commit: %w", err)
	}
	walker := object.NewTreeWalker(root, true, nil)
	defer walker.Close()
	for {
		name, e, err := walker.Next()
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, fmt.Errorf("read the tree of the job's commit: %w", err)
		}
		if e.Mode == filemode.Dir {
			continue
		}
		b.entries[name], b.content[e.Hash] = entry{e.Mode, e.Hash}, true
		for dir := path.Dir(name); dir != "." && !b.folders[dir]; dir = path.Dir(dir) {
			b.folders[dir] = true
		}
	}
}

func (e entry) submodule() bool { return e.mode == filemode.Submodule }

// same compares as git does: of the permissions only the executable bit counts.
func (e entry) same(other entry) bool {
	return e.hash == other.hash && normal(e.mode) == normal(other.mode)
}

func normal(m filemode.FileMode) filemode.FileMode {
	if m == filemode.Deprecated {
		return filemode.Regular
	}
	return m
}
