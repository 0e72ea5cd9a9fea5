package merge

import (
	"context"
	"errors"

	"github.com/google/go-github/v60/github"
	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// pull is a pull request as GitHub last showed it.
type pull struct{ *github.PullRequest }

// reading is everything that the verdict stands on.
type reading struct {
	policy   policy.Policy
	noPolicy bool      // the base branch has no policy file
	blocked  *obstacle // the policy cannot be read
	result   githubjobs.Result
	view     policy.View
}

// read asks GitHub, all at once: the pull request (until it is known whether it can
// be merged), its files, the policy on the base branch, the head's message.
func (g *gate) read(ctx context.Context) (reading, error) {
	var (
		r       reading
		files   []*github.CommitFile
		message string
		head    = g.pull.GetHead().GetSHA()
	)
	group, ctx := errgroup.WithContext(ctx)
	ask := func(do func() error) {
		group.Go(func() error { return g.retry(ctx, do) })
	}
	number := g.report.Pull
	ask(func() error {
		p, err := g.Repo.Mergeable(ctx, number, g.Wait)
		if err == nil {
			g.pull = pull{p}
		}
		return err
	})
	ask(func() (err error) { files, err = g.Repo.PullFiles(ctx, number); return err })
	ask(func() (err error) { message, _, err = g.Repo.Message(ctx, head); return err })
	ask(func() error { return r.readPolicy(ctx, g.Repo, g.Spec.Base) })
	if err := group.Wait(); err != nil {
		return r, err
	}
	r.view = g.view(files)
	if result, err := githubjobs.ParseResult(message); err == nil && g.isOurs(result) {
		r.result = result
		// The commit whose message was read; if the head has moved since, it is another.
		r.view.WantSHA = head
		r.view.Successful = result.Outcome == githubjobs.OutcomeSuccess && result.Problem == nil
	}
	return r, nil
}

// isOurs: the result is the one that this very attempt has published.
func (g *gate) isOurs(r githubjobs.Result) bool {
	return r.ID == g.Spec.ID && r.RunID == g.RunID && r.Attempt == g.Attempt
}

func (r *reading) readPolicy(ctx context.Context, repo *hub.Repository, base string) error {
	document, err := repo.ReadFile(ctx, policy.Path, base)
	switch {
	case errors.Is(err, hub.ErrNotFound):
		r.noPolicy = true
	case errors.Is(err, hub.ErrInvalid):
		r.blocked = invalidPolicy(base, err)
		return nil
	case err != nil:
		return err
	}
	if r.policy, err = policy.Parse(document); err != nil {
		r.blocked = invalidPolicy(base, err)
	}
	return nil
}

func (g *gate) view(files []*github.CommitFile) policy.View {
	p := g.pull
	_, _, ours := g.Repo.PullFact(p.PullRequest)
	v := policy.View{
		HeadSHA: p.GetHead().GetSHA(), Open: p.GetState() == "open", Draft: p.GetDraft(),
		SameRepo: ours && p.GetBase().GetRef() == g.Spec.Base, TotalFiles: p.GetChangedFiles(),
	}
	for _, f := range files {
		v.Files = append(v.Files, policy.File{Path: f.GetFilename(), Previous: f.GetPreviousFilename()})
	}
	return v
}
