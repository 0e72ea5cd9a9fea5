package publish

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// Limits of what one job may publish.
const (
	DefaultMaxFileBytes  = 50 << 20  // GitHub warns above 50 MB and refuses above 100
	DefaultMaxTotalBytes = 200 << 20 // of all changed files together
	maxDepth             = 200
	maxIgnoreBytes       = 1 << 20 // of one .gitignore
)

// change is one path that the task added, modified or deleted.
type change struct {
	path   string
	status byte // A, M or D, as git shows them
	entry  entry
}

// refusedPath is one that no job may publish, and why.
type refusedPath struct {
	path string
	why  string
}

// scan is what the task's folder holds that the baseline does not.
type scan struct {
	changes []change // sorted by path
	blobs   []plumbing.EncodedObject
	refused []refusedPath
}

// scanner compares a folder with a baseline.
type scanner struct {
	scan
	ctx      context.Context
	base     baseline
	seen     map[string]bool // entries of the baseline that are still there
	maxFile  int64
	maxTotal int64
	total    int64
}

// scanTree finds what changed in the task's folder. What cannot be read is an error;
// what must not be published is in refused.
func scanTree(ctx context.Context, dir string, base baseline, maxFile, maxTotal int64) (scan, error) {
	s := &scanner{ctx: ctx, base: base, seen: map[string]bool{}, maxFile: maxFile, maxTotal: maxTotal}
	root, err := openTree(dir)
	if err != nil {
		return scan{}, fmt.Errorf("read the task's folder: %w", err)
	}
	defer root.Close()
	if err := s.folder(root, "", nil, false); err != nil {
		return scan{}, fmt.Errorf("read the task's folder: %w", err)
	}
	s.deletions()
	s.collisions()
	slices.SortFunc(s.changes, func(a, b change) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(s.refused, func(a, b refusedPath) int { return strings.Compare(a.path, b.path) })
	return s.scan, nil
}

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

func (s *scanner) refuse(p, why string) { s.refused = append(s.refused, refusedPath{p, why}) }

// folder looks through one folder. Within a folder that is ignored only what the
// baseline knows counts.
func (s *scanner) folder(root *os.Root, prefix string, rules []gitignore.Pattern, ignored bool) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if strings.Count(prefix, "/") > maxDepth {
		s.refuse(prefix, "it is nested too deep")
		return nil
	}
	names, err := list(root)
	if err != nil {
		return fmt.Errorf("%s: %w", path.Join(prefix, "."), err)
	}
	own, err := ignoreRules(root, prefix, names)
	if err != nil {
		return err
	}
	rules = append(slices.Clip(rules), own...)
	for _, name := range names {
		if name == ".git" {
			continue
		}
		if err := s.item(root, path.Join(prefix, name), name, rules, ignored); err != nil {
			return err
		}
	}
	return nil
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

// item looks at one name of a folder.
func (s *scanner) item(root *os.Root, p, name string, rules []gitignore.Pattern, ignored bool) error {
	info, err := root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	known, tracked := s.base.entries[p]
	if known.submodule() && tracked {
		s.seen[p] = true
		return nil
	}
	ignored = ignored || gitignore.NewMatcher(rules).Match(strings.Split(p, "/"), info.IsDir())
	switch {
	case info.IsDir() && (!ignored || s.base.folders[p]):
		sub, err := openFolder(root, name)
		if err != nil {
			return err
		}
		defer sub.Close()
		return s.folder(sub, p, rules, ignored)
	case info.IsDir(), ignored && !tracked:
		return nil
	case info.Mode().IsRegular():
		return s.file(root, p, name, info)
	case info.Mode()&fs.ModeSymlink != 0:
		return s.link(root, p, name)
	}
	s.refuse(p, "it is neither a file nor a folder nor a symbolic link")
	return nil
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

func (s *scanner) file(root *os.Root, p, name string, info fs.FileInfo) error {
	mode := filemode.Regular
	if info.Mode()&0o100 != 0 {
		mode = filemode.Executable
	}
	known, tracked := s.base.entries[p]
	if !tracked && info.Size() > s.maxFile {
		s.refuse(p, tooLarge(s.maxFile))
		return nil
	}
	f, err := open(root, name, info)
	if err != nil {
		return err
	}
	defer f.Close()
	var content bytes.Buffer
	keep := io.Writer(&content)
	if info.Size() > s.maxFile {
		keep = io.Discard // it may be unchanged; if not, it is refused
	}
	hash, err := blobHash(io.TeeReader(f, keep), info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	found := entry{mode, hash}
	if tracked && known.same(found) {
		s.seen[p] = true
		return nil
	}
	if info.Size() > s.maxFile {
		s.refuse(p, tooLarge(s.maxFile))
		return nil
	}
	s.change(p, found, content.Bytes())
	return nil
}

func tooLarge(limit int64) string { return fmt.Sprintf("it is larger than %d MB", limit>>20) }

// blobHash is git's name for a content of this size.
func blobHash(r io.Reader, size int64) (plumbing.Hash, error) {
	h := sha1.New()
	fmt.Fprintf(h, "blob %d\x00", size)
	n, err := io.Copy(h, io.LimitReader(r, size+1))
	if err == nil && n != size {
		err = errors.New("it changed while it was read: a process of the task is still at work")
	}
	return plumbing.Hash(h.Sum(nil)), err
}

func (s *scanner) link(root *os.Root, p, name string) error {
	target, err := root.Readlink(name)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	hash, err := blobHash(strings.NewReader(target), int64(len(target)))
	if err != nil {
		return err
	}
	found := entry{filemode.Symlink, hash}
	if known, tracked := s.base.entries[p]; tracked && known.same(found) {
		s.seen[p] = true
		return nil
	}
	if why := badLink(p, target); why != "" {
		s.refuse(p, why)
		return nil
	}
	s.change(p, found, []byte(target))
	return nil
}

// change notes a path that is new or different.
func (s *scanner) change(p string, found entry, content []byte) {
	known, tracked := s.base.entries[p]
	s.seen[p] = true
	if why := badPath(p); why != "" {
		s.refuse(p, why)
		return
	}
	status := byte('A')
	if tracked {
		status = 'M'
	}
	s.changes = append(s.changes, change{p, status, found})
	if known.hash == found.hash && tracked {
		return // only the mode changed: GitHub has the content
	}
	if s.total += int64(len(content)); s.total > s.maxTotal {
		s.refuse(p, fmt.Sprintf("all changes together are larger than %d MB", s.maxTotal>>20))
		return
	}
	blob := &plumbing.MemoryObject{}
	blob.SetType(plumbing.BlobObject)
	blob.Write(content) // a MemoryObject takes everything
	s.blobs = append(s.blobs, blob)
}

// deletions are the entries that are gone. Submodules are never checked out, so
// nothing can be said of them, unless something stands in their way.
func (s *scanner) deletions() {
	added := map[string]bool{}
	for _, c := range s.changes {
		added[c.path] = true
	}
	for p, e := range s.base.entries {
		if s.seen[p] {
			continue
		}
		if e.submodule() {
			for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
				if added[dir] {
					s.refuse(dir, "it stands in place of a folder with the submodule "+p)
				}
			}
			continue
		}
		if first, _, _ := strings.Cut(p, "/"); strings.EqualFold(first, ".github") {
			s.refuse(p, "no job may change .github/")
			continue
		}
		s.changes = append(s.changes, change{path: p, status: 'D'})
	}
}

// collisions finds new names that differ from others only in case: such trees
// cannot be checked out on macOS and Windows. Old ones are left alone.
func (s *scanner) collisions() {
	gone := map[string]bool{}
	for _, c := range s.changes {
		if c.status == 'D' {
			gone[c.path] = true
		}
	}
	names := map[string]string{}
	for p := range s.base.entries {
		for q := p; q != "." && !gone[p]; q = path.Dir(q) {
			names[fold(q)] = q
		}
	}
	slices.SortFunc(s.changes, func(a, b change) int { return strings.Compare(a.path, b.path) })
	for _, c := range s.changes {
		for q := c.path; q != "." && c.status == 'A'; q = path.Dir(q) {
			if other, taken := names[fold(q)]; taken && other != q {
				s.refuse(c.path, fmt.Sprintf("its name differs from %s only in case", other))
				break
			}
			names[fold(q)] = q
		}
	}
}
