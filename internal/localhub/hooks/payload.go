package hooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Payloads builds the JSON of events, for webhooks and for the event file of workflow runs.
type Payloads struct {
	DB  *state.DB
	Git *gitrepo.Store
	URL string // the server URL
}

// Build returns the payload of e. It may ask git, so call it neither inside View nor Update.
func (p Payloads) Build(ctx context.Context, e event.Event) (shape.Object, error) {
	body, err := p.build(ctx, e)
	if err != nil {
		return nil, fmt.Errorf("payload of %s in %s: %w", e.Name(), e.Repo().FullName(), err)
	}
	return body, nil
}

func (p Payloads) build(ctx context.Context, e event.Event) (shape.Object, error) {
	switch e := e.(type) {
	case event.Push:
		return p.push(ctx, e)
	case event.Create:
		return p.create(e), nil
	case event.Delete:
		return p.delete(e), nil
	case event.PullRequest:
		return p.pullRequest(ctx, e)
	case event.WorkflowRun:
		return p.workflowRun(e), nil
	case event.WorkflowJob:
		return p.workflowJob(e), nil
	case event.CheckRun:
		return p.checkRun(e), nil
	case event.CheckSuite:
		return p.checkSuite(ctx, e)
	case event.PullRequestReview:
		return p.review(e), nil
	case event.Status:
		return p.status(ctx, e)
	case event.Dispatch:
		return p.dispatch(e), nil
	}
	return nil, errors.New("localhub has no payload for this event")
}

// base is what all payloads have: repository, sender, and the installation when an App receives or caused it.
func (p Payloads) base(e event.Base) (body shape.Object) {
	p.view(func(b shape.Builder) {
		repo, ok := b.Tx.Repositories.Get(e.Repository.ID) // with pushed_at of now
		if !ok {
			repo = e.Repository
		}
		body = shape.Object{"repository": b.Repository(repo), "sender": b.User(e.Sender)}
		owner, _ := b.Tx.Users.Get(repo.OwnerID)
		if owner.Type == state.TypeOrganization {
			body["organization"] = b.Organization(owner)
		}
	})
	return body
}

func (p Payloads) view(read func(b shape.Builder)) {
	p.DB.View(func(tx *state.Tx) { read(shape.Builder{URL: p.URL, Tx: tx}) })
}
