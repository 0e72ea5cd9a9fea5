package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/go-github/v60/github"
	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// Config says which job's pull request is judged, in which run.
type Config struct {
	Repo *hub.Repository
	// Spec is the job, and Job the attempt, from the push event that started the run.
	Spec githubjobs.Spec
	Job  githubjobs.Name
	// JobSHA is the creation commit.
	JobSHA string
	// Result is the commit that publish has pushed, Pull its pull request; 0: it opened
	// none. Nothing else is merged. An empty Result says that publish was not asked: the
	// result is then looked for on the branch, and must be the only one.
	Result string
	Pull   int
	// Voucher, where there is one, is asked for the result instead, in a run that has ended; see
	// hub.Repository.Vouched. Pull must then be given.
	Voucher func(context.Context) (sha, why string, err error)
	// Told is the verdict that everybody was told last on this head, so that it is not told
	// twice; nil where none is known.
	Told *githubjobs.GateFact
	// Hold, where there is one, is asked right before the merge whether it may be made still.
	Hold func(context.Context) error
	// Off says that nobody but the last step of a run merges, for who judges beside it.
	Off bool
	// Silent says that what Repo pushes starts no checks, as what a run's own token pushes.
	Silent bool
	// Turn, where there is one, is asked whenever nothing but checks, or a base that has moved
	// (behind), keeps the pull request from being merged. It returns the number of the one that
	// has to be merged before this is brought onto the base; 0: it is this one's turn.
	Turn func(behind bool) (first int)
	// RunID, Attempt and RunURL are the run's (GITHUB_RUN_ID, GITHUB_RUN_ATTEMPT).
	RunID   int64
	Attempt int
	RunURL  string
	// Now and Wait default to the machine's clock; Logger to slog.Default().
	Now    func() time.Time
	Wait   hub.Wait
	Logger *slog.Logger
}

// Report is what the gate did.
type Report struct {
	Pull    int // 0 when the job has no pull request
	PullURL string
	Merged  bool
	SHA     string // of the merge
	// Title says in one sentence what was done; Summary explains it in Markdown, and
	// Rules is the verdict rule by rule, where there was one.
	Title   string
	Summary string
	Rules   string
	// Told is the verdict as everybody was told it; nil where nothing new was told.
	Told *githubjobs.GateFact
	// Again is when the verdict may be another one although nothing happens; zero for never.
	Again time.Time
	// Waits says that nothing is to be mended: it is merged when something has come.
	Waits bool
	// Stays says that no push to the base changes the verdict, unless it brings another policy.
	Stays bool
	// Ready says that nothing but checks that have not ended keeps the head, which has all of the
	// base, from being merged: it keeps its turn. Who is not ready lets others go first.
	Ready bool
	// Warnings are what went wrong after the merge, and changes nothing about it.
	Warnings []error
}

// gate is one call of Merge.
type gate struct {
	Config
	instead *policy.Policy // is judged by, instead of that of the base branch
	pull    pull
	report  Report
	pushes  int  // of heads that were brought onto the base
	lagging bool // GitHub has refused the merge since the head lacks commits of the base
}

// Merge judges the job's pull request and merges it if the policy of the base branch
// allows. That something is not merged is no error: the report says why, and so do
// the check run githubjobs/merge on the head and, where somebody should act, a
// comment. An error means that the gate could not do its work; after a merge there
// is none, only Warnings.
func Merge(ctx context.Context, cfg Config) (Report, error) {
	g := &gate{Config: cfg.withDefaults()}
	found, err := g.find(ctx)
	if err != nil || !found {
		return g.report, err
	}
	for try, round, pause := 1, 1, firstPause; ; try, pause = try+1, 2*pause {
		// All of it is read anew: the base that has moved may have another policy.
		read, err := g.read(ctx, try > 1)
		if err != nil {
			return g.report, err
		}
		if read.blocked != nil {
			return g.report, g.block(ctx, *read.blocked)
		}
		verdict := policy.Judge(read.policy, read.view)
		if read.view.Unknown != "" {
			g.report.Title = "Not merged: nobody vouches for the job's result: " + read.view.Unknown + "."
			return g.report, nil // nobody who reads the pull request can do anything about it
		}
		if g.lags(verdict) && !g.underWay(verdict, read) {
			if o, err := g.round(ctx, round, verdict, read); err != nil || o != nil {
				return g.report, g.end(ctx, o, err)
			}
			try, round, pause = 1, round+1, firstPause
			continue
		}
		if !verdict.Allowed() {
			if read.policy.Merge.UpToDate && (verdict.WaitsForChecks() || verdict.Lags()) {
				g.ready()
			}
			g.report.Again, g.report.Stays = verdict.OpensAt(), read.policy.Merge.Stays(verdict)
			if verdict.Lags() {
				g.report.Again = read.brought.Add(anewAfter)
			}
			return g.report, g.block(ctx, forbidden(verdict, read, g.report.Pull, g.Spec.Base))
		}
		again, obstacle, err := g.merge(ctx, verdict, read)
		switch {
		case err != nil:
			return g.report, err
		case obstacle != nil:
			return g.report, g.block(ctx, *obstacle)
		case g.report.Merged:
			g.finish(ctx, verdict)
			return g.report, nil
		case try == mergeTries:
			g.report.Again = g.Now().Add(undecidedPause)
			return g.report, g.block(ctx, undecided)
		}
		if err := g.Wait(ctx, max(pause, again)); err != nil {
			return g.report, err
		}
	}
}

func (c Config) withDefaults() Config {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Wait == nil {
		c.Wait = hub.Sleep
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (g *gate) retry(ctx context.Context, do func() error) error {
	return hub.Retry(ctx, g.Wait, g.Logger, do)
}

// find reads the job's pull request and tells whether it is to be judged.
func (g *gate) find(ctx context.Context) (bool, error) {
	var none error
	err := g.retry(ctx, func() error {
		p, err := g.readPull(ctx)
		if none = nil; errors.Is(err, errNoPull) {
			none, err = err, nil
		}
		g.pull = pull{p}
		return err
	})
	if err != nil {
		return false, err
	}
	if none != nil {
		g.report.Title = fmt.Sprintf("Nothing to merge: the job has no pull request into %s.", g.Spec.Base)
		return false, nil
	}
	if of, _, ok := g.Repo.PullFact(g.pull.PullRequest); ok && of != g.Job {
		return false, fmt.Errorf("pull request #%d is that of job %s, not of %s", g.Pull, of, g.Job)
	}
	g.report.Pull, g.report.PullURL = g.pull.GetNumber(), g.pull.GetHTMLURL()
	switch {
	case g.pull.MergedAt != nil:
		g.report.Merged, g.report.SHA = true, g.pull.GetMergeCommitSHA()
		g.report.Title = fmt.Sprintf("Pull request #%d is merged already.", g.report.Pull)
		return false, nil
	case g.pull.GetState() != "open":
		g.report.Title = fmt.Sprintf("Nothing to merge: pull request #%d is closed.", g.report.Pull)
		return false, nil
	}
	return true, nil
}

var errNoPull = errors.New("the job has no pull request")

// readPull reads the pull request that publish named; where publish was not asked, it
// is found by its branches.
func (g *gate) readPull(ctx context.Context) (*github.PullRequest, error) {
	switch {
	case g.Pull != 0:
		return g.Repo.Mergeable(ctx, g.Pull, g.Wait)
	case g.Result != "":
		return nil, errNoPull
	}
	p, err := g.Repo.FindPull(ctx, g.Job, g.Spec.Base)
	if errors.Is(err, hub.ErrNotFound) {
		err = errNoPull
	}
	return p, err
}

// mergeTries bounds the tries of a merge that GitHub refuses for reasons that pass;
// firstPause is the pause after the first.
const (
	mergeTries = 6
	firstPause = 100 * time.Millisecond
	// undecidedPause is after what time it is worth to ask GitHub again.
	undecidedPause = 5 * time.Minute
)

// merge merges the judged head. An obstacle is a reason why it can't be merged. When
// it neither merged nor found one, it may be tried again, not before the pause.
func (g *gate) merge(ctx context.Context, v policy.Verdict, read reading) (pause time.Duration, o *obstacle, err error) {
	if o, err := g.inTheWay(ctx, read); err != nil || o != nil {
		return 0, o, err
	}
	if g.Hold != nil {
		if err := g.Hold(ctx); err != nil {
			return 0, nil, err
		}
	}
	if same, err := g.still(ctx, read); err != nil || !same {
		return 0, nil, err // judged again, as it is now
	}
	sha, err := g.Repo.MergePull(ctx, g.request(read))
	if err == nil {
		g.report.Merged, g.report.SHA = true, sha
		return 0, nil, nil
	}
	pause = hub.RetryAfter(err)
	o, err = g.afterRefusal(ctx, err, read)
	return pause, o, err
}

// inTheWay is what keeps a pull request from being merged which the policy allows.
func (g *gate) inTheWay(ctx context.Context, read reading) (*obstacle, error) {
	if m := g.pull.Mergeable; m != nil && !*m {
		return g.conflict(ctx, read), nil
	}
	if nothing, err := g.addsNothing(ctx, read.view.HeadSHA); err != nil {
		return nil, err
	} else if nothing {
		return g.nothingLeft(), nil
	}
	if by, is, err := g.superseded(ctx); err != nil {
		return nil, err
	} else if is {
		return g.old(by), nil
	}
	return nil, nil
}

// addsNothing says whether the base has the changes already. It is asked right
// before the merge: GitHub merges such a pull request too, as an empty commit, and
// can't be told on which commit of the base.
func (g *gate) addsNothing(ctx context.Context, head string) (nothing bool, err error) {
	err = g.retry(ctx, func() error {
		nothing, err = g.Repo.AddsNothing(ctx, g.report.Pull, g.Spec.Base, head, g.Wait)
		return err
	})
	return nothing, err
}

// superseded says whether a later attempt of the job has begun. It is asked right before
// the merge: the job is that attempt's now, and this one may be long believed to be dead.
func (g *gate) superseded(ctx context.Context) (by githubjobs.Name, is bool, err error) {
	err = g.retry(ctx, func() error {
		by, is, err = g.Repo.Superseded(ctx, g.Job, g.Spec.Base)
		return err
	})
	return by, is, err
}

// finish shows the verdict and deletes the branch. Nothing here fails the step: a
// failed run with a merged pull request would be a failed job.
func (g *gate) finish(ctx context.Context, v policy.Verdict) {
	g.tellMerged(ctx)
	g.report.Rules = table(v)
	g.Logger.Info("merged", "pull", g.report.Pull, "commit", g.report.SHA, "base", g.Spec.Base)
	var check, branch error
	var group errgroup.Group
	group.Go(func() error { check = g.show(ctx, "success", v.HeadSHA, ""); return nil })
	group.Go(func() error { branch = g.deleteBranch(ctx, v.HeadSHA); return nil })
	_ = group.Wait() // the functions return no errors
	for _, err := range []error{check, branch} {
		if err != nil {
			g.warn(err)
		}
	}
}

// deleteBranch deletes the job's branch where it was merged from; what somebody
// pushed meanwhile is not deleted with it.
func (g *gate) deleteBranch(ctx context.Context, head string) error {
	return g.retry(ctx, func() error {
		results, err := g.Repo.Push(ctx, []hub.Update{{Ref: "refs/heads/" + g.Job.Branch(), Old: head}}, nil)
		if err != nil {
			return err
		}
		return results[0]
	})
}
