package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

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
	old    entry // what is gone, of D
	size   int64 // of what is there now
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
	leaks   []leaked
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
	find     finder // nil: credentials are not looked for
}

// scanTree finds what changed in the task's folder. What cannot be read is an error;
// what must not be published is in refused.
func scanTree(ctx context.Context, dir string, base baseline, maxFile, maxTotal int64, find finder) (scan, error) {
	s := &scanner{ctx: ctx, base: base, seen: map[string]bool{}, maxFile: maxFile, maxTotal: maxTotal, find: find}
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
	hash, err := blobHash(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if tracked && known.same(entry{mode, hash}) {
		s.seen[p] = true
		return nil
	}
	if info.Size() > s.maxFile {
		s.refuse(p, tooLarge(s.maxFile))
		return nil
	}
	// Most files are unchanged; only of the others the content is kept.
	content, err := again(f, info.Size(), hash)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	return s.change(p, entry{mode, hash}, content)
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
	return s.change(p, found, []byte(target))
}

// change notes a path that is new or different.
func (s *scanner) change(p string, found entry, content []byte) error {
	known, tracked := s.base.entries[p]
	s.seen[p] = true
	if why := badPath(p); why != "" {
		s.refuse(p, why)
		return nil
	}
	status := byte('A')
	if tracked {
		status = 'M'
	}
	s.changes = append(s.changes, change{path: p, status: status, entry: found, size: int64(len(content))})
	if known.hash == found.hash && tracked {
		return nil // only the mode changed: GitHub has the content
	}
	if s.total += int64(len(content)); s.total > s.maxTotal {
		s.refuse(p, fmt.Sprintf("all changes together are larger than %d MB", s.maxTotal>>20))
		return nil
	}
	blob := &plumbing.MemoryObject{}
	blob.SetType(plumbing.BlobObject)
	blob.Write(content) // a MemoryObject takes everything
	s.blobs = append(s.blobs, blob)
	return s.look(p, known.hash, found.hash, content)
}
