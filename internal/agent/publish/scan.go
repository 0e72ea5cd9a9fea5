package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
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
	contents func() (map[plumbing.Hash]bool, error) // of the baseline; seldom needed

	mu    sync.Mutex // guards the rest
	found scan
	gone  []gone
	total int64 // of the contents that are new
}

// gone is what the baseline has and the task's folder has not.
type gone struct {
	path string
	entry
}

// scanTree finds what changed in the task's folder. What cannot be read is an error;
// what must not be published is in refused.
func scanTree(ctx context.Context, dir string, base baseline, maxFile, maxTotal int64, find finder) (scan, error) {
	s := &scanner{base: base, maxFile: maxFile, maxTotal: maxTotal, find: find, contents: sync.OnceValues(base.contents)}
	s.workers, s.ctx = errgroup.WithContext(ctx)
	s.workers.SetLimit(runtime.GOMAXPROCS(0))
	root, err := openTree(dir)
	if err != nil {
		return scan{}, fmt.Errorf("read the task's folder: %w", err)
	}
	defer root.Close()
	s.workers.Go(func() error { return s.folder(folder{dir: root, tree: base.root}) })
	if err := s.workers.Wait(); err != nil {
		return scan{}, fmt.Errorf("read the task's folder: %w", err)
	}
	s.deletions()
	slices.SortFunc(s.found.changes, func(a, b change) int { return strings.Compare(a.path, b.path) })
	if err := s.collisions(); err != nil {
		return scan{}, err
	}
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

// miss notes what the baseline has and the task's folder has not; of a folder all below it.
func (s *scanner) miss(p string, was entry) error {
	var list []gone
	if was.tracked() {
		list = append(list, gone{p, was})
	}
	err := s.base.all(was.folder(), p, func(p string, e entry) { list = append(list, gone{p, e}) })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone = append(s.gone, list...)
	return err
}

// below looks through a folder of a folder: beside what is being done where there is room
// for it, else at once. It closes the folder.
func (s *scanner) below(f folder) error {
	do := func() error {
		defer f.dir.Close()
		return s.folder(f)
	}
	if s.workers.TryGo(do) {
		return nil
	}
	return do()
}

// folder looks through one folder and the baseline's beside it, both in the order of their
// names. Within a folder that is ignored only what the baseline knows counts.
func (s *scanner) folder(f folder) error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	if strings.Count(f.path, "/") > maxDepth {
		s.refuse(f.path, "it is nested too deep")
		return nil
	}
	known, err := s.base.folder(f.tree)
	if err != nil {
		return err
	}
	names, err := f.list()
	if err != nil {
		return err
	}
	for _, e := range names {
		for len(known) > 0 && known[0].name < e.Name() {
			if err := s.miss(join(f.path, known[0].name), known[0].entry); err != nil {
				return err
			}
			known = known[1:]
		}
		var was entry
		if len(known) > 0 && known[0].name == e.Name() {
			was, known = known[0].entry, known[1:]
		}
		if err := s.item(f, e, was); err != nil {
			return err
		}
	}
	for _, e := range known {
		if err := s.miss(join(f.path, e.name), e.entry); err != nil {
			return err
		}
	}
	return nil
}

// item looks at one name of a folder, and at what the baseline has by that name.
func (s *scanner) item(f folder, e fs.DirEntry, was entry) error {
	if was.submodule() {
		return nil
	}
	if was.mode != filemode.Empty && e.IsDir() != (was.mode == filemode.Dir) {
		if err := s.miss(join(f.path, e.Name()), was); err != nil {
			return err
		}
		was = entry{}
	}
	if e.IsDir() {
		return s.sub(f, e.Name(), was)
	}
	err := s.leaf(f, e, was)
	if errors.Is(err, fs.ErrNotExist) { // it went away after it was listed
		return s.miss(join(f.path, e.Name()), was)
	}
	return err
}

// sub looks through a folder in a folder.
func (s *scanner) sub(f folder, name string, was entry) error {
	p := join(f.path, name)
	ignored := f.ignores(p, true)
	if ignored && was.mode == filemode.Empty {
		return nil
	}
	dir, err := openFolder(f.fd(), name)
	if errors.Is(err, fs.ErrNotExist) {
		return s.miss(p, was)
	}
	if err != nil {
		return err
	}
	return s.below(folder{dir: dir, path: p, tree: was.folder(), rules: f.rules, ignored: ignored})
}

// leaf looks at what is no folder.
func (s *scanner) leaf(f folder, e fs.DirEntry, was entry) error {
	if !was.tracked() && f.ignores(join(f.path, e.Name()), false) {
		return nil
	}
	switch kind := e.Type(); {
	case kind.IsRegular():
		return s.file(f, e.Name(), was)
	case kind&fs.ModeSymlink != 0:
		return s.link(f, e.Name(), was)
	}
	s.refuse(join(f.path, e.Name()), "it is neither a file nor a folder nor a symbolic link")
	return nil
}

func (s *scanner) file(dir folder, name string, was entry) error {
	f, err := openFile(dir.fd(), name)
	if err != nil {
		return err
	}
	defer f.close()
	mode := filemode.Regular
	if f.exec {
		mode = filemode.Executable
	}
	if !was.tracked() && f.size > s.maxFile {
		s.refuse(join(dir.path, name), tooLarge(s.maxFile))
		return nil
	}
	h := hashers.Get().(*hasher)
	defer hashers.Put(h)
	hash, content, err := h.hash(f)
	if err != nil {
		return fmt.Errorf("%s: %w", join(dir.path, name), err)
	}
	if was.same(entry{mode, hash}) { // most are; their paths are never put together
		return nil
	}
	p := join(dir.path, name)
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
	return s.change(p, was, entry{mode, hash}, content)
}

func (s *scanner) link(dir folder, name string, was entry) error {
	target, err := readLink(dir.fd(), name)
	if err != nil {
		return err
	}
	p, found := join(dir.path, name), entry{filemode.Symlink, plumbing.ComputeHash(plumbing.BlobObject, []byte(target))}
	if was.same(found) {
		return nil
	}
	if why := badLink(p, target); why != "" {
		s.refuse(p, why)
		return nil
	}
	return s.change(p, was, found, []byte(target))
}

// change notes a path that is new or different.
func (s *scanner) change(p string, was, found entry, content []byte) error {
	if why := badPath(p); why != "" {
		s.refuse(p, why)
		return nil
	}
	c := change{path: p, status: 'A', entry: found, size: int64(len(content)), fresh: was.hash != found.hash}
	if was.tracked() {
		c.status = 'M'
	}
	if !s.keep(c, content) {
		return nil
	}
	return s.look(p, was.hash, found.hash, content)
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
