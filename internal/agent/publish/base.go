package publish

import (
	"fmt"
	"sync"

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
	folders map[string]bool               // that hold an entry at any depth; "" is the root
	content func() map[plumbing.Hash]bool // of the files
}

// readBaseline reads a tree, folders resolved. It opens no blob.
func readBaseline(store storer.EncodedObjectStorer, tree plumbing.Hash) (baseline, error) {
	b := baseline{entries: map[string]entry{}, folders: map[string]bool{}}
	b.content = sync.OnceValue(b.contents) // it is seldom needed
	err := b.read(store, tree, "")
	if err != nil {
		err = fmt.Errorf("read the tree of the job's commit: %w", err)
	}
	b.folders[""] = true
	return b, err
}

// read reads one folder and what is below it.
func (b baseline) read(store storer.EncodedObjectStorer, hash plumbing.Hash, folder string) error {
	tree, err := object.GetTree(store, hash)
	if err != nil {
		return err
	}
	prefix := ""
	if folder != "" {
		prefix = folder + "/"
	}
	for _, e := range tree.Entries {
		switch name := prefix + e.Name; {
		case e.Mode != filemode.Dir:
			b.entries[name], b.folders[folder] = entry{e.Mode, e.Hash}, true
		default:
			if err := b.read(store, e.Hash, name); err != nil {
				return err
			}
			b.folders[folder] = b.folders[folder] || b.folders[name]
		}
	}
	return nil
}

func (b baseline) contents() map[plumbing.Hash]bool {
	all := make(map[plumbing.Hash]bool, len(b.entries))
	for _, e := range b.entries {
		all[e.hash] = true
	}
	return all
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
