package gate

import (
	"context"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// Judgement is a verdict that nothing was done about.
type Judgement struct {
	Pull    int // 0 when the job has no pull request
	PullURL string
	Merged  bool // it is merged already; then nothing was judged
	Closed  bool // likewise, without a merge
	// HeadSHA is the commit that was judged, PolicySHA the one on the base branch from which
	// the policy was read; empty for a policy that the caller gave.
	HeadSHA   string
	PolicySHA string
	NoPolicy  bool // the base branch has no policy: nothing is merged
	Verdict   policy.Verdict
	// Allowed says that the gate would merge it now. Where it would not although every rule
	// passed, or although there are no rules that can be read, Title says why.
	Allowed bool
	Title   string // one sentence
	Explain string // Markdown
	At      time.Time
}

// Judge judges the job's pull request as Merge would do, and changes nothing. With a policy it
// judges by that instead of the one on the base branch. It takes as many REST calls as Merge
// does before it merges.
func Judge(ctx context.Context, cfg Config, instead *policy.Policy) (Judgement, error) {
	g := &gate{Config: cfg.withDefaults(), instead: instead}
	found, err := g.find(ctx)
	if err != nil || !found {
		r := g.report
		return Judgement{Pull: r.Pull, PullURL: r.PullURL, Merged: r.Merged, Closed: r.Pull != 0 && !r.Merged, Title: r.Title, At: g.Now()}, err
	}
	read, err := g.read(ctx, false)
	if err != nil {
		return Judgement{}, err
	}
	j := Judgement{Pull: g.report.Pull, PullURL: g.report.PullURL, HeadSHA: read.view.HeadSHA, PolicySHA: read.source, NoPolicy: read.noPolicy, At: g.Now()}
	if instead != nil {
		j.PolicySHA = ""
	}
	why := read.blocked
	if why == nil {
		j.Verdict = policy.Judge(read.policy, read.view)
		if j.Verdict.Lags() && !g.underWay(j.Verdict, read) {
			if why, err = g.wouldCatchUp(ctx, j.Verdict, read); err != nil {
				return Judgement{}, err
			}
		} else if !j.Verdict.Allowed() {
			o := forbidden(j.Verdict, read, j.Pull, g.Spec.Base)
			why = &o
		} else if why, err = g.inTheWay(ctx, read); err != nil {
			return Judgement{}, err
		}
	}
	if why != nil {
		j.Title, j.Explain = cut(why.title), why.explain
		return j, nil
	}
	j.Allowed, j.Title = true, "Every rule allows the merge."
	return j, nil
}
