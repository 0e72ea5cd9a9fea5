package web

import (
	"errors"
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
)

// revision is a commit and a path in it, as an address such as /tree/{ref}/{path} names them.
type revision struct {
	Ref  string // as the address names it: a branch, a tag or a SHA
	SHA  string
	Path string // without slashes at its ends; empty: the root
}

// maxRefParts is how many components a branch's name is looked for in an address.
const maxRefParts = 20

// revision splits what follows /tree/, /blob/ … into a ref, which may have slashes, and a path. Git allows no branch beside another that it is a
// folder of, so at most one beginning of the address names a branch. Branches go before tags, and both before SHAs.
func (q *request) revision(rest string) (revision, error) {
	rest = trimSlashes(rest)
	if rest == "" || rest == "HEAD" {
		rest = q.repo.DefaultBranch
	}
	for _, prefix := range []string{"refs/heads/", "refs/tags/"} {
		name := strings.TrimPrefix(rest, prefix)
		for _, end := range ends(name) {
			ref, err := q.git.Ref(q.Context(), prefix+name[:end])
			if err == nil {
				return revision{Ref: name[:end], SHA: ref.Commit, Path: trimSlashes(name[end:])}, nil
			}
			if !errors.Is(err, gitrepo.ErrNotFound) && !errors.Is(err, gitrepo.ErrBadName) {
				return revision{}, err
			}
		}
	}
	first, path, _ := strings.Cut(rest, "/")
	sha, err := q.git.Resolve(q.Context(), first)
	if err != nil {
		return revision{}, fmt.Errorf("%s: %w", rest, err)
	}
	return revision{Ref: first, SHA: sha, Path: path}, nil
}

// ends returns where each component of name ends.
func ends(name string) (all []int) {
	for i := range len(name) {
		if name[i] == '/' && len(all) < maxRefParts {
			all = append(all, i)
		}
	}
	return append(all, len(name))
}

// link returns the address of a view (tree, blob, raw, commits) of the revision's path.
func (q *request) at(view string, rev revision) string { return q.link(view, rev.Ref, rev.Path) }

// crumb is one folder on the way to a path.
type crumb struct{ Name, URL string }

// crumbs are the folders above the revision's path, from the repository's root.
func (q *request) crumbs(rev revision) []crumb {
	all := []crumb{{q.repo.Name, q.link("tree", rev.Ref)}}
	for i := range len(rev.Path) {
		if rev.Path[i] == '/' {
			folder := rev.Path[:i]
			all = append(all, crumb{folder[strings.LastIndexByte(folder, '/')+1:], q.link("tree", rev.Ref, folder)})
		}
	}
	return all
}
