package rest

import (
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var gitDataOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/git/commits/{commit_sha}", "git/get-commit", Read("contents"), getGitCommit},
	{"POST", "/repos/{owner}/{repo}/git/commits", "git/create-commit", Write("contents"), createGitCommit},
	{"GET", "/repos/{owner}/{repo}/git/trees/{tree_sha...}", "git/get-tree", Read("contents"), getTree},
	{"POST", "/repos/{owner}/{repo}/git/trees", "git/create-tree", Write("contents"), createTree},
	{"GET", "/repos/{owner}/{repo}/git/blobs/{file_sha}", "git/get-blob", Read("contents"), getBlob},
	{"POST", "/repos/{owner}/{repo}/git/blobs", "git/create-blob", Write("contents"), createBlob},
}

func getGitCommit(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	commit, err := git.Commit(c.Context(), c.Param("commit_sha"))
	if err != nil {
		return Response{}, gitError(err)
	}
	return OK(c.gitCommit(commit)), nil
}

func (c *Context) gitCommit(commit gitrepo.Commit) (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.GitCommit(c.Repo, commit) })
	return body
}

// person is an author or committer in a request.
type person struct {
	Name, Email string
	Date        *time.Time
}

// signature is p, or standard where p says nothing.
func (p *person) signature(standard gitrepo.Signature) gitrepo.Signature {
	if p == nil {
		return standard
	}
	s := gitrepo.Signature{Name: p.Name, Email: p.Email, When: standard.When}
	set(&s.When, p.Date)
	return s
}

func createGitCommit(c *Context) (Response, error) {
	var in struct {
		Message, Tree     string
		Parents           []string
		Author, Committer *person
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.Message == "" || in.Tree == "" {
		return Response{}, Invalid("Invalid request.\n\n\"message\" and \"tree\" are required.")
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	author := in.Author.signature(c.Signature())
	sha, err := git.CreateCommit(c.Context(), gitrepo.NewCommit{
		Tree: in.Tree, Parents: in.Parents, Author: author, Committer: in.Committer.signature(author), Message: in.Message,
	})
	if err != nil {
		return Response{}, invalidObject(err, "Tree SHA or parent SHA does not exist or is not of the right type")
	}
	commit, err := git.Commit(c.Context(), sha)
	return Created(c.gitCommit(commit)), err
}

// invalidObject is a 422 when the request is to blame.
func invalidObject(err error, message string) error {
	for _, mine := range []error{gitrepo.ErrNotFound, gitrepo.ErrWrongType, gitrepo.ErrBadName, gitrepo.ErrInvalid} {
		if errors.Is(err, mine) {
			return Invalid(message)
		}
	}
	return err
}

func getTree(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	sha := c.Param("tree_sha")
	if !gitrepo.IsSHA(sha) {
		if sha, err = git.Resolve(c.Context(), sha); err != nil {
			return Response{}, gitError(err)
		}
	}
	_, recursive := c.URL.Query()["recursive"]
	return c.tree(git, sha, recursive)
}

func (c *Context) tree(git *gitrepo.Repo, sha string, recursive bool) (Response, error) {
	entries, err := git.Tree(c.Context(), sha, recursive)
	if err != nil {
		return Response{}, gitError(err)
	}
	list := []shape.Object{}
	var url string
	c.View(func(_ *state.Tx, b shape.Builder) {
		url = b.RepoAPI(c.Repo, "/git/trees/%s", sha)
		for _, e := range entries {
			list = append(list, b.TreeEntry(c.Repo, e))
		}
	})
	return OK(shape.Object{"sha": sha, "url": url, "tree": list, "truncated": false}), nil
}

// treeEntry is an entry in a request. A null SHA removes the path.
type treeEntry struct {
	Path, Mode, Type string
	SHA, Content     *string
}

func createTree(c *Context) (Response, error) {
	var in struct {
		BaseTree string `json:"base_tree"`
		Tree     []treeEntry
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if len(in.Tree) == 0 {
		return Response{}, Invalid("Invalid tree info")
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	var edits []gitrepo.TreeEdit
	for _, e := range in.Tree {
		edit := gitrepo.TreeEdit{Path: e.Path, Mode: e.Mode}
		set(&edit.SHA, e.SHA)
		if e.Content != nil {
			if edit.SHA, err = git.CreateBlob(c.Context(), []byte(*e.Content)); err != nil {
				return Response{}, err
			}
		}
		edits = append(edits, edit)
	}
	sha, err := git.CreateTree(c.Context(), in.BaseTree, edits)
	if err != nil {
		return Response{}, invalidObject(err, "tree.sha or base_tree does not exist or is not of the right type")
	}
	res, err := c.tree(git, sha, false)
	res.Status = 201
	return res, err
}

func getBlob(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	sha := c.Param("file_sha")
	data, err := git.Blob(c.Context(), sha)
	if err != nil {
		return Response{}, gitError(err)
	}
	if c.wantsRaw() {
		return Raw("application/vnd.github.raw; charset=utf-8", data), nil
	}
	return OK(shape.Object{"sha": sha, "node_id": "B_" + sha, "size": len(data), "url": c.repoAPI("/git/blobs/" + sha), "encoding": "base64",
		"content": encodeContent(data)}), nil
}

// repoAPI is an address below this repository's.
func (c *Context) repoAPI(path string) string {
	return c.S.ServerURL + Prefix + "/repos/" + c.Repo.FullName() + path
}

// wantsRaw says that the media type asks for the bytes of a file.
func (c *Context) wantsRaw() bool {
	accept := c.Header.Get("Accept")
	return strings.Contains(accept, "application/vnd.github.raw") || strings.Contains(accept, "application/vnd.github.v3.raw")
}

// encodeContent is base64 in lines of 60 characters, as GitHub sends it.
func encodeContent(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for len(text) > 0 {
		n := min(60, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.String()
}

// decodeContent reads base64, with or without line breaks.
func decodeContent(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.NewReplacer("\n", "", "\r", "").Replace(text))
}

func createBlob(c *Context) (Response, error) {
	var in struct{ Content, Encoding string }
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	data := []byte(in.Content)
	if in.Encoding == "base64" {
		var err error
		if data, err = decodeContent(in.Content); err != nil {
			return Response{}, Invalid("content is not valid Base64")
		}
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	sha, err := git.CreateBlob(c.Context(), data)
	return Created(shape.Object{"sha": sha, "url": c.repoAPI("/git/blobs/" + sha)}), err
}
