package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// obstacle is why a pull request is not merged.
type obstacle struct {
	title   string // one sentence
	explain string // Markdown: details, and what can be done
	neutral bool   // nobody needs to act: the repository has chosen so
	code    githubjobs.DiagnosisCode
	verdict policy.Verdict
}

const (
	neutral        = "neutral"
	actionRequired = "action_required"
)

// maxTitle keeps a check run's title within what GitHub shows.
const maxTitle = 250

func invalidPolicy(base string, err error) *obstacle {
	return &obstacle{
		code:    githubjobs.DiagnosisPolicyInvalid,
		title:   fmt.Sprintf("Not merged: %s on %s is not valid.", policy.Path, base),
		explain: fmt.Sprintf("%s\n\nNothing is merged until it is mended on the branch %s; then re-run the job.", markdown.Block(err.Error()), markdown.Code(base)),
	}
}

// forbidden explains a verdict that does not allow the merge.
func forbidden(v policy.Verdict, r reading, pull int, base string) obstacle {
	failed := v.Failed()
	o := obstacle{verdict: v}
	if !r.policy.Merge.Enabled {
		o.neutral = true
		o.title = fmt.Sprintf("Not merged: %s on %s does not enable merging.", policy.Path, base)
		if r.noPolicy {
			o.code = githubjobs.DiagnosisPolicyMissing
			o.title = fmt.Sprintf("Not merged: there is no %s on %s.", policy.Path, base)
		}
		o.explain = fmt.Sprintf("Merge pull request #%d by hand. To have pull requests of jobs merged for you, put this into %s on %s, with the paths that jobs may change:\n\n%s",
			pull, markdown.Code(policy.Path), markdown.Code(base), markdown.Block("merge:\n  enabled: true\n  paths:\n    allow: [\"reports/**\"]"))
		return o
	}
	if v.Waits() {
		return waiting(v, pull)
	}
	o.title = "Not merged: " + failed[0].Why + "."
	var b strings.Builder
	if len(failed) > 1 { // else the title has said it
		for _, f := range failed {
			fmt.Fprintf(&b, "- %s\n", markdown.Text(f.Why))
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "Review pull request #%d and merge it by hand", pull)
	if !slices.ContainsFunc(failed, func(f policy.Finding) bool { return !f.Adjustable }) {
		fmt.Fprintf(&b, ", or change %s on %s and re-run the job", markdown.Code(policy.Path), markdown.Code(base))
	}
	b.WriteString(".")
	o.explain = b.String()
	return o
}

// nothingLeft explains a pull request whose changes are on the base already. It
// stays open, since to close it is not for the gate; and nobody has to hurry.
func (g *gate) nothingLeft() *obstacle {
	return &obstacle{
		neutral: true,
		title:   fmt.Sprintf("Not merged: %s already has these changes.", g.Spec.Base),
		explain: fmt.Sprintf("They came onto %s by another way while the job ran, so that a merge would be an empty commit. Pull request #%d can be closed.", markdown.Code(g.Spec.Base), g.report.Pull),
	}
}

// old explains the pull request of an attempt after which another has begun.
func (g *gate) old(by githubjobs.Name) *obstacle {
	return &obstacle{
		neutral: true,
		title:   fmt.Sprintf("Not merged: this is attempt %d of the job, and attempt %d has begun.", g.Job.Attempt, by.Attempt),
		explain: fmt.Sprintf("The job was given up here and attempted again on the branch %s, which delivers it. Pull request #%d is superseded and can be closed.", markdown.Code(by.Branch()), g.report.Pull),
	}
}

// afterRefusal decides what a merge that GitHub did not do means: try again, an
// obstacle, or trouble. A merge whose answer was lost is found here.
func (g *gate) afterRefusal(ctx context.Context, refused error, r reading) (o *obstacle, err error) {
	e, ok := errors.AsType[*hub.Error](refused)
	switch {
	case ok && e.Kind == hub.ErrBaseMoved:
		return nil, nil
	case ok && inQueue(e):
		return g.enqueue(ctx, e, r)
	case ok && (e.Kind == hub.ErrNotMergeable || e.Kind == hub.ErrHeadMoved || e.Temporary()):
	default:
		return nil, refused
	}
	err = g.retry(ctx, func() error {
		p, err := g.Repo.Mergeable(ctx, g.report.Pull, g.Wait)
		if err == nil {
			g.pull = pull{p}
		}
		return err
	})
	switch {
	case err != nil:
		return nil, errors.Join(refused, err)
	case g.pull.GetMerged():
		g.report.Merged, g.report.SHA = true, g.pull.GetMergeCommitSHA()
		return nil, nil
	case e.Kind == hub.ErrHeadMoved || g.pull.GetHead().GetSHA() != r.view.HeadSHA:
		return headMoved(r, g.report.Pull), nil
	case g.pull.Mergeable != nil && !*g.pull.Mergeable:
		return g.conflict(ctx, r), nil
	case e.Kind == hub.ErrNotMergeable && len(r.view.Carried) > 1 && checksUnderWay(e.Message):
		g.ready()
		return g.checksToCome(e.Message), nil
	case e.Kind == hub.ErrNotMergeable && g.pull.GetMergeableState() == "behind":
		g.lagging = true // a rule of GitHub's asks for what the policy may not
		return nil, nil
	case e.Kind == hub.ErrNotMergeable && !strings.Contains(e.Message, "is not mergeable"):
		return refusedByRules(e.Message), nil
	}
	// "Not mergeable" is also what GitHub says while it computes.
	return nil, nil
}

var undecided = obstacle{
	title:   "Not merged: GitHub did not say in time that the pull request can be merged.",
	explain: "Merge the pull request by hand, or re-run the job.",
}

func headMoved(r reading, pull int) *obstacle {
	return &obstacle{
		title:   "Not merged: somebody has pushed to the branch since the job's result.",
		explain: fmt.Sprintf("Only the job's own result, commit %s, may be merged without a person. Review pull request #%d and merge it by hand.", markdown.Code(r.view.WantSHA), pull),
	}
}

func refusedByRules(message string) *obstacle {
	return &obstacle{
		code:  githubjobs.DiagnosisBranchProtected,
		title: "Not merged: GitHub's rules for the base branch do not allow it.",
		explain: "GitHub says: " + markdown.Text(githubjobs.Defuse(message)) +
			"\n\nFulfil what it asks for and merge by hand; or let the rule admit what jobs merge (Settings → Rules, Settings → Branches); or, if a merge method is not allowed, choose another with merge.method in " + markdown.Code(policy.Path) + ".",
	}
}
