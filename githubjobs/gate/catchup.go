package gate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

const (
	// maxPushes bounds how often the server brings a head onto its base in one call of Merge: it
	// moves on while the head is judged again, and others want their turn. A workflow has no
	// second call.
	maxPushes = 5
	// maxRounds bounds the tries, of which some push nothing since somebody else was faster.
	maxRounds = 20
	// anewAfter is how long the checks of a head that was brought onto its base are waited for
	// before they are started anew, and how long a base that was too fast is left alone.
	anewAfter = time.Hour
	// shownWithin is how long GitHub may take to show a head that was pushed.
	shownWithin = 30 * time.Second
)

// lags says whether the head has to be brought onto the newest commits of the base before it can
// be merged: for the policy, or for a rule of GitHub's that has just refused the merge.
func (g *gate) lags(v policy.Verdict) bool { return v.Lags() || g.lagging && v.Allowed() }

// underWay says whether the head was brought onto its base not long ago, and its checks have not
// ended: each push would start them anew, and on a busy base they would never end.
func (g *gate) underWay(v policy.Verdict, r reading) bool {
	return v.Lags() && len(v.Failed()) > 1 && g.Now().Sub(r.brought) < anewAfter
}

// round is one time of catching up. Runs that have ended together all want the base: they come
// back each after another pause, and longer ones each time.
func (g *gate) round(ctx context.Context, n int, v policy.Verdict, r reading) (*obstacle, error) {
	pushes, doublings := maxPushes, 5 // up to 3 s: others wait for the server
	if g.Silent {
		pushes, doublings = hub.MaxCatchUps, 8
	}
	if g.pushes == pushes || n > maxRounds {
		g.report.Again = g.Now().Add(undecidedPause)
		return g.tooFast(v, n-1), nil
	}
	if n > 1 {
		if err := g.Wait(ctx, rand.N(firstPause<<min(n, doublings))); err != nil {
			return nil, err
		}
	}
	o, err := g.catchUp(ctx, v, r)
	g.lagging = false
	return o, err
}

// end tells the obstacle, if there is one.
func (g *gate) end(ctx context.Context, o *obstacle, err error) error {
	if err != nil {
		return err
	}
	return g.block(ctx, *o)
}

// ready takes the turn, or keeps it, for a pull request which has all of the base and waits for
// nothing but checks.
func (g *gate) ready() {
	if g.report.Ready = true; g.Turn != nil {
		g.Turn(false)
	}
}

// catchUp brings the result onto the newest commits of the base, which the head lacks, and pushes
// that to the job's branch. Without an obstacle the head is another one, or somebody else was
// faster: it is to be judged again.
func (g *gate) catchUp(ctx context.Context, v policy.Verdict, r reading) (*obstacle, error) {
	plan, o, err := g.planCatchUp(ctx, v, r)
	if err != nil || o != nil {
		return o, err
	}
	if plan.Behind == 0 { // GitHub did not know it yet
		return nil, nil
	}
	if g.Hold != nil {
		if err := g.Hold(ctx); err != nil {
			return nil, err
		}
	}
	g.Logger.Info("the base has moved, and the result is brought onto it", "pull", g.report.Pull, "head", plan.Head, "base", plan.Onto)
	var sha string
	at := g.Now() // the same commit each time
	err = g.retry(ctx, func() (err error) {
		sha, err = g.Repo.PushCatchUp(ctx, g.Job, g.Spec.Base, r.resultSHA, plan, at)
		return err
	})
	switch {
	case errors.Is(err, hub.ErrRefMoved):
		return nil, nil
	case errors.Is(err, hub.ErrRefused), errors.Is(err, hub.ErrForbidden):
		return notBrought(v, g.report.Pull, g.Spec.Base, hub.Public(err)), nil
	case err != nil: // a later attempt has begun, too: it is found when this one is judged again
		if errors.Is(err, hub.ErrSuperseded) {
			err = nil
		}
		return nil, err
	}
	g.pushes++
	return g.shown(ctx, sha)
}

// planCatchUp is what brings the head onto the base, or what is in the way of that.
func (g *gate) planCatchUp(ctx context.Context, v policy.Verdict, r reading) (plan hub.CatchUp, o *obstacle, err error) {
	if o, err := g.inTheWay(ctx, r); err != nil || o != nil {
		return plan, o, err
	}
	from, over := r.view.HeadSHA, ""
	if len(r.view.Carried) > hub.MaxCatchUps { // it begins anew from the result, which is all that is merged
		if again := r.brought.Add(anewAfter); g.Now().Before(again) {
			g.report.Again = again
			return plan, g.tooFast(v, hub.MaxCatchUps), nil
		}
		from, over = r.resultSHA, from
	}
	err = g.retry(ctx, func() (err error) { plan, err = g.Repo.PlanCatchUp(ctx, g.Spec.Base, from); return err })
	plan.Over = over
	conflict, both := errors.AsType[*hub.ConflictError](err)
	switch {
	case both:
		return plan, g.bothChanged(ctx, r, conflict.Paths), nil
	case errors.Is(err, hub.ErrInvalid), errors.Is(err, hub.ErrCrosswise):
		return plan, notBrought(v, g.report.Pull, g.Spec.Base, hub.Public(err)), nil
	case err != nil:
		return plan, nil, err
	case plan.Behind == 0:
		return plan, nil, nil
	case g.Silent && (g.lagging || !r.policy.Merge.RequiredChecks.None() || g.blocked()):
		return plan, g.leftToTheServer(v), nil
	case g.Turn != nil:
		if first := g.Turn(true); first != 0 {
			return plan, g.notItsTurn(v, first), nil
		}
	}
	return plan, nil, nil
}

// blocked says whether GitHub lacks something on the head that its rules ask for, mostly checks:
// with a rule that asks for an up-to-date head, too, checks are asked for.
func (g *gate) blocked() bool {
	return slices.Contains([]string{"blocked", "behind"}, g.pull.GetMergeableState())
}

// wouldCatchUp says what becomes of a head that lags, where nothing is to be changed.
func (g *gate) wouldCatchUp(ctx context.Context, v policy.Verdict, r reading) (*obstacle, error) {
	_, o, err := g.planCatchUp(ctx, v, r)
	if err != nil || o != nil {
		return o, err
	}
	if g.Off {
		return g.stillBehind(v, fmt.Sprintf("This server runs with `MERGE=off` and brings nothing onto the newest %s. Run it with `MERGE=on`; or "+updateButton+".", markdown.Code(g.Spec.Base), g.report.Pull)), nil
	}
	return g.stillBehind(v, fmt.Sprintf("The gate brings the result onto the newest %s before it merges pull request #%d.", markdown.Code(g.Spec.Base), g.report.Pull)), nil
}

// shown waits until GitHub shows the new head, which the next judgement is about.
func (g *gate) shown(ctx context.Context, sha string) (*obstacle, error) {
	for pause, spent := firstPause, time.Duration(0); ; pause = min(2*pause, time.Second) {
		p, err := g.reread(ctx)
		if err != nil {
			return nil, err
		}
		if g.pull = (pull{p}); p.GetHead().GetSHA() == sha {
			return nil, nil
		}
		if spent >= shownWithin {
			g.report.Again = g.Now().Add(undecidedPause)
			return &obstacle{
				neutral: true, code: githubjobs.DiagnosisMergeWaits, title: fmt.Sprintf("Not merged yet: GitHub does not show yet that the result was brought onto the newest %s.", g.Spec.Base),
				explain: fmt.Sprintf("Commit %s was pushed to %s. A server with `MERGE=on` judges it when pull request #%d shows it; or re-run the job.", markdown.Code(sha), markdown.Code(g.Job.Branch()), g.report.Pull),
			}, nil
		}
		if err := g.Wait(ctx, pause); err != nil {
			return nil, err
		}
		spent += pause
	}
}

// behindTitle is what the policy says of the head, or GitHub.
func behindTitle(v policy.Verdict, base string) string {
	for _, f := range v.Failed() {
		if f.Rule == policy.RuleUpToDate {
			return f.Why
		}
	}
	return "GitHub's rules ask for a head that has all commits of " + base
}

const updateButton = "press *Update branch* on pull request #%d and merge it by hand, or submit the job again"

// stillBehind is a head that is merged when somebody has brought it onto its base.
func (g *gate) stillBehind(v policy.Verdict, explain string) *obstacle {
	return &obstacle{
		verdict: v, neutral: true, code: githubjobs.DiagnosisMergeWaits,
		title: "Not merged yet: " + behindTitle(v, g.Spec.Base) + ".", explain: explain,
	}
}

// leftToTheServer explains a head that this workflow does not bring onto its base: the checks
// that are asked for would never start.
func (g *gate) leftToTheServer(v policy.Verdict) *obstacle {
	return g.stillBehind(v, fmt.Sprintf("Checks are asked for on the head that is merged, by the policy or by GitHub's rules, and what a workflow pushes with its own token starts no workflows. A server with `MERGE=on` brings the result onto the newest %s, where its checks start, and merges it. Without such a server: "+updateButton+".",
		markdown.Code(g.Spec.Base), g.report.Pull))
}

// notItsTurn explains a head behind another one: each merge moves the base, and whoever was
// brought onto it before would have to be brought onto it again.
func (g *gate) notItsTurn(v policy.Verdict, first int) *obstacle {
	return g.stillBehind(v, fmt.Sprintf("One pull request after the other is brought onto the newest %s. When this one was judged, pull request #%d went first; it is judged again when its turn comes.", markdown.Code(g.Spec.Base), first))
}

// tooFast explains a base that has moved on each time the head was brought onto it.
func (g *gate) tooFast(v policy.Verdict, tries int) *obstacle {
	return g.stillBehind(v, fmt.Sprintf("%d times the result was to be brought onto the newest %s and merged, and each time something else was faster. A server with `MERGE=on` goes on with it. Without such a server: "+updateButton+".", tries, markdown.Code(g.Spec.Base), g.report.Pull))
}

// notBrought explains a head that can't be brought onto its base.
func notBrought(v policy.Verdict, pull int, base, why string) *obstacle {
	return &obstacle{
		verdict: v, title: "Not merged: " + behindTitle(v, base) + ", and the gate can't see to it.",
		explain: fmt.Sprintf("%s\n\nTo have it merged all the same "+updateButton+".", markdown.Text(githubjobs.Defuse(why)), pull),
	}
}

// bothChanged explains files that the job and the base have changed, which GitHub may be able to
// merge line by line. The gate does not: what it brings onto the base has to be seen to be the
// job's change and nothing else.
func (g *gate) bothChanged(ctx context.Context, r reading, paths []string) *obstacle {
	o := g.conflict(ctx, r)
	more := ""
	if len(paths) > 1 {
		more = fmt.Sprintf(" and %d more", len(paths)-1)
	}
	o.title = fmt.Sprintf("Not merged: %s%s changed on %s meanwhile, and by the job.", paths[0], more, g.Spec.Base)
	if !strings.Contains(o.explain, markdown.Code(paths[0])) {
		o.explain = fmt.Sprintf("Changed by the job and on %s: %s%s.\n\n", markdown.Code(g.Spec.Base), markdown.Code(paths[0]), more) + o.explain
	}
	o.explain += fmt.Sprintf(" Lines are not merged without a person: GitHub may be able to, by *Update branch* on pull request #%d.", g.report.Pull)
	return o
}
