package hub

import (
	"context"
	"fmt"
	"maps"
	"path"
	"sort"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxFolders bounds how many folders are read of three trees.
const maxFolders = 300

// threeWay merges trees, file by file: what leads from one to another is done to a third. It
// reads a folder only where it has to look into it.
type threeWay struct {
	repo      *Repository
	op        string                          // what for, in errors
	instead   string                          // what to do where it is too large
	folders   map[string]map[string]treeEntry // by SHA
	made      []plumbing.EncodedObject
	conflicts []string
}

// treeEntry is an entry of a folder; the zero value stands for none.
type treeEntry struct {
	mode filemode.FileMode
	sha  string
}

func (e treeEntry) there() bool { return e.sha != "" }
func (e treeEntry) dir() bool   { return e.mode == filemode.Dir }

// root is merge for whole trees: one that is empty has a name of its own.
func (t *threeWay) root(ctx context.Context, from, to, onto string) (string, error) {
	sha, err := t.merge(ctx, "", from, to, onto)
	if err != nil || sha != "" {
		return sha, err
	}
	empty := &plumbing.MemoryObject{}
	empty.SetType(plumbing.TreeObject)
	t.made = append(t.made, empty)
	return empty.Hash().String(), nil
}

// merge does to the folder onto what leads from one folder to another. An empty SHA stands for
// a folder without entries.
func (t *threeWay) merge(ctx context.Context, name, from, to, onto string) (string, error) {
	var sides [3]map[string]treeEntry
	names := map[string]bool{}
	for i, sha := range []string{from, to, onto} {
		entries, err := t.read(ctx, sha)
		if err != nil {
			return "", err
		}
		sides[i] = entries
		for n := range entries {
			names[n] = true
		}
	}
	merged := map[string]treeEntry{}
	for n := range names {
		e, err := t.mergeEntry(ctx, path.Join(name, n), sides[0][n], sides[1][n], sides[2][n])
		if err != nil {
			return "", err
		}
		if e.there() {
			merged[n] = e
		}
	}
	return t.write(merged, sides[2], onto)
}

func (t *threeWay) mergeEntry(ctx context.Context, name string, from, to, onto treeEntry) (treeEntry, error) {
	switch {
	case from == to, onto == to:
		return onto, nil
	case onto == from:
		return to, nil
	}
	sides := []treeEntry{from, to, onto}
	for _, e := range sides {
		if e.there() && !e.dir() {
			t.conflicts = append(t.conflicts, name)
			sort.Strings(t.conflicts)
			return onto, nil
		}
	}
	sha, err := t.merge(ctx, name, from.sha, to.sha, onto.sha)
	if sha == "" {
		return treeEntry{}, err
	}
	return treeEntry{filemode.Dir, sha}, err
}

func (t *threeWay) read(ctx context.Context, sha string) (map[string]treeEntry, error) {
	if sha == "" {
		return nil, nil
	}
	if entries, known := t.folders[sha]; known {
		return entries, nil
	}
	if len(t.folders) >= maxFolders {
		return nil, &Error{Op: t.op, Kind: ErrInvalid, Message: fmt.Sprintf("files changed in more than %d folders; %s", maxFolders/3, t.instead)}
	}
	folder, err := t.repo.Folder(ctx, sha)
	if err != nil {
		return nil, err
	}
	entries := map[string]treeEntry{}
	for _, e := range folder {
		mode, err := filemode.New(e.GetMode())
		if err != nil {
			return nil, &Error{Op: "list folder " + sha, Kind: ErrInvalid, Message: fmt.Sprintf("%s has the mode %s, which is none of git's; %s", e.GetPath(), e.GetMode(), t.instead)}
		}
		entries[e.GetPath()] = treeEntry{mode, e.GetSHA()}
	}
	// A name that is not UTF-8 comes altered in JSON, and would be written so.
	if encoded, err := encode(entries); err != nil || encoded.Hash().String() != sha {
		return nil, &Error{Op: t.op, Kind: ErrInvalid, Message: fmt.Sprintf("the folder %.7s, such as GitHub lists it, is not what git has: a name in it may not be UTF-8; %s", sha, t.instead)}
	}
	t.folders[sha] = entries
	return entries, nil
}

// encode is the tree object of a folder.
func encode(entries map[string]treeEntry) (plumbing.EncodedObject, error) {
	tree := object.Tree{}
	for name, e := range entries {
		tree.Entries = append(tree.Entries, object.TreeEntry{Name: name, Mode: e.mode, Hash: plumbing.NewHash(e.sha)})
	}
	sort.Sort(object.TreeEntrySorter(tree.Entries))
	encoded := &plumbing.MemoryObject{}
	if err := tree.Encode(encoded); err != nil {
		return nil, fmt.Errorf("encode a tree: %w", err)
	}
	return encoded, nil
}

// write makes a folder of the entries, unless it is the one that there was.
func (t *threeWay) write(entries, before map[string]treeEntry, sha string) (string, error) {
	switch {
	case len(entries) == 0:
		return "", nil
	case maps.Equal(entries, before):
		return sha, nil
	}
	encoded, err := encode(entries)
	if err != nil {
		return "", err
	}
	t.made = append(t.made, encoded)
	return encoded.Hash().String(), nil
}
