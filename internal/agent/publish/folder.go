package publish

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// openTree opens the folder itself: the task may have put a link in its place.
func openTree(dir string) (*os.Root, error) {
	parent, err := os.OpenRoot(filepath.Dir(dir))
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	return openFolder(parent, filepath.Base(dir))
}

func openFolder(parent *os.Root, name string) (*os.Root, error) {
	before, err := parent.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("%s is not a folder", name)
	}
	root, err := parent.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	if after, err := root.Stat("."); err != nil || !os.SameFile(before, after) {
		root.Close()
		return nil, fmt.Errorf("%s was replaced while it was read", name)
	}
	return root, nil
}

// list lists a folder, sorted by name.
func list(dir *os.File) ([]fs.DirEntry, error) {
	names, err := dir.ReadDir(-1)
	slices.SortFunc(names, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return names, err
}

// ignoreRules reads the .gitignore of a folder, as git would.
func ignoreRules(root *os.Root, prefix string, names []fs.DirEntry) ([]gitignore.Pattern, error) {
	if _, there := slices.BinarySearchFunc(names, ".gitignore", func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) }); !there {
		return nil, nil
	}
	info, err := root.Lstat(".gitignore")
	if err != nil || !info.Mode().IsRegular() {
		return nil, err // git follows no link here either
	}
	f, err := open(root, ".gitignore", info)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rules []gitignore.Pattern
	var domain []string
	if prefix != "" {
		domain = strings.Split(prefix, "/")
	}
	lines := bufio.NewScanner(io.LimitReader(f, maxIgnoreBytes))
	for lines.Scan() {
		if line := strings.TrimRight(lines.Text(), "\r"); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			rules = append(rules, gitignore.ParsePattern(line, domain))
		}
	}
	return rules, nil // a line too long to be a rule ends the rules
}

// open opens a regular file that was looked at before, and nothing else that may
// have come in its place. A pipe does not block it.
func open(root *os.Root, name string, before fs.FileInfo) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	after, err := f.Stat()
	if err != nil || !after.Mode().IsRegular() || !os.SameFile(before, after) {
		f.Close()
		return nil, errors.Join(fmt.Errorf("%s was replaced while it was read", name), err)
	}
	return f, nil
}

var errChanging = errors.New("it changed while it was read: a process of the task is still at work")

func tooLarge(limit int64) string { return fmt.Sprintf("it is larger than %d MB", limit>>20) }
