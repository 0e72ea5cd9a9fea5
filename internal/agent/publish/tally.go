package publish

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

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
		s.changes = append(s.changes, change{path: p, status: 'D', old: e})
	}
}

// collisions finds new names that some file systems take for others: such trees cannot
// be checked out on macOS and Windows. Old ones are left alone.
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
			names[policy.Fold(q)] = q
		}
	}
	slices.SortFunc(s.changes, func(a, b change) int { return strings.Compare(a.path, b.path) })
	for _, c := range s.changes {
		for q := c.path; q != "." && c.status == 'A'; q = path.Dir(q) {
			if other, taken := names[policy.Fold(q)]; taken && other != q {
				s.refuse(c.path, fmt.Sprintf("its name differs from %s only in case or in how its letters are composed", other))
				break
			}
			names[policy.Fold(q)] = q
		}
	}
}
