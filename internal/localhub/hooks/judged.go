package hooks

import (
	"context"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
)

// What people and other programs say of a commit or a pull request.

// review differs from what the API shows of a review in the case of its state.
func (p Payloads) review(e event.PullRequestReview) shape.Object {
	body := p.base(e.Base)
	body["action"] = e.Action
	p.view(func(b shape.Builder) {
		review := b.Review(e.Repository, e.Pull, e.Review)
		review["state"], review["body"] = strings.ToLower(e.Review.State), shape.NonEmpty(e.Review.Body)
		body["review"], body["pull_request"] = review, b.Pull(e.Repository, e.Pull)
	})
	return body
}

// maxStatusBranches is how many branches GitHub names that have the commit of a status.
const maxStatusBranches = 10

func (p Payloads) status(ctx context.Context, e event.Status) (shape.Object, error) {
	git, err := p.Git.Open(e.Repository.Owner, e.Repository.Name)
	if err != nil {
		return nil, err
	}
	commit, err := git.Commit(ctx, e.Status.SHA)
	if err != nil {
		return nil, err
	}
	refs, err := git.Refs(ctx, "refs/heads/")
	if err != nil {
		return nil, err
	}
	body := p.base(e.Base)
	p.view(func(b shape.Builder) {
		s := b.Status(e.Repository, e.Status)
		for _, field := range []string{"id", "state", "context", "description", "target_url", "avatar_url", "created_at", "updated_at"} {
			body[field] = s[field]
		}
		body["sha"], body["name"], body["commit"] = e.Status.SHA, e.Repository.FullName(), b.Commit(e.Repository, commit)
		body["branches"] = p.branchesAt(b, e, refs)
	})
	return body, nil
}

func (p Payloads) branchesAt(b shape.Builder, e event.Status, refs []gitrepo.Ref) []shape.Object {
	list := []shape.Object{}
	for _, ref := range refs {
		if ref.Commit == e.Status.SHA && len(list) < maxStatusBranches {
			list = append(list, shape.Object{
				"name": strings.TrimPrefix(ref.Name, "refs/heads/"), "protected": false,
				"commit": shape.Object{"sha": ref.Commit, "url": b.RepoAPI(e.Repository, "/commits/%s", ref.Commit)},
			})
		}
	}
	return list
}
