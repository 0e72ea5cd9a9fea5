package gate

import (
	"context"
	"errors"

	"github.com/google/go-github/v60/github"
	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// maxReviewers bounds how many people's access is asked for.
const maxReviewers = 20

// The permissions without which GitHub tells nothing of a rule, for whoever can give them.
const (
	needsChecks   = "reading them is not permitted; give the workflow checks: write and statuses: read in its permissions, or the server's credentials Checks: read and Commit statuses: read"
	needsReviews  = "reading them is not permitted; give the workflow pull-requests: write in its permissions, or the server's credentials Pull requests: read"
	needsContents = "comparing is not permitted; give the workflow contents: write in its permissions, or the server's credentials Contents: read"
)

// demand is what is read for one rule. What reading is not permitted is not known, and
// the verdict says why; all other errors are the gate's.
type demand struct {
	rule   policy.Rule
	needs  string
	wanted bool
	read   func(context.Context) error
}

// readDemands reads, all at once, what the policy asks for beside files, and nothing else.
func (g *gate) readDemands(ctx context.Context, m policy.MergeRules, v *policy.View) error {
	v.Now, v.Author, v.LabelsKnown = g.Now(), g.pull.GetUser().GetLogin(), true
	for _, label := range g.pull.Labels {
		v.Labels = append(v.Labels, label.GetName())
	}
	// Reviews are read with a look at the whole view: meanwhile nothing else is written there.
	var runs, statuses []policy.Check
	var runsKnown, statusesKnown bool
	behind, behindKnown := v.Behind, false
	demands := []demand{
		{policy.RuleChecks, needsChecks, m.RequiredChecks.Runs(), func(ctx context.Context) (err error) {
			runs, runsKnown, err = g.checkRuns(ctx, v.HeadSHA)
			return err
		}},
		{policy.RuleChecks, needsChecks, m.RequiredChecks.Statuses(), func(ctx context.Context) (err error) {
			statuses, statusesKnown, err = g.statuses(ctx, v.HeadSHA)
			return err
		}},
		{policy.RuleApprovals, needsReviews, m.RequiredApprovals > 0, func(ctx context.Context) error { return g.reviews(ctx, m, v) }},
		{policy.RuleUpToDate, needsContents, m.UpToDate, func(ctx context.Context) (err error) {
			if behindKnown = g.wasQueued(); behindKnown {
				return nil
			}
			behind, err = g.Repo.Behind(ctx, g.Spec.Base, v.HeadSHA)
			behindKnown = err == nil
			return err
		}},
	}
	unread, err := g.readAll(ctx, demands)
	v.Unread, v.Behind, v.BehindKnown = unread, behind, behindKnown
	v.Checks = append(runs, statuses...)
	v.ChecksKnown = (runsKnown || !m.RequiredChecks.Runs()) && (statusesKnown || !m.RequiredChecks.Statuses())
	return err
}

// readAll reads what is wanted, and tells which rules it may not read for.
func (g *gate) readAll(ctx context.Context, demands []demand) (map[policy.Rule]string, error) {
	forbidden := make([]bool, len(demands))
	group, ctx := errgroup.WithContext(ctx)
	for i, d := range demands {
		if !d.wanted {
			continue
		}
		group.Go(func() error {
			err := g.retry(ctx, func() error { return d.read(ctx) })
			if forbidden[i] = errors.Is(err, hub.ErrForbidden); forbidden[i] {
				return nil
			}
			return err
		})
	}
	err := group.Wait()
	unread := map[policy.Rule]string{}
	for i, d := range demands {
		if forbidden[i] {
			unread[d.rule] = d.needs
		}
	}
	return unread, err
}

func (g *gate) checkRuns(ctx context.Context, head string) (checks []policy.Check, complete bool, err error) {
	runs, complete, err := g.Repo.CheckRuns(ctx, head)
	for _, run := range runs {
		check := policy.Check{ID: run.GetID(), Name: run.GetName(), App: run.GetApp().GetSlug(), AppID: run.GetApp().GetID()}
		if run.GetStatus() == "completed" {
			check.Outcome = run.GetConclusion()
		}
		checks = append(checks, check)
	}
	return checks, complete, err
}

func (g *gate) statuses(ctx context.Context, head string) (checks []policy.Check, complete bool, err error) {
	statuses, complete, err := g.Repo.Statuses(ctx, head)
	for _, s := range statuses {
		check := policy.Check{ID: s.GetID(), Name: s.GetContext(), Status: true, Creator: s.GetCreator().GetLogin()}
		if s.GetState() != "pending" {
			check.Outcome = s.GetState()
		}
		checks = append(checks, check)
	}
	return checks, complete, err
}

// reviews reads who has said what, and of those who matter whether they may write.
func (g *gate) reviews(ctx context.Context, m policy.MergeRules, v *policy.View) error {
	reviews, complete, err := g.Repo.Reviews(ctx, g.report.Pull)
	if err != nil {
		return err
	}
	v.Reviews, v.ReviewsKnown = nil, complete
	for _, r := range reviews {
		v.Reviews = append(v.Reviews, reviewOf(r))
	}
	if !complete {
		return nil
	}
	access := map[string]policy.Access{}
	for i, login := range policy.Reviewers(policy.Policy{Merge: m}, *v) {
		if i == maxReviewers {
			break
		}
		may, err := g.Repo.MayWrite(ctx, login)
		if err != nil {
			return err
		}
		if access[login] = policy.AccessNone; may {
			access[login] = policy.AccessWrite
		}
	}
	for i, r := range v.Reviews {
		v.Reviews[i].Access = access[r.Author]
	}
	return nil
}

func reviewOf(r *github.PullRequestReview) policy.Review {
	return policy.Review{
		ID: r.GetID(), Author: r.GetUser().GetLogin(), Person: r.GetUser().GetType() == "User", State: r.GetState(),
		SHA: r.GetCommitID(), At: r.GetSubmittedAt().Time,
	}
}
