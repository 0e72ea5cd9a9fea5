package rest

import (
	"cmp"
	"errors"
	"path"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var contentOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/contents", "repos/get-content", Read("contents"), getContent},
	{"GET", "/repos/{owner}/{repo}/contents/{path...}", "repos/get-content", Read("contents"), getContent},
	{"PUT", "/repos/{owner}/{repo}/contents/{path...}", "repos/create-or-update-file-contents", Write("contents"), putContent},
	{"DELETE", "/repos/{owner}/{repo}/contents/{path...}", "repos/delete-file", Write("contents"), deleteContent},
	{"GET", "/repos/{owner}/{repo}/readme", "repos/get-readme", Read("contents"), getReadme},
}

// maxInline is the largest file, in bytes, whose content the JSON carries; larger ones are to be had raw.
const maxInline = 1 << 20

// at is a commit asked for by ?ref.
type at struct {
	git  *gitrepo.Repo
	name string // as asked for
	sha  string
}

func (c *Context) at(name string) (at, error) {
	git, err := c.Git()
	if err != nil {
		return at{}, err
	}
	name = cmp.Or(name, c.Repo.DefaultBranch)
	sha, err := git.Resolve(c.Context(), name)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return at{}, &Error{Status: 404, Message: "No commit found for the ref " + name}
	}
	return at{git, name, sha}, err
}

func getContent(c *Context) (Response, error) {
	at, err := c.at(c.Query("ref"))
	if err != nil {
		return Response{}, err
	}
	name := strings.Trim(c.Param("path"), "/")
	if name == "" {
		return c.folder(at, at.sha, "")
	}
	entry, err := at.git.Entry(c.Context(), at.sha, name)
	if err != nil {
		return Response{}, gitError(err)
	}
	if entry.Type == "tree" {
		return c.folder(at, entry.SHA, name+"/")
	}
	return c.file(at, entry)
}

func (c *Context) folder(at at, tree, prefix string) (Response, error) {
	entries, err := at.git.Tree(c.Context(), tree, false)
	if err != nil {
		return Response{}, gitError(err)
	}
	list := []shape.Object{}
	c.View(func(_ *state.Tx, b shape.Builder) {
		for _, e := range entries {
			e.Path = prefix + e.Path
			list = append(list, b.Content(c.Repo, e, at.name))
		}
	})
	return OK(list), nil
}

func (c *Context) file(at at, e gitrepo.Entry) (Response, error) {
	if e.Type == "commit" {
		body := c.content(at, e)
		body["submodule_git_url"] = nil
		return OK(body), nil
	}
	data, err := at.git.Blob(c.Context(), e.SHA)
	if err != nil {
		return Response{}, err
	}
	if e.Mode == "120000" {
		if e, data, err = c.follow(at, e, data); err != nil {
			return Response{}, err
		}
	}
	body := c.content(at, e)
	switch {
	case c.wantsRaw():
		return Raw("application/vnd.github.raw; charset=utf-8", data), nil
	case e.Mode == "120000":
		body["target"] = string(data)
	case len(data) > maxInline:
		body["encoding"], body["content"] = "none", ""
	default:
		body["encoding"], body["content"] = "base64", encodeContent(data)
	}
	return OK(body), nil
}

func (c *Context) content(at at, e gitrepo.Entry) (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Content(c.Repo, e, at.name) })
	return body
}

// follow answers a symbolic link as GitHub does: one to a normal file of the repository
// is shown as that file, under its own name; any other stays a link.
func (c *Context) follow(at at, link gitrepo.Entry, target []byte) (gitrepo.Entry, []byte, error) {
	to := path.Join(path.Dir(link.Path), string(target))
	if path.IsAbs(string(target)) || to == "." || to == ".." || strings.HasPrefix(to, "../") {
		return link, target, nil
	}
	found, err := at.git.Entry(c.Context(), at.sha, to)
	if err != nil || found.Type != "blob" || found.Mode == "120000" {
		return link, target, nil
	}
	data, err := at.git.Blob(c.Context(), found.SHA)
	found.Path = link.Path
	return found, data, err
}

// readmePlaces are where GitHub looks for a README, in its order.
var readmePlaces = []string{".github/", "", "docs/"}

func getReadme(c *Context) (Response, error) {
	at, err := c.at(c.Query("ref"))
	if err != nil {
		return Response{}, err
	}
	all, err := at.git.Tree(c.Context(), at.sha, true)
	if err != nil {
		return Response{}, err
	}
	for _, place := range readmePlaces {
		i := slices.IndexFunc(all, func(e gitrepo.Entry) bool {
			name, in := strings.CutPrefix(strings.ToLower(e.Path), place)
			return in && e.Type == "blob" && !strings.Contains(name, "/") && (name == "readme" || strings.HasPrefix(name, "readme."))
		})
		if i >= 0 {
			return c.file(at, all[i])
		}
	}
	return Response{}, NotFound()
}

// fileChange is a PUT or DELETE of a file.
type fileChange struct {
	Message, Content, SHA, Branch string
	Author, Committer             *person
}

func putContent(c *Context) (Response, error) {
	var in fileChange
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	data, err := decodeContent(in.Content)
	if err != nil {
		return Response{}, Invalid("content is not valid Base64")
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	blob, err := git.CreateBlob(c.Context(), data)
	if err != nil {
		return Response{}, err
	}
	return c.changeFile(git, in, blob)
}

func deleteContent(c *Context) (Response, error) {
	in := fileChange{Message: c.Query("message"), SHA: c.Query("sha"), Branch: c.Query("branch")}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	return c.changeFile(git, in, "")
}

// changeFile commits one path to a branch: blob is its new content, empty to delete it.
func (c *Context) changeFile(git *gitrepo.Repo, in fileChange, blob string) (Response, error) {
	path := strings.Trim(c.Param("path"), "/")
	ref := "refs/heads/" + strings.TrimPrefix(cmp.Or(in.Branch, c.Repo.DefaultBranch), "refs/heads/")
	parent, err := c.branchTip(git, ref)
	if err != nil {
		return Response{}, err
	}
	old, err := c.checkFile(git, parent, path, in, blob == "")
	if err != nil {
		return Response{}, err
	}
	commit, err := c.commitFile(git, parent, gitrepo.TreeEdit{Path: path, Mode: cmp.Or(old.Mode, "100644"), SHA: blob}, in)
	if err != nil {
		return Response{}, err
	}
	if err := c.moveRef(git, gitrepo.RefChange{Ref: ref, Old: cmp.Or(parent, gitrepo.Zero), New: commit.SHA}); err != nil {
		return Response{}, err
	}
	body := shape.Object{"content": nil, "commit": c.gitCommit(commit)}
	if blob == "" {
		return OK(body), nil
	}
	entry, err := git.Entry(c.Context(), commit.SHA, path)
	if err != nil {
		return Response{}, err
	}
	c.View(func(_ *state.Tx, b shape.Builder) {
		body["content"] = b.Content(c.Repo, entry, strings.TrimPrefix(ref, "refs/heads/"))
	})
	if old.SHA == "" {
		return Created(body), nil
	}
	return OK(body), nil
}

// branchTip is the commit that a branch is at; "" for the first commit of an empty repository.
func (c *Context) branchTip(git *gitrepo.Repo, ref string) (string, error) {
	tip, err := git.Ref(c.Context(), ref)
	if err == nil {
		return tip.Commit, nil
	}
	if refs, err := git.Refs(c.Context(), "refs/heads/"); err != nil || len(refs) > 0 {
		return "", &Error{Status: 404, Message: "Branch " + strings.TrimPrefix(ref, "refs/heads/") + " not found"}
	}
	return "", nil
}

// checkFile holds the file's SHA against what the request names, so that nobody overwrites what they have not seen.
func (c *Context) checkFile(git *gitrepo.Repo, parent, path string, in fileChange, removing bool) (old gitrepo.Entry, err error) {
	if parent != "" {
		if old, err = git.Entry(c.Context(), parent, path); err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
			return old, invalidObject(err, "path is not valid")
		}
	}
	switch {
	case in.Message == "" && removing:
		return old, Invalid("Invalid request.\n\n\"message\" wasn't supplied.")
	case removing && old.SHA == "":
		return old, NotFound()
	case in.SHA == "" && old.SHA != "":
		return old, Invalid("Invalid request.\n\n\"sha\" wasn't supplied.")
	case in.SHA != "" && in.SHA != old.SHA:
		return old, Conflict(path + " does not match " + in.SHA)
	}
	return old, nil
}

func (c *Context) commitFile(git *gitrepo.Repo, parent string, edit gitrepo.TreeEdit, in fileChange) (gitrepo.Commit, error) {
	tree, err := git.CreateTree(c.Context(), parent, []gitrepo.TreeEdit{edit})
	if err != nil {
		return gitrepo.Commit{}, invalidObject(err, "path is not valid")
	}
	committer := in.Committer.signature(c.Signature())
	change := gitrepo.NewCommit{Tree: tree, Author: in.Author.signature(committer), Committer: committer,
		Message: cmp.Or(in.Message, "Update "+edit.Path)}
	if parent != "" {
		change.Parents = []string{parent}
	}
	sha, err := git.CreateCommit(c.Context(), change)
	if err != nil {
		return gitrepo.Commit{}, err
	}
	return git.Commit(c.Context(), sha)
}
