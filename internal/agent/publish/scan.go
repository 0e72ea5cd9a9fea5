package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
	"golang.org/x/sync/errgroup"
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
	fresh  bool  // GitHub does not have the content from this path
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

// scanner compares a folder with a baseline. Folders are looked through side by side: to
// read and to hash the files takes most of the time.
type scanner struct {
	base     baseline
	maxFile  int64
	maxTotal int64
	find     finder // nil: credentials are not looked for
	ctx      context.Context
	workers  *errgroup.Group

	mu    sync.Mutex // guards the rest
	found scan
	seen  map[string]bool // entries of the baseline that are still there
	total int64           // of the contents that are new
}

// scanTree finds what changed in the task's folder. What cannot be read is an error;
// what must not be published is in refused.
func scanTree(ctx context.Context, dir string, base baseline, maxFile, maxTotal int64, find finder) (scan, error) {
	s := &scanner{base: base, seen: make(map[string]bool, len(base.entries)), maxFile: maxFile, maxTotal: maxTotal, find: find}
	s.workers, s.ctx = errgroup.WithContext(ctx)
	s.workers.SetLimit(runtime.GOMAXPROCS(0))
	root, err := openTree(dir)
	if err != nil {
		return scan{}, fmt.Errorf("read the task's folder: %w", err)
	}
	defer root.Close()
	s.workers.Go(func() error { return s.folder(root, "", nil, false) })
	if err := s.workers.Wait(); err != nil {
		return scan{}, fmt.Errorf("read the task's folder: %w", err)
	}
	s.deletions()
	slices.SortFunc(s.found.changes, func(a, b change) int { return strings.Compare(a.path, b.path) })
	s.collisions()
	s.sum()
	slices.SortFunc(s.found.refused, func(a, b refusedPath) int { return strings.Compare(a.path, b.path) })
	slices.SortFunc(s.found.leaks, func(a, b leaked) int { return strings.Compare(a.path, b.path) })
	return s.found, nil
}

func (s *scanner) refuse(p, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found.refused = append(s.found.refused, refusedPath{p, why})
}

func (s *scanner) see(p string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[p] = true
}

// below looks through a folder of a folder: beside what is being done where there is room
// for it, else at once. It closes the folder.
func (s *scanner) below(sub *os.Root, p string, rules []gitignore.Pattern, ignored bool) error {
	do := func() error {
		defer sub.Close()
		return s.folder(sub, p, rules, ignored)
	}
	if s.workers.TryGo(do) {
		return nil
	}
	return do()
}

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
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := list(dir)
	if err != nil {
		return fmt.Errorf("%s: %w", path.Join(prefix, "."), err)
	}
	own, err := ignoreRules(root, prefix, names)
	if err != nil {
		return err
	}
	f := folder{root: root, fd: int(dir.Fd()), rules: append(slices.Clip(rules), own...), ignored: ignored}
	for _, e := range names {
		if e.Name() == ".git" {
			continue
		}
		if err := s.item(f, path.Join(prefix, e.Name()), e); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// folder is one that is open.
type folder struct {
	root    *os.Root
	fd      int // the same
	rules   []gitignore.Pattern
	ignored bool
}

// item looks at one name of a folder.
func (s *scanner) item(f folder, p string, e fs.DirEntry) error {
	known, tracked := s.base.entries[p]
	if known.submodule() && tracked {
		s.see(p)
		return nil
	}
	ignored := f.ignored || len(f.rules) > 0 && gitignore.NewMatcher(f.rules).Match(strings.Split(p, "/"), e.IsDir())
	switch {
	case e.IsDir() && (!ignored || s.base.folders[p]):
		sub, err := openFolder(f.root, e.Name())
		if err != nil {
			return err
		}
		return s.below(sub, p, f.rules, ignored)
	case e.IsDir(), ignored && !tracked:
		return nil
	case e.Type().IsRegular():
		return s.file(f, p, e.Name())
	case e.Type()&fs.ModeSymlink != 0:
		return s.link(f.root, p, e.Name())
	}
	s.refuse(p, "it is neither a file nor a folder nor a symbolic link")
	return nil
}

func (s *scanner) file(dir folder, p, name string) error {
	f, err := openFile(dir.fd, name)
	if err != nil {
		return err
	}
	defer f.close()
	mode := filemode.Regular
	if f.exec {
		mode = filemode.Executable
	}
	known, tracked := s.base.entries[p]
	if !tracked && f.size > s.maxFile {
		s.refuse(p, tooLarge(s.maxFile))
		return nil
	}
	h := hashers.Get().(*hasher)
	defer hashers.Put(h)
	hash, content, err := h.hash(f)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if tracked && known.same(entry{mode, hash}) {
		s.see(p)
		return nil
	}
	if f.size > s.maxFile {
		s.refuse(p, tooLarge(s.maxFile))
		return nil
	}
	// Most files are unchanged; only of the others the content is kept.
	if content != nil {
		content = bytes.Clone(content)
	} else if content, err = again(f, hash); err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	return s.change(p, entry{mode, hash}, content)
}

func (s *scanner) link(root *os.Root, p, name string) error {
	target, err := root.Readlink(name)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	found := entry{filemode.Symlink, plumbing.ComputeHash(plumbing.BlobObject, []byte(target))}
	if known, tracked := s.base.entries[p]; tracked && known.same(found) {
		s.see(p)
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
	s.see(p)
	if why := badPath(p); why != "" {
		s.refuse(p, why)
		return nil
	}
	c := change{path: p, status: 'A', entry: found, size: int64(len(content)), fresh: !tracked || known.hash != found.hash}
	if tracked {
		c.status = 'M'
	}
	if !s.keep(c, content) {
		return nil
	}
	return s.look(p, known.hash, found.hash, content)
}

// keep stores a change with its content, if GitHub lacks that and there is room for it.
func (s *scanner) keep(c change, content []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found.changes = append(s.found.changes, c)
	if !c.fresh {
		return false
	}
	if s.total += c.size; s.total > s.maxTotal {
		return false // see sum
	}
	blob := &plumbing.MemoryObject{}
	blob.SetType(plumbing.BlobObject)
	blob.Write(content) // a MemoryObject takes everything
	s.found.blobs = append(s.found.blobs, blob)
	return true
}
