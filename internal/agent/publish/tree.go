package publish

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// treeBuilder makes the trees that differ from those of a store.
type treeBuilder struct {
	store storer.EncodedObjectStorer
	made  []plumbing.EncodedObject
}

// apply returns the tree that changes make of a base tree. Paths of the changes are
// relative to it. The zero hash stands for a tree without entries.
func (b *treeBuilder) apply(base plumbing.Hash, changes []change) (plumbing.Hash, error) {
	entries := map[string]object.TreeEntry{}
	if !base.IsZero() {
		tree, err := object.GetTree(b.store, base)
		if err != nil {
			return plumbing.ZeroHash, fmt.Errorf("read tree %s: %w", base, err)
		}
		for _, e := range tree.Entries {
			entries[e.Name] = e
		}
	}
	direct, below := split(changes)
	for name, c := range direct {
		if c.status == 'D' {
			if e, ok := entries[name]; ok && e.Mode != filemode.Dir {
				delete(entries, name)
			}
			continue
		}
		entries[name] = object.TreeEntry{Name: name, Mode: c.entry.mode, Hash: c.entry.hash}
		delete(below, name) // what was below it is gone with the folder
	}
	for name, list := range below {
		sub := plumbing.ZeroHash
		if e := entries[name]; e.Mode == filemode.Dir {
			sub = e.Hash
		}
		made, err := b.apply(sub, list)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		if made.IsZero() {
			delete(entries, name)
			continue
		}
		entries[name] = object.TreeEntry{Name: name, Mode: filemode.Dir, Hash: made}
	}
	return b.write(entries)
}

// split tells changes of a folder's own names from those further below.
func split(changes []change) (direct map[string]change, below map[string][]change) {
	direct, below = map[string]change{}, map[string][]change{}
	for _, c := range changes {
		name, rest, deeper := strings.Cut(c.path, "/")
		if !deeper {
			direct[name] = c
			continue
		}
		c.path = rest
		below[name] = append(below[name], c)
	}
	return direct, below
}

func (b *treeBuilder) write(entries map[string]object.TreeEntry) (plumbing.Hash, error) {
	if len(entries) == 0 {
		return plumbing.ZeroHash, nil
	}
	tree := object.Tree{}
	for _, e := range entries {
		tree.Entries = append(tree.Entries, e)
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	encoded := &plumbing.MemoryObject{}
	if err := tree.Encode(encoded); err != nil {
		return plumbing.ZeroHash, fmt.Errorf("encode a tree: %w", err)
	}
	known := b.store.HasEncodedObject(encoded.Hash()) == nil
	if !known && !slices.ContainsFunc(b.made, func(o plumbing.EncodedObject) bool { return o.Hash() == encoded.Hash() }) {
		b.made = append(b.made, encoded)
	}
	return encoded.Hash(), nil
}

// root is apply for a whole tree: one that is empty has a name of its own.
func (b *treeBuilder) root(base plumbing.Hash, changes []change) (plumbing.Hash, error) {
	hash, err := b.apply(base, changes)
	if err != nil || !hash.IsZero() {
		return hash, err
	}
	empty := &plumbing.MemoryObject{}
	empty.SetType(plumbing.TreeObject)
	b.made = append(b.made, empty)
	return empty.Hash(), nil
}
