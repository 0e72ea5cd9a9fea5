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

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"golang.org/x/sys/unix"
)

// folder is one of the task's that is open, and what the baseline has in its place.
type folder struct {
	dir     *os.File
	path    string        // "" is the root's
	tree    plumbing.Hash // zero: the baseline has no folder there
	rules   []gitignore.Pattern
	ignored bool
}

func (f *folder) fd() int { return int(f.dir.Fd()) }

// openTree opens the folder itself: the task may have put a link in its place.
func openTree(dir string) (*os.File, error) {
	return openFolder(unix.AT_FDCWD, filepath.Clean(dir))
}

// openFolder opens a name of a folder: a folder, and not what a link leads to. Everything
// below is opened by its name in its folder, so nothing can be put in the way of a path.
func openFolder(parent int, name string) (*os.File, error) {
	fd, err := openAt(parent, name, unix.O_DIRECTORY)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, fmt.Errorf("%s is not a folder", name)
	}
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// openAt opens a name of a folder to be read, follows no link and waits for nobody.
func openAt(dir int, name string, flags int) (fd int, err error) {
	for {
		fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NOCTTY|flags, 0)
		if err == nil {
			return fd, nil
		}
		if err != unix.EINTR {
			return 0, &fs.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

// list lists the folder, sorted by name, without .git, and reads its .gitignore. The kind of an
// entry is what it was at that moment; whoever opens it looks again.
func (f *folder) list() ([]fs.DirEntry, error) {
	names, err := f.dir.ReadDir(-1)
	if err == nil {
		slices.SortFunc(names, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		err = f.readRules(names)
	}
	if err != nil {
		return nil, fmt.Errorf("the folder %q: %w", f.path, err)
	}
	return slices.DeleteFunc(names, func(e fs.DirEntry) bool { return e.Name() == ".git" }), nil
}

// readLink tells where a symbolic link leads. A target that is too long for any path is cut.
func readLink(dir int, name string) (string, error) {
	var target [maxPathBytes + 1]byte
	for {
		n, err := unix.Readlinkat(dir, name, target[:])
		if err == nil {
			return string(target[:n]), nil
		}
		if err != unix.EINTR {
			return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
		}
	}
}

// readRules reads the .gitignore of the folder, as git would.
func (f *folder) readRules(names []fs.DirEntry) error {
	const name = ".gitignore"
	i, there := slices.BinarySearchFunc(names, name, func(e fs.DirEntry, name string) int { return strings.Compare(e.Name(), name) })
	if !there || !names[i].Type().IsRegular() {
		return nil // git follows no link here either
	}
	file, err := openFile(f.fd(), name)
	if err != nil {
		return err
	}
	defer file.close()
	var domain []string
	if f.path != "" {
		domain = strings.Split(f.path, "/")
	}
	f.rules = slices.Clip(f.rules)
	lines := bufio.NewScanner(io.LimitReader(file, maxIgnoreBytes))
	for lines.Scan() {
		if line := strings.TrimRight(lines.Text(), "\r"); strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			f.rules = append(f.rules, gitignore.ParsePattern(line, domain))
		}
	}
	return nil // a line too long to be a rule ends the rules
}

// ignores says whether a path below the folder is ignored.
func (f *folder) ignores(p string, isDir bool) bool {
	return f.ignored || len(f.rules) > 0 && gitignore.NewMatcher(f.rules).Match(strings.Split(p, "/"), isDir)
}
