package web

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"path"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
)

// treePage is the data of a folder's page. Without a Rev the repository is empty.
type treePage struct {
	Rev       revision
	Crumbs    []crumb
	Name      string // of the folder; empty for the root
	CloneURL  string
	Latest    commitItem
	History   string // address of the list of commits
	Commits   int    // on this revision; only at the root
	Branches  string
	Entries   []treeEntry
	Readme    template.HTML
	ReadmeURL string
	ReadmeAs  string // its name
}

type treeEntry struct {
	gitrepo.Entry
	Name, URL, Icon string
}

// showHome is the root of the default branch.
func showHome(q *request) error {
	rev, err := q.revision("")
	if errors.Is(err, gitrepo.ErrNotFound) {
		return q.show("empty", q.repo.FullName(), treePage{CloneURL: q.cloneURL()})
	} else if err != nil {
		return err
	}
	return q.showTree(rev, q.repo.FullName())
}

// showTree is a folder of any revision.
func showTree(q *request) error {
	rev, err := q.revision(q.PathValue("rest"))
	if err != nil {
		return err
	}
	title := rev.Ref
	if rev.Path != "" {
		title = rev.Path + " at " + rev.Ref
	}
	return q.showTree(rev, title)
}

func (q *request) showTree(rev revision, title string) error {
	ctx := q.Context()
	tree := rev.SHA
	if rev.Path != "" {
		entry, err := q.git.Entry(ctx, rev.SHA, rev.Path)
		if err != nil {
			return err
		}
		if entry.Type != "tree" {
			redirect(q.w, q.Request, q.at("blob", rev))
			return nil
		}
		tree = entry.SHA
	}
	entries, err := q.git.Tree(ctx, tree, false)
	if err != nil {
		return err
	}
	p := treePage{Rev: rev, Crumbs: q.crumbs(rev), Name: path.Base("/" + rev.Path), CloneURL: q.cloneURL(), Entries: q.entries(rev, entries),
		History: q.at("commits", rev), Branches: q.link("branches")}
	if rev.Path == "" {
		p.Crumbs, p.Name = nil, ""
		if p.Commits, err = q.git.Count(ctx, rev.SHA, ""); err != nil {
			return err
		}
	}
	if p.Latest, err = q.latest(ctx, rev); err != nil {
		return err
	}
	if err := q.addReadme(ctx, &p); err != nil {
		return err
	}
	return q.show("tree", title, p)
}

// entries shows folders first, as GitHub does.
func (q *request) entries(rev revision, entries []gitrepo.Entry) []treeEntry {
	var all []treeEntry
	for _, e := range entries {
		item := treeEntry{Entry: e, Name: e.Path, Icon: "file"}
		below := rev
		below.Path = path.Join(rev.Path, e.Path)
		switch {
		case e.Type == "tree":
			item.Icon, item.URL = "folder", q.at("tree", below)
		case e.Type == "commit":
			item.Icon = "module"
		default:
			item.URL = q.at("blob", below)
			if e.Mode == "120000" {
				item.Icon = "link"
			}
		}
		all = append(all, item)
	}
	slices.SortStableFunc(all, func(a, b treeEntry) int {
		order := map[string]int{"folder": 0, "module": 0, "file": 1, "link": 1}
		return cmp.Compare(order[a.Icon], order[b.Icon])
	})
	return all
}

// addReadme renders the folder's README, if it has one.
func (q *request) addReadme(ctx context.Context, p *treePage) error {
	i := slices.IndexFunc(p.Entries, func(e treeEntry) bool {
		name := strings.ToLower(e.Name)
		return e.Type == "blob" && e.Mode != "120000" && (name == "readme.md" || name == "readme" || name == "readme.txt")
	})
	if i < 0 || p.Entries[i].Size > maxMarkdown {
		return nil
	}
	entry := p.Entries[i]
	data, err := q.git.Blob(ctx, entry.SHA)
	if err != nil {
		return err
	}
	p.ReadmeURL, p.ReadmeAs = entry.URL, entry.Name
	if !isMarkdown(entry.Name) {
		p.Readme = pre(string(data))
		return nil
	}
	p.Readme = q.site.markdown.render(string(data), q.place(p.Rev, p.Rev.Path))
	return nil
}

// place is where the Markdown of a file in folder stands.
func (q *request) place(rev revision, folder string) place {
	return place{blob: q.link("blob", rev.Ref) + "/", raw: q.link("raw", rev.Ref) + "/", folder: folder, anchors: true}
}

func (q *request) cloneURL() string { return q.site.ServerURL + q.link() + ".git" }
