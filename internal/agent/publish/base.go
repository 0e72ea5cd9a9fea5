package publish

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// entry is a file, symbolic link, submodule or folder of a tree; its zero value is none.
type entry struct {
	mode filemode.FileMode
	hash plumbing.Hash
}

// named is an entry with its name in its folder.
type named struct {
	name string
	entry
}

// baseline is the tree that the task began with. It is read folder by folder, each when the
// task's is compared with it: by several at a time, and never as a whole unless that is needed.
type baseline struct {
	store storer.EncodedObjectStorer
	root  plumbing.Hash
}

// folder lists a folder by its tree, sorted by name; the zero hash stands for one without
// entries. It opens no blob. A tree that git would not make is an error.
func (b baseline) folder(tree plumbing.Hash) ([]named, error) {
	if tree.IsZero() {
		return nil, nil
	}
	list, err := b.read(tree)
	if err != nil {
		return nil, fmt.Errorf("read the tree %s of the job's commit: %w", tree, err)
	}
	return list, nil
}

func (b baseline) read(tree plumbing.Hash) ([]named, error) {
	o, err := b.store.EncodedObject(plumbing.TreeObject, tree)
	if err != nil {
		return nil, err
	}
	r, err := o.Reader()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var content strings.Builder
	content.Grow(int(o.Size()))
	if _, err := io.Copy(&content, r); err != nil {
		return nil, err
	}
	return parseTree(content.String())
}

// all calls do for every file, symbolic link and submodule, with its path, from a tree
// downwards that stands at a path.
func (b baseline) all(tree plumbing.Hash, at string, do func(p string, e entry)) error {
	list, err := b.folder(tree)
	if err != nil {
		return err
	}
	for _, e := range list {
		switch p := join(at, e.name); e.mode {
		case filemode.Dir:
			if err := b.all(e.hash, p, do); err != nil {
				return err
			}
		default:
			do(p, e.entry)
		}
	}
	return nil
}

// contents are those of all files.
func (b baseline) contents() (map[plumbing.Hash]bool, error) {
	all := map[plumbing.Hash]bool{}
	err := b.all(b.root, "", func(_ string, e entry) { all[e.hash] = true })
	return all, err
}

var errTree = errors.New("it is damaged")

// parseTree reads a tree as git writes it: for each entry its mode in octal digits, a blank,
// its name, NUL and the hash. The names are parts of the content, which saves much memory.
func parseTree(content string) ([]named, error) {
	list := make([]named, 0, len(content)/32)
	for len(content) > 0 {
		digits, rest, okMode := strings.Cut(content, " ")
		name, rest, okName := strings.Cut(rest, "\x00")
		mode, err := filemode.New(digits)
		if !okMode || !okName || err != nil || name == "" || strings.Contains(name, "/") || len(rest) < len(plumbing.Hash{}) {
			return nil, errTree
		}
		e := named{name, entry{mode: mode}}
		content = rest[copy(e.hash[:], rest):]
		list = append(list, e)
	}
	// Git sorts folders as if their names ended in a slash.
	slices.SortFunc(list, byName)
	for i := range list {
		if i > 0 && list[i].name == list[i-1].name {
			return nil, errTree
		}
	}
	return list, nil
}

func byName(a, b named) int { return strings.Compare(a.name, b.name) }

// join is path.Join, for a folder and a name that are clean.
func join(folder, name string) string {
	if folder == "" {
		return name
	}
	return folder + "/" + name
}

func (e entry) submodule() bool { return e.mode == filemode.Submodule }

// folder tells the tree of a folder; the zero hash is that of anything else.
func (e entry) folder() plumbing.Hash {
	if e.mode == filemode.Dir {
		return e.hash
	}
	return plumbing.ZeroHash
}

// tracked says whether it is a file, symbolic link or submodule.
func (e entry) tracked() bool { return e.mode != filemode.Empty && e.mode != filemode.Dir }

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
