package hooks

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
)

// maxCommits is how many commits GitHub lists in one push payload.
const maxCommits = 2048

// push builds GitHub's push payload.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#push
func (p Payloads) push(ctx context.Context, e event.Push) (shape.Object, error) {
	git, err := p.Git.Open(e.Repository.Owner, e.Repository.Name)
	if err != nil {
		return nil, err
	}
	commits, err := p.pushed(ctx, git, e)
	if err != nil {
		return nil, err
	}
	var head any
	if !e.Deleted {
		if head, err = p.headCommit(ctx, git, e, commits); err != nil {
			return nil, err
		}
	}
	body := p.base(e.Base)
	repo := body["repository"].(shape.Object)
	// In a push, as nowhere else, these two are seconds and the owner bears name and email.
	repo["created_at"], repo["pushed_at"] = e.Repository.CreatedAt.Unix(), seconds(repo["pushed_at"])
	repo["master_branch"] = e.Repository.DefaultBranch
	owner := repo["owner"].(shape.Object)
	owner["name"], owner["email"] = owner["login"], nil
	body["ref"], body["before"], body["after"] = e.Ref, e.Before, e.After
	body["created"], body["deleted"], body["forced"] = e.Created, e.Deleted, e.Forced
	body["base_ref"], body["compare"] = p.baseRef(ctx, git, e), p.compareURL(e)
	body["commits"], body["head_commit"] = commits, head
	body["pusher"] = shape.Object{"name": e.Sender.Login, "email": shape.NonEmpty(e.Sender.Email)}
	return body, nil
}

func seconds(written any) any {
	text, _ := written.(string)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil
	}
	return t.Unix()
}

// pushed are the commits that the push brought, oldest first.
func (p Payloads) pushed(ctx context.Context, git *gitrepo.Repo, e event.Push) ([]shape.Object, error) {
	list := []shape.Object{}
	if e.Deleted {
		return list, nil
	}
	commits, err := p.newCommits(ctx, git, e)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		o, err := p.pushCommit(ctx, git, e, c)
		if err != nil {
			return nil, err
		}
		list = append(list, o)
	}
	return list, nil
}

// newCommits lists what After has and Before has not; for a new branch, what the default branch has not. The usual push, of one commit on top of
// Before or of the default branch, is seen without a git process.
func (p Payloads) newCommits(ctx context.Context, git *gitrepo.Repo, e event.Push) ([]gitrepo.Commit, error) {
	tip, err := p.peel(ctx, git, e.After)
	if err != nil {
		return nil, err
	}
	not := e.Before
	if e.Created {
		not = ""
		if main, err := git.Ref(ctx, "refs/heads/"+e.Repository.DefaultBranch); err == nil && main.Name != e.Ref {
			not = main.Commit
		}
	}
	switch {
	case tip.SHA == not:
		return nil, nil
	case slices.Equal(tip.Parents, []string{not}) || not == "" && len(tip.Parents) == 0:
		return []gitrepo.Commit{tip}, nil
	}
	commits, err := git.Log(ctx, gitrepo.LogOptions{Tip: tip.SHA, Not: not, Limit: maxCommits})
	slices.Reverse(commits)
	return commits, err
}

// peel reads the commit that a pushed object is or, for an annotated tag, names.
func (p Payloads) peel(ctx context.Context, git *gitrepo.Repo, sha string) (gitrepo.Commit, error) {
	if kind, _, err := git.ObjectType(ctx, sha); err == nil && kind == "tag" {
		if sha, err = git.Resolve(ctx, sha); err != nil {
			return gitrepo.Commit{}, err
		}
	}
	return git.Commit(ctx, sha)
}

func (p Payloads) pushCommit(ctx context.Context, git *gitrepo.Repo, e event.Push, c gitrepo.Commit) (o shape.Object, err error) {
	files, err := FilesOf(ctx, git, c, false)
	if err != nil {
		return nil, err
	}
	p.view(func(b shape.Builder) { o = b.PushCommit(e.Repository, c, files) })
	return o, nil
}

// FilesOf lists what a commit changes against its first parent. A commit with its parent's tree costs no git process.
func FilesOf(ctx context.Context, git *gitrepo.Repo, c gitrepo.Commit, patches bool) ([]gitrepo.FileChange, error) {
	from := gitrepo.EmptyTree
	if len(c.Parents) > 0 {
		parent, err := git.Commit(ctx, c.Parents[0])
		if err != nil {
			return nil, err
		}
		from = parent.Tree
	}
	if from == c.Tree {
		return nil, nil
	}
	return git.Diff(ctx, from, c.Tree, patches)
}

func (p Payloads) headCommit(ctx context.Context, git *gitrepo.Repo, e event.Push, commits []shape.Object) (any, error) {
	tip, err := p.peel(ctx, git, e.After)
	if err != nil {
		return nil, err
	}
	for _, c := range commits {
		if c["id"] == tip.SHA {
			return c, nil
		}
	}
	return p.pushCommit(ctx, git, e, tip)
}

// baseRef is the branch that a new ref started from without a commit of its own, else null.
func (p Payloads) baseRef(ctx context.Context, git *gitrepo.Repo, e event.Push) any {
	if !e.Created {
		return nil
	}
	name := "refs/heads/" + e.Repository.DefaultBranch
	if main, err := git.Ref(ctx, name); err == nil && name != e.Ref && main.SHA == e.After {
		return name
	}
	return nil
}

func (p Payloads) compareURL(e event.Push) (url string) {
	p.view(func(b shape.Builder) {
		switch {
		case e.Created:
			_, branch, _ := strings.Cut(strings.TrimPrefix(e.Ref, "refs/"), "/")
			url = b.RepoHTML(e.Repository, "/compare/%s", shape.EscapePath(branch))
		default:
			url = b.RepoHTML(e.Repository, "/compare/%s...%s", e.Before[:12], e.After[:12])
		}
	})
	return url
}
