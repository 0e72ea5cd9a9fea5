package publish

import (
	"bufio"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
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

func list(root *os.Root) ([]string, error) {
	f, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// ignoreRules reads the .gitignore of a folder, as git would.
func ignoreRules(root *os.Root, prefix string, names []string) ([]gitignore.Pattern, error) {
	if _, there := slices.BinarySearch(names, ".gitignore"); !there {
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

// again reads a file that was hashed before.
func again(f io.ReadSeeker, size int64, hash plumbing.Hash) ([]byte, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, size+1))
	if err == nil && plumbing.ComputeHash(plumbing.BlobObject, content) != hash {
		err = errChanging
	}
	return content, err
}

var errChanging = errors.New("it changed while it was read: a process of the task is still at work")

func tooLarge(limit int64) string { return fmt.Sprintf("it is larger than %d MB", limit>>20) }

// buffers are what files are read through.
var buffers = sync.Pool{New: func() any { b := make([]byte, 64<<10); return &b }}

// onlyReader hides what else a reader can do, so that io.CopyBuffer uses its buffer.
type onlyReader struct{ io.Reader }

// blobHash is git's name for a content of this size.
func blobHash(r io.Reader, size int64) (plumbing.Hash, error) {
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", size)
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	n, err := io.CopyBuffer(h, onlyReader{io.LimitReader(r, size+1)}, *buffer)
	if err == nil && n != size {
		err = errChanging
	}
	return plumbing.Hash(h.Sum(nil)), err
}
