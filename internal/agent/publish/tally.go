package publish

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// deletions are the entries that are gone. Submodules are never checked out, so
// nothing can be said of them, unless something stands in their way.
func (s *scanner) deletions() {
	added := map[string]bool{}
	for _, c := range s.found.changes {
		added[c.path] = true
	}
	for _, e := range s.gone {
		if e.submodule() {
			for dir := path.Dir(e.path); dir != "."; dir = path.Dir(dir) {
				if added[dir] {
					s.refuse(dir, "it stands in place of a folder with the submodule "+e.path)
				}
			}
			continue
		}
		if first, _, _ := strings.Cut(e.path, "/"); strings.EqualFold(first, ".github") {
			s.refuse(e.path, "no job may change .github/")
			continue
		}
		s.found.changes = append(s.found.changes, change{path: e.path, status: 'D', old: e.entry})
	}
}

// collisions finds new names that some file systems take for others: such trees cannot
// be checked out on macOS and Windows. Old ones are left alone.
func (s *scanner) collisions() error {
	if !slices.ContainsFunc(s.found.changes, func(c change) bool { return c.status == 'A' }) {
		return nil
	}
	gone := map[string]bool{}
	for _, c := range s.found.changes {
		if c.status == 'D' {
			gone[c.path] = true
		}
	}
	names := map[string]string{}
	err := s.base.all(s.base.root, "", func(p string, _ entry) {
		for q := p; q != "." && !gone[p] && names[fold(q)] != q; q = path.Dir(q) {
			names[fold(q)] = q
		}
	})
	for _, c := range s.found.changes {
		for q := c.path; q != "." && c.status == 'A'; q = path.Dir(q) {
			if other, taken := names[fold(q)]; taken && other != q {
				s.refuse(c.path, fmt.Sprintf("its name differs from %s only in case or in how its letters are composed", other))
				break
			}
			names[fold(q)] = q
		}
	}
	return err
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

// sum refuses what is too much: the first path with which all contents together are.
func (s *scanner) sum() {
	total := int64(0)
	for _, c := range s.found.changes {
		if !c.fresh {
			continue
		}
		if total += c.size; total > s.maxTotal {
			s.refuse(c.path, fmt.Sprintf("all changes together are larger than %d MB", s.maxTotal>>20))
			return
		}
	}
}
