package publish

import (
	"fmt"
	"path"
	"strings"
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
