package shape

import (
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Ref is a reference of the git database API.
func (b Builder) Ref(r state.Repository, ref gitrepo.Ref) Object {
	return Object{
		"ref": ref.Name, "node_id": "REF_" + ref.Name, "url": b.RepoAPI(r, "/git/%s", EscapePath(ref.Name)),
		"object": Object{"sha": ref.SHA, "type": ref.Type, "url": b.RepoAPI(r, "/git/%ss/%s", ref.Type, ref.SHA)},
	}
}

// ShortBranch is a branch in a list.
func (b Builder) ShortBranch(r state.Repository, ref gitrepo.Ref) Object {
	name := strings.TrimPrefix(ref.Name, "refs/heads/")
	checks := Object{"enforcement_level": "off", "contexts": []string{}, "checks": []string{}}
	return Object{
		"name": name, "commit": Object{"sha": ref.SHA, "url": b.RepoAPI(r, "/commits/%s", ref.SHA)}, "protected": false,
		"protection":     Object{"enabled": false, "required_status_checks": checks},
		"protection_url": b.RepoAPI(r, "/branches/%s/protection", EscapePath(name)),
	}
}

// Branch is one branch with its commit.
func (b Builder) Branch(r state.Repository, ref gitrepo.Ref, c gitrepo.Commit) Object {
	o := b.ShortBranch(r, ref)
	name := EscapePath(strings.TrimPrefix(ref.Name, "refs/heads/"))
	o["commit"] = b.Commit(r, c)
	o["_links"] = Object{"self": b.RepoAPI(r, "/branches/%s", name), "html": b.RepoHTML(r, "/tree/%s", name)}
	return o
}

// TreeEntry is an entry of a tree of the git database API.
func (b Builder) TreeEntry(r state.Repository, e gitrepo.Entry) Object {
	o := Object{"path": e.Path, "mode": e.Mode, "type": e.Type, "sha": e.SHA}
	switch e.Type {
	case "blob":
		o["size"], o["url"] = e.Size, b.RepoAPI(r, "/git/blobs/%s", e.SHA)
	case "tree":
		o["url"] = b.RepoAPI(r, "/git/trees/%s", e.SHA)
	}
	return o
}

// Content is a file or folder of the contents API, without its content. ref is the commit, branch or tag asked for.
func (b Builder) Content(r state.Repository, e gitrepo.Entry, ref string) Object {
	path, kind, page := EscapePath(e.Path), "file", "blob"
	api := b.RepoAPI(r, "/contents/%s?ref=%s", path, EscapePath(ref))
	var git, download any = b.RepoAPI(r, "/git/blobs/%s", e.SHA), b.RepoHTML(r, "/raw/%s/%s", EscapePath(ref), path)
	switch {
	case e.Type == "tree":
		kind, page, download, git = "dir", "tree", nil, b.RepoAPI(r, "/git/trees/%s", e.SHA)
	case e.Type == "commit":
		kind, page, download, git = "submodule", "tree", nil, nil
	case e.Mode == "120000":
		kind = "symlink"
	}
	html := b.RepoHTML(r, "/%s/%s/%s", page, EscapePath(ref), path)
	return Object{
		"type": kind, "name": e.Path[strings.LastIndexByte(e.Path, '/')+1:], "path": e.Path, "sha": e.SHA, "size": e.Size, "url": api,
		"git_url": git, "html_url": html, "download_url": download, "_links": Object{"self": api, "git": git, "html": html},
	}
}
