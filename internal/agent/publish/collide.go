package publish

import (
	"fmt"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// collider finds new names that some file systems take for others: such trees cannot be
// checked out on macOS and Windows.
type collider struct {
	base  baseline
	gone  map[string]bool   // paths of the baseline that are no more
	added map[string]bool   // new paths, and the folders in which they are
	folds map[string]bool   // what these come to when they are folded
	names map[string]string // those that come to the same, by that
}

// collisions refuses new names that stand for others. Old ones are left alone.
func (s *scanner) collisions() error {
	c := &collider{base: s.base, gone: map[string]bool{}, added: map[string]bool{}, folds: map[string]bool{}, names: map[string]string{}}
	for _, change := range s.found.changes {
		switch change.status {
		case 'D':
			c.gone[change.path] = true
		case 'A':
			for q := change.path; q != "." && !c.added[q]; q = path.Dir(q) {
				c.added[q], c.folds[fold(q)] = true, true
			}
		}
	}
	if len(c.added) == 0 {
		return nil
	}
	if err := c.known(s.base.root, ""); err != nil {
		return err
	}
	for _, change := range s.found.changes {
		if change.status != 'A' {
			continue
		}
		if other := c.other(change.path); other != "" {
			s.refuse(change.path, fmt.Sprintf("its name differs from %s only in case or in how its letters are composed", other))
		}
	}
	return nil
}

// known notes the names of the baseline that matter. Folders that no new path can be in,
// whatever the file system, are not looked into.
func (c *collider) known(tree plumbing.Hash, at string) error {
	list, err := c.base.folder(tree)
	if err != nil {
		return err
	}
	for _, e := range list {
		p := join(at, e.name)
		if !c.folds[fold(p)] {
			continue
		}
		there, err := !c.gone[p], error(nil)
		if e.mode == filemode.Dir {
			if there, err = c.holds(e.hash, p); err == nil {
				err = c.known(e.hash, p)
			}
		}
		if err != nil {
			return err
		}
		if there && !c.added[c.names[fold(p)]] {
			c.names[fold(p)] = p
		}
	}
	return nil
}

// holds says whether something in a folder of the baseline is there still.
func (c *collider) holds(tree plumbing.Hash, p string) (holds bool, err error) {
	if c.added[p] {
		return true, nil
	}
	err = c.base.all(tree, p, func(q string, _ entry) { holds = holds || !c.gone[q] })
	return holds, err
}

// other is the name that a new path, or a folder in which it is, is taken for; empty when
// there is none. Without one the path is noted.
func (c *collider) other(p string) string {
	for q := p; q != "."; q = path.Dir(q) {
		if other, taken := c.names[fold(q)]; taken && other != q {
			return other
		}
		c.names[fold(q)] = q
	}
	return ""
}

// fold is policy.Fold, which is slow, for the many names that have no letter to compose.
func fold(p string) string {
	for i := range len(p) {
		if p[i] >= utf8.RuneSelf {
			return policy.Fold(p)
		}
	}
	return strings.ToLower(p)
}
