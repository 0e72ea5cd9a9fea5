package rest

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var pullOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/pulls", "pulls/list", Read("pull_requests"), listPulls},
	{"POST", "/repos/{owner}/{repo}/pulls", "pulls/create", Read("pull_requests"), createPull},
	{"GET", "/repos/{owner}/{repo}/pulls/{pull_number}", "pulls/get", Read("pull_requests"), getPull},
	{"PATCH", "/repos/{owner}/{repo}/pulls/{pull_number}", "pulls/update", Read("pull_requests"), updatePull},
	{"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/commits", "pulls/list-commits", Read("pull_requests"), listPullCommits},
	{"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/files", "pulls/list-files", Read("pull_requests"), listPullFiles},
	{"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "pulls/check-if-merged", Read("pull_requests"), checkMerged},
	{"PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/merge", "pulls/merge", Write("contents"), mergePull},
	{"PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/merge-async", "pulls/merge-async", Write("contents"), mergeAsync},
	{"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/merge-async/{uuid}", "pulls/get-merge-async-result", Read("pull_requests"), getMergeAsync},
	{"PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/update-branch", "pulls/update-branch", Write("contents"), updatePullBranch},
	{"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pulls/list-reviews", Read("pull_requests"), listReviews},
	{"POST", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews", "pulls/create-review", Read("pull_requests"), createReview},
	{"GET", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}", "pulls/get-review", Read("pull_requests"), getReview},
	{"PUT", "/repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals", "pulls/dismiss-review", Write("pull_requests"), dismissReview},
}

// GitHub shows no more than this of one pull request.
const (
	maxPullCommits = 250
	maxPullFiles   = 3000
)

// pull finds the pull request that the path names.
func (c *Context) pull(param string) (p state.Pull, err error) {
	number, err := c.ID(param)
	if err != nil {
		return state.Pull{}, err
	}
	found := false
	c.View(func(tx *state.Tx, _ shape.Builder) {
		p, found = tx.Pulls.ByName(state.PullName(c.Repo.ID, int(number)))
	})
	if !found {
		return state.Pull{}, NotFound()
	}
	return p, nil
}

// pullAndGit is pull with the repository opened.
func (c *Context) pullAndGit() (state.Pull, *gitrepo.Repo, error) {
	p, err := c.pull("pull_number")
	if err != nil {
		return state.Pull{}, nil, err
	}
	git, err := c.Git()
	return p, git, err
}

func listPulls(c *Context) (Response, error) {
	var list []shape.Object
	c.View(func(tx *state.Tx, b shape.Builder) {
		pulls := Paginate(c, c.selectPulls(tx))
		list = make([]shape.Object, 0, len(pulls))
		for _, p := range pulls {
			list = append(list, b.Pull(c.Repo, p))
		}
	})
	return OK(list), nil
}

// selectPulls applies the filters and the order of pulls/list.
func (c *Context) selectPulls(tx *state.Tx) []state.Pull {
	all := tx.OpenPulls(c.Repo.ID)
	want := cmp.Or(c.Query("state"), "open")
	if want != "open" {
		all = tx.Pulls.Of(c.Repo.ID)
	}
	owner, branch, _ := strings.Cut(c.Query("head"), ":")
	var pulls []state.Pull
	for p := range all {
		if want != "all" && p.State != want || c.Query("base") != "" && p.BaseRef != c.Query("base") {
			continue
		}
		// A head without its owner filters nothing, as on GitHub.
		if branch != "" {
			head, _ := tx.Repositories.Get(p.HeadRepositoryID)
			if p.HeadRef != branch || !strings.EqualFold(head.Owner, owner) {
				continue
			}
		}
		pulls = append(pulls, p)
	}
	sortPulls(tx, pulls, c.Query("sort"), c.Query("direction"))
	return pulls
}

// sortPulls sorts pulls, which are in order of creation.
func sortPulls(tx *state.Tx, pulls []state.Pull, by, direction string) {
	switch by {
	case "updated":
		slices.SortStableFunc(pulls, func(a, b state.Pull) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	case "popularity":
		slices.SortStableFunc(pulls, func(a, b state.Pull) int { return tx.Comments.Count(a.ID) - tx.Comments.Count(b.ID) })
	}
	if direction == "desc" || direction != "asc" && (by == "" || by == "created") {
		slices.Reverse(pulls)
	}
}

func getPull(c *Context) (Response, error) {
	p, git, err := c.pullAndGit()
	if err != nil {
		return Response{}, err
	}
	return c.showPull(git, p)
}

// showPull answers with the full pull request.
func (c *Context) showPull(git *gitrepo.Repo, p state.Pull) (Response, error) {
	body, err := c.fullPull(git, p)
	return OK(body), err
}

func (c *Context) fullPull(git *gitrepo.Repo, p state.Pull) (body shape.Object, err error) {
	base, err := pullBase(c.Context(), git, p)
	if err != nil {
		return nil, err
	}
	counts, err := c.S.pulls.compare(c.Context(), git, base, p.HeadSHA)
	if err != nil && !errors.Is(err, gitrepo.ErrUnrelated) {
		return nil, err
	}
	var m shape.Mergeability
	if p.State == "open" {
		if m, err = c.S.pulls.mergeability(c.Context(), git, p, base); err != nil {
			return nil, err
		}
	}
	c.View(func(tx *state.Tx, b shape.Builder) {
		m.State = mergeableState(tx, c.Repo, p, m, counts.MergeBase != base)
		body = b.FullPull(c.Repo, p, counts, m)
	})
	return body, nil
}

// pullBase is the commit against which a pull request is shown: the tip of its base branch as long as it is open, afterwards what that was.
func pullBase(ctx context.Context, git *gitrepo.Repo, p state.Pull) (string, error) {
	if p.State != "open" {
		return p.BaseSHA, nil
	}
	ref, err := git.Ref(ctx, "refs/heads/"+p.BaseRef)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return p.BaseSHA, nil
	}
	return ref.Commit, err
}

func checkMerged(c *Context) (Response, error) {
	p, err := c.pull("pull_number")
	if err == nil && !p.Merged {
		err = NotFound()
	}
	return NoContent(), err
}

func listPullCommits(c *Context) (Response, error) {
	p, git, err := c.pullAndGit()
	if err != nil {
		return Response{}, err
	}
	base, err := pullBase(c.Context(), git, p)
	if err != nil {
		return Response{}, err
	}
	shas, err := git.LogSHAs(c.Context(), gitrepo.LogOptions{Tip: p.HeadSHA, Not: base, OldestFirst: true})
	if err != nil {
		return Response{}, err
	}
	var commits []gitrepo.Commit
	for _, sha := range Paginate(c, shas[:min(len(shas), maxPullCommits)]) {
		commit, err := git.Commit(c.Context(), sha)
		if err != nil {
			return Response{}, err
		}
		commits = append(commits, commit)
	}
	list := []shape.Object{}
	c.View(func(_ *state.Tx, b shape.Builder) {
		for _, commit := range commits {
			list = append(list, b.Commit(c.Repo, commit))
		}
	})
	return OK(list), nil
}

func listPullFiles(c *Context) (Response, error) {
	p, git, err := c.pullAndGit()
	if err != nil {
		return Response{}, err
	}
	base, err := pullBase(c.Context(), git, p)
	if err != nil {
		return Response{}, err
	}
	from, err := git.MergeBase(c.Context(), base, p.HeadSHA)
	if err != nil {
		return Response{}, err
	}
	files, err := git.Diff(c.Context(), from, p.HeadSHA, true)
	if err != nil {
		return Response{}, err
	}
	var list []shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) {
		list = b.Files(c.Repo, Paginate(c, files[:min(len(files), maxPullFiles)]), p.HeadSHA)
	})
	return OK(list), nil
}
