package rest

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/hooks"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var commitOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/commits", "repos/list-commits", Read("contents"), listCommits},
	{"GET", "/repos/{owner}/{repo}/commits/{ref...}", "repos/get-commit", Read("contents"), getCommit},
	{"GET", "/repos/{owner}/{repo}/compare/{basehead...}", "repos/compare-commits-with-basehead", Read("contents"), compareCommits},
}

// GitHub's caps on what one answer lists.
const (
	maxFiles          = 300
	maxCompareCommits = 250
)

func listCommits(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	tip, err := git.Resolve(c.Context(), cmp.Or(c.Query("sha"), c.Repo.DefaultBranch))
	if err != nil {
		if refs, _ := git.Refs(c.Context(), "refs/heads/"); len(refs) == 0 {
			return Response{}, Conflict("Git Repository is empty.")
		}
		return Response{}, gitError(err)
	}
	o := gitrepo.LogOptions{Tip: tip, Path: strings.Trim(c.Query("path"), "/"), Author: c.authorQuery()}
	for name, to := range map[string]*time.Time{"since": &o.Since, "until": &o.Until} {
		if text := c.Query(name); text != "" {
			if *to, err = time.Parse(time.RFC3339, text); err != nil {
				return Response{}, Invalid("Invalid request.\n\nInvalid timestamp for '" + name + "'.")
			}
		}
	}
	shas, err := git.LogSHAs(c.Context(), o)
	if err != nil {
		return Response{}, gitError(err)
	}
	list, err := c.commits(git, Paginate(c, shas))
	return OK(list), err
}

// authorQuery is ?author, a login or an address, as what stands in commits.
func (c *Context) authorQuery() string {
	author := c.Query("author")
	c.View(func(tx *state.Tx, _ shape.Builder) {
		if u, ok := tx.Users.ByName(state.UserName(author)); ok && author != "" {
			author = "<" + u.Email + ">"
		}
	})
	return author
}

func (c *Context) commits(git *gitrepo.Repo, shas []string) ([]shape.Object, error) {
	list := []shape.Object{}
	for _, sha := range shas {
		commit, err := git.Commit(c.Context(), sha)
		if err != nil {
			return nil, err
		}
		list = append(list, c.commit(commit))
	}
	return list, nil
}

func (c *Context) commit(commit gitrepo.Commit) (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Commit(c.Repo, commit) })
	return body
}

func getCommit(c *Context) (Response, error) {
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	sha, err := git.Resolve(c.Context(), c.Param("ref"))
	if err != nil {
		return Response{}, Invalid("No commit found for SHA: " + c.Param("ref"))
	}
	if accept := c.Header.Get("Accept"); strings.Contains(accept, "sha") {
		return Raw("application/vnd.github.sha; charset=utf-8", []byte(sha)), nil
	} else if strings.Contains(accept, "diff") || strings.Contains(accept, "patch") {
		return Response{}, &Error{Status: http.StatusNotImplemented, Message: "localhub does not have the media type " + accept}
	}
	commit, err := git.Commit(c.Context(), sha)
	if err != nil {
		return Response{}, err
	}
	files, err := hooks.FilesOf(c.Context(), git, commit, true)
	if err != nil {
		return Response{}, err
	}
	body := c.commit(commit)
	added, deleted := 0, 0
	for _, f := range files {
		added, deleted = added+f.Additions, deleted+f.Deletions
	}
	body["stats"] = shape.Object{"total": added + deleted, "additions": added, "deletions": deleted}
	c.View(func(_ *state.Tx, b shape.Builder) {
		body["files"] = b.Files(c.Repo, files[:min(len(files), maxFiles)], sha)
	})
	return OK(body), nil
}

// compareCommits answers base...head as GitHub does: files against the merge base, at most 300 and only on the first page.
func compareCommits(c *Context) (Response, error) {
	base, head, ok := strings.Cut(c.Param("basehead"), "...")
	if !ok {
		return Response{}, NotFound()
	}
	git, err := c.Git()
	if err != nil {
		return Response{}, err
	}
	baseSHA, err := git.Resolve(c.Context(), c.branchOf(base))
	if err != nil {
		return Response{}, gitError(err)
	}
	headSHA, err := git.Resolve(c.Context(), c.branchOf(head))
	if err != nil {
		return Response{}, gitError(err)
	}
	mergeBase, err := git.MergeBase(c.Context(), baseSHA, headSHA)
	if err != nil {
		return Response{}, &Error{Status: 404, Message: "No common ancestor between " + base + " and " + head + "."}
	}
	body, err := c.compare(git, baseSHA, headSHA, mergeBase)
	if err != nil {
		return Response{}, err
	}
	page := c.S.ServerURL + "/" + c.Repo.FullName() + "/compare/" + shape.EscapePath(base) + "..." + shape.EscapePath(head)
	body["html_url"], body["diff_url"], body["patch_url"], body["permalink_url"] = page, page+".diff", page+".patch",
		c.S.ServerURL+"/"+c.Repo.FullName()+"/compare/"+baseSHA+"..."+headSHA
	body["url"] = c.repoAPI("/compare/" + shape.EscapePath(base) + "..." + shape.EscapePath(head))
	return OK(body), nil
}

// branchOf takes the owner off "owner:branch".
func (c *Context) branchOf(name string) string {
	if owner, branch, ok := strings.Cut(name, ":"); ok && strings.EqualFold(owner, c.Repo.Owner) {
		return branch
	}
	return name
}

func (c *Context) compare(git *gitrepo.Repo, base, head, mergeBase string) (shape.Object, error) {
	ctx := c.Context()
	ahead, err := git.LogSHAs(ctx, gitrepo.LogOptions{Tip: head, Not: base, OldestFirst: true})
	if err != nil {
		return nil, err
	}
	behind := 0
	if mergeBase != base {
		if behind, err = git.Count(ctx, base, head); err != nil {
			return nil, err
		}
	}
	var files []gitrepo.FileChange
	if c.Page().Number == 1 {
		if files, err = git.Diff(ctx, mergeBase, head, true); err != nil {
			return nil, err
		}
	}
	shown := ahead[:min(len(ahead), maxCompareCommits)]
	if c.Query("page") != "" || c.Query("per_page") != "" {
		shown = Paginate(c, ahead)
	}
	commits, err := c.commits(git, shown)
	if err != nil {
		return nil, err
	}
	ends, err := c.commits(git, []string{base, mergeBase})
	if err != nil {
		return nil, err
	}
	body := shape.Object{"base_commit": ends[0], "merge_base_commit": ends[1], "status": compareStatus(len(ahead), behind), "ahead_by": len(ahead),
		"behind_by": behind, "total_commits": len(ahead), "commits": commits}
	c.View(func(_ *state.Tx, b shape.Builder) {
		body["files"] = b.Files(c.Repo, files[:min(len(files), maxFiles)], head)
	})
	return body, nil
}

func compareStatus(ahead, behind int) string {
	switch {
	case ahead > 0 && behind > 0:
		return "diverged"
	case ahead > 0:
		return "ahead"
	case behind > 0:
		return "behind"
	}
	return "identical"
}
