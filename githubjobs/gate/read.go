package gate

import (
	"context"
	"errors"
	"slices"
	"time"

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
	source   string    // commit of the base branch that the policy stands on
	noPolicy bool      // the base branch has no policy file
	blocked  *obstacle // the policy cannot be read
	result   githubjobs.Result
	// resultSHA is the job's own commit, which the head is or carries; empty where it is not known.
	resultSHA string
	// brought is when the head was brought onto its base; zero where it is the result itself.
	brought time.Time
	view    policy.View
	method  policy.Method
}

// read asks GitHub, all at once: the pull request (until it is known whether it can
// be merged), the policy on the base branch, the result commit; then the
// files in which the head differs from the base.
func (g *gate) read(ctx context.Context, again bool) (reading, error) {
	var (
		r      reading
		result ownResult
		root   hub.Folder
		outer  = ctx
		number = g.report.Pull
		head   = g.pull.GetHead().GetSHA()
	)
	group, ctx := errgroup.WithContext(ctx)
	ask := func(do func() error) {
		group.Go(func() error { return g.retry(ctx, do) })
	}
	if again || g.pull.Mergeable == nil {
		ask(func() error {
			p, err := g.Repo.Mergeable(ctx, number, g.Wait)
			if err == nil {
				g.pull = pull{p}
			}
			return err
		})
	}
	ask(func() (err error) { result, err = g.ownResult(ctx, head); return err })
	ask(func() (err error) { root, err = r.readPolicy(ctx, g.Repo, g.Spec.Base); return err })
	if err := group.Wait(); err != nil {
		return r, err
	}
	if g.instead != nil {
		r.policy, r.noPolicy, r.blocked = *g.instead, false, nil
	}
	r.view, r.result, r.resultSHA = g.view(), result.Result, result.sha
	from, err := g.readFiles(outer, r.source, &r.view)
	if err != nil {
		return r, err
	}
	if r.blocked == nil && r.policy.Merge.Enabled {
		if err := g.readBeside(outer, root, &r.view); err != nil {
			return r, err
		}
		if err := g.readSizes(outer, r.policy, &r.view); err != nil {
			return r, err
		}
		if from != r.source && !r.policy.Merge.UpToDate { // where the head has all of the base nothing has moved
			if err := g.readMoved(outer, root, &r.view); err != nil {
				return r, err
			}
		}
	}
	if err := g.readCarried(outer, result, &r); err != nil {
		return r, err
	}
	if err := g.readMethod(outer, &r); err != nil {
		return r, err
	}
	if err := g.readDemands(outer, r.policy.Merge, &r.view); err != nil {
		return r, err
	}
	// Who may open no pull request has delivered everything else; somebody has opened this one.
	delivered := result.Problem == nil || result.Problem.Reason == githubjobs.ReasonPRForbidden
	r.view.Successful = result.sha != "" && result.Outcome == githubjobs.OutcomeSuccess && delivered
	return r, nil
}

func (r *reading) readPolicy(ctx context.Context, repo *hub.Repository, base string) (root hub.Folder, err error) {
	r.source, root, err = repo.RootAt(ctx, base)
	if err != nil && !errors.Is(err, hub.ErrInvalid) {
		return nil, err
	}
	var document []byte
	if err == nil {
		document, err = repo.File(ctx, root, policy.Path)
	}
	switch {
	case errors.Is(err, hub.ErrNotFound):
		r.noPolicy = true
		return root, nil
	case errors.Is(err, hub.ErrInvalid):
		r.blocked = invalidPolicy(base, errors.New(hub.Public(err)))
		return root, nil
	case err != nil:
		return nil, err
	}
	if r.policy, err = policy.Parse(document); err != nil {
		r.blocked = invalidPolicy(base, err)
	}
	return root, nil
}

func (g *gate) view() policy.View {
	p := g.pull
	_, _, ours := g.Repo.PullFact(p.PullRequest)
	return policy.View{
		HeadSHA: p.GetHead().GetSHA(), Open: p.GetState() == "open", Draft: p.GetDraft(),
		SameRepo: ours, Base: p.GetBase().GetRef(), WantBase: g.Spec.Base, TotalFiles: max(p.GetChangedFiles(), 1),
	}
}

// readFiles reads what the head changes, which is told by the two commits and not by the
// pull request: that may show another head by now, and this one again later. What is not
// complete, or may not be read, or has nothing in common, leaves the view without files. from
// is the commit where the head has parted from the base; empty where that is not known.
func (g *gate) readFiles(ctx context.Context, base string, v *policy.View) (from string, err error) {
	if base == "" {
		return "", nil // there is no such branch
	}
	var d hub.Difference
	err = g.retry(ctx, func() (err error) { d, err = g.Repo.Difference(ctx, g.report.Pull, base, v.HeadSHA); return err })
	switch {
	case errors.Is(err, hub.ErrCrosswise):
		v.Obscure = hub.Public(err)
		return "", nil
	case errors.Is(err, hub.ErrForbidden), errors.Is(err, hub.ErrNotFound), err == nil && !d.Complete:
		return "", nil
	case err != nil:
		return "", err
	}
	v.TotalFiles = len(d.Files)
	for _, f := range d.Files {
		v.Files = append(v.Files, policy.File{
			Path: f.GetFilename(), Previous: f.GetPreviousFilename(), Removed: f.GetStatus() == "removed",
			New: slices.Contains([]string{"added", "renamed", "copied"}, f.GetStatus()),
		})
	}
	return d.From, nil
}
