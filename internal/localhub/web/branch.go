package web

import (
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// branchesPage is the data of the list of branches.
type branchesPage struct {
	Query    string // only those whose name contains it
	Total    int
	Branches []branchItem
	Paging   paging
}

type branchItem struct {
	Name, URL string
	Default   bool
	Latest    commitItem
	Pull      pullItem // the newest from this branch; zero: none
}

// showBranches lists the default branch first, the others by name.
func showBranches(q *request) error {
	refs, err := q.git.Refs(q.Context(), "refs/heads/")
	if err != nil {
		return err
	}
	data := branchesPage{Query: q.FormValue("q")}
	var names []gitrepo.Ref
	for _, ref := range refs {
		ref.Name = strings.TrimPrefix(ref.Name, "refs/heads/")
		if strings.Contains(strings.ToLower(ref.Name), strings.ToLower(data.Query)) {
			names = append(names, ref)
		}
	}
	if i := slices.IndexFunc(names, func(r gitrepo.Ref) bool { return r.Name == q.repo.DefaultBranch }); i > 0 {
		names = slices.Concat(names[i:i+1], names[:i], names[i+1:])
	}
	data.Total = len(names)
	names, data.Paging = cut(q.paging(50), names)
	pulls := q.pullsByHead()
	for _, ref := range names {
		c, err := q.git.Commit(q.Context(), ref.Commit)
		if err != nil {
			return err
		}
		data.Branches = append(data.Branches, branchItem{Name: ref.Name, URL: q.link("tree", ref.Name), Default: ref.Name == q.repo.DefaultBranch,
			Latest: q.item(c), Pull: pulls[ref.Name]})
	}
	return q.show("branches", "Branches", data)
}

// pullsByHead returns the newest pull request of each branch.
func (q *request) pullsByHead() map[string]pullItem {
	pulls := map[string]pullItem{}
	q.site.DB.View(func(tx *state.Tx) {
		for p := range tx.Pulls.Of(q.repo.ID) {
			if p.HeadRepositoryID == q.repo.ID {
				pulls[p.HeadRef] = q.pullItem(tx, p)
			}
		}
	})
	return pulls
}
