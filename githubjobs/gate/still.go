package gate

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// still says whether the pull request is as it was judged: its base, head, state and labels.
// It is asked last before the merge, which GitHub pins to the head alone: a merge goes into
// whatever base the pull request has by then.
func (g *gate) still(ctx context.Context, r reading) (bool, error) {
	p, err := g.reread(ctx)
	if err != nil || p.GetMerged() {
		return true, err // the merge itself finds that it is merged
	}
	was := g.pull
	return p.GetBase().GetRef() == g.Spec.Base && p.GetHead().GetSHA() == r.view.HeadSHA && p.GetState() == was.GetState() && p.GetDraft() == was.GetDraft() &&
		slices.Equal(labelsOf(p), labelsOf(was.PullRequest)), nil
}

func (g *gate) reread(ctx context.Context) (p *github.PullRequest, err error) {
	err = g.retry(ctx, func() error { p, err = g.Repo.Pull(ctx, g.report.Pull); return err })
	return p, err
}

func labelsOf(p *github.PullRequest) (names []string) {
	for _, label := range p.Labels {
		names = append(names, label.GetName())
	}
	slices.Sort(names)
	return names
}

// tellMerged says what was merged, and where: nobody can change the base of a pull request
// any more that is merged.
func (g *gate) tellMerged(ctx context.Context) {
	g.report.Title = fmt.Sprintf("Merged into %s as %.7s.", g.Spec.Base, g.report.SHA)
	g.report.Summary = fmt.Sprintf("Every rule of %s on %s allows it.", markdown.Code(policy.Path), markdown.Code(g.Spec.Base))
	p, err := g.reread(ctx)
	if err != nil {
		g.warn(fmt.Errorf("read where it was merged: %w", err))
		return
	}
	if base := p.GetBase().GetRef(); base != g.Spec.Base {
		g.report.Title = githubjobs.Defuse(cut(fmt.Sprintf("Merged into %s as %.7s, and not into %s: somebody changed the base at that moment.", base, g.report.SHA, g.Spec.Base)))
		g.report.Summary = fmt.Sprintf("The job is for %s, whose policy allows it. Revert commit %s on %s if it does not belong there.", markdown.Code(g.Spec.Base), markdown.Code(g.report.SHA), markdown.Code(base))
		g.warn(fmt.Errorf("pull request #%d was merged into %s and not into %s", g.report.Pull, base, g.Spec.Base))
	}
}

func (g *gate) warn(err error) {
	g.report.Warnings = append(g.report.Warnings, err)
	g.Logger.Warn("after the merge", "error", err)
}
