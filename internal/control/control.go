// Package control takes the steps about jobs that their facts call for: it cancels
// runs, by force where GitHub's own way fails, gives up what GitHub cannot end, and opens
// the pull requests that workflows are not allowed to open. Which step is due is decided in githubjobs; this package takes it and keeps what came
// of it.
//
// It imports githubjobs, githubjobs/hub and githubjobs/pulltext.
package control

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/failpoint"
)

const (
	batch = 100 // jobs in one look
	// longest is how long the controller sleeps at most: a run that has come up for a
	// job which was cancelled before is found by looking.
	longest  = 5 * time.Second
	shortest = time.Second // between two looks that found something due which could not be done
	retryMax = time.Minute
)

// Hub takes the steps on GitHub; see hub.Repository.
type Hub interface {
	CancelRun(ctx context.Context, run int64) error
	ForceCancelRun(ctx context.Context, run int64) error
	DeleteBranch(ctx context.Context, branch string) error
	OpenFor(ctx context.Context, of githubjobs.Name, p hub.NewPull) (githubjobs.PullFact, error)
	AddLabels(ctx context.Context, number int, labels []string) error
}

// Store is what the package needs of the store; store.Jobs describes the methods.
type Store interface {
	Due(ctx context.Context, project string, until time.Time, limit int) ([]githubjobs.Facts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
	RefreshJobs(ctx context.Context, project string, ids ...string) error
}

// Options are what a Controller is made of. Every field but OpenPulls must be set.
type Options struct {
	Project string
	Hub     Hub
	Store   Store
	// OpenPulls: the pull requests are opened that workflows are not allowed to open.
	OpenPulls bool
	// Changed is called after a step whose effect a read of GitHub may find.
	Changed func()
	// Read asks for a read of GitHub without delay. It must not block.
	Read func()
	// Released is called after a step that leaves the dispatcher something to do.
	Released func()
	Log      *slog.Logger
	Now      func() time.Time
}

// Controller takes the due steps of one project.
type Controller struct {
	Options
	wake chan struct{}

	// Used by Run alone.
	failures int // of whole rounds, in a row
	putOffs  map[string]putOff
}

// New returns a controller; Run makes it work.
func New(o Options) *Controller {
	return &Controller{Options: o, wake: make(chan struct{}, 1), putOffs: map[string]putOff{}}
}

// Wake tells that a step may be due. It never blocks.
func (c *Controller) Wake() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Run takes steps until ctx ends. It may be called again after it has returned.
func (c *Controller) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		pause, err := c.round(ctx)
		if err != nil && ctx.Err() == nil {
			c.failures++
			pause = max(min(shortest<<min(c.failures-1, 6), retryMax), hub.RetryAfter(err))
			c.Log.Error("controlling jobs failed; it will be tried again", "error", err, "again_in", pause)
		} else {
			c.failures = 0
		}
		c.sleep(ctx, pause)
	}
	return nil
}

func (c *Controller) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	wake := c.wake
	if c.failures > 0 { // what failed is not tried again before its time
		wake = nil
	}
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// round takes the steps that are due, and says when the next one is. A step that fails is put
// off; the error is one that concerns all of them.
func (c *Controller) round(ctx context.Context) (pause time.Duration, err error) {
	limit := batch + len(c.putOffs)
	list, err := c.Store.Due(ctx, c.Project, c.Now(), limit)
	if err != nil {
		return 0, err
	}
	full := len(list) == limit
	c.arrange(list, full)
	failures := 0 // in a row
	for _, f := range list {
		if c.putOffs[f.ID].at.After(c.Now()) {
			continue
		}
		if unread(f, c.Now()) {
			c.putOffs[f.ID] = putOff{at: c.Now().Add(longest)}
			c.Read()
			continue
		}
		err := c.take(ctx, f)
		if err == nil {
			failures = 0
			delete(c.putOffs, f.ID)
			continue
		}
		if ctx.Err() != nil {
			return 0, err
		}
		p := c.putOffs[f.ID].after(c.Now(), err)
		c.putOffs[f.ID] = p
		c.Log.Error("a step about a job failed; it will be tried again", "job_id", f.ID, "error", err, "again_in", p.at.Sub(c.Now()))
		if failures++; failures == mostFailures || hub.RetryAfter(err) > 0 {
			return 0, err
		}
	}
	if full {
		return 0, nil
	}
	return c.next(ctx)
}

// unread says that the step concludes something from what is not known of a job on GitHub, and that
// the news may not have come yet: GitHub was not read since the step was due. A server that was away
// would else end what has begun in time, and delete the branch of what has ended.
func unread(f githubjobs.Facts, now time.Time) bool {
	step, due := f.Next(now)
	concludes := step == githubjobs.StepGiveUp || step == githubjobs.StepExpire && pushed(f.Present())
	return concludes && !due.After(now) && !f.Complete.IsZero() && f.Complete.Before(due)
}

// pushed says whether an attempt was pushed, as far as is known. Who pushes reads GitHub before it
// drops one that was not.
func pushed(one githubjobs.Facts) bool {
	return one.Dispatch != nil || one.Branch != nil || len(one.Runs) > 0
}

// next says how long it is until a step is due.
func (c *Controller) next(ctx context.Context) (pause time.Duration, err error) {
	list, err := c.Store.Due(ctx, c.Project, c.Now().Add(longest), 1+len(c.putOffs))
	pause = longest
	for _, f := range list {
		_, due := f.Next(c.Now())
		if p, is := c.putOffs[f.ID]; is {
			due = p.at
		}
		pause = min(pause, max(due.Sub(c.Now()), shortest))
	}
	return pause, err
}

// take takes the step about one job. An error is one of GitHub or of the store that
// may pass.
func (c *Controller) take(ctx context.Context, f githubjobs.Facts) error {
	now := c.Now()
	switch step, due := f.Next(now); {
	case step == githubjobs.StepNone || due.After(now):
		// A delay is over, or time alone has ended the job: its row does not say so yet.
		defer c.Released()
		return c.Store.RefreshJobs(ctx, c.Project, f.ID)
	case step == githubjobs.StepExpire:
		defer c.Released()
		return c.store(ctx, githubjobs.Facts{ID: f.ID, Cancel: &githubjobs.CancelFact{By: "The server", Expired: true, At: now, Of: f.Name().Attempt}})
	case step == githubjobs.StepOpenPull:
		return c.open(ctx, f.ToOpen())
	default:
		return c.cancel(ctx, f, step)
	}
}

// cancel takes a step towards the end of a run.
func (c *Controller) cancel(ctx context.Context, f githubjobs.Facts, step githubjobs.Step) error {
	failpoint.Here("control/ask")
	answer, detail, err := c.ask(ctx, f, step)
	if err != nil {
		return err
	}
	one := f.Present()
	done, run := *one.Cancel, f.Run()
	done.Of, done.Run, done.Attempt, done.Detail, done.AnsweredAt = f.Name().Attempt, run.ID, run.Attempt, detail, c.Now()
	if done.Answer != githubjobs.CancelGivenUp { // which a run that is seen later does not undo
		done.Answer = answer
	}
	c.Log.Info("controlled a job", "job_id", f.ID, "step", step, "run_id", run.ID, "answer", done.Answer, "detail", detail)
	if err := c.store(ctx, githubjobs.Facts{ID: f.ID, Cancel: &done}); err != nil {
		return err
	}
	c.Changed()
	return nil
}

// store keeps what came of a step.
func (c *Controller) store(ctx context.Context, f githubjobs.Facts) error {
	failpoint.Here("control/store")
	err := c.Store.MergeFacts(ctx, c.Project, f)
	failpoint.Here("control/stored")
	return err
}

// ask takes the step on GitHub. What GitHub refuses for good is an answer.
func (c *Controller) ask(ctx context.Context, f githubjobs.Facts, step githubjobs.Step) (answer githubjobs.CancelAnswer, detail string, err error) {
	switch step {
	case githubjobs.StepCancel:
		answer, err = githubjobs.CancelAccepted, c.Hub.CancelRun(ctx, f.Run().ID)
	case githubjobs.StepForceCancel:
		answer, err = githubjobs.CancelForced, c.Hub.ForceCancelRun(ctx, f.Run().ID)
	case githubjobs.StepGiveUp:
		answer, err = githubjobs.CancelGivenUp, c.Hub.DeleteBranch(ctx, f.Name().Branch())
	}
	switch {
	case err == nil || hub.Temporary(err) || ctx.Err() != nil:
		return answer, "", err
	case !errors.Is(err, hub.ErrRunEnded) && !errors.Is(err, hub.ErrNotFound):
		c.Log.Warn("GitHub refuses a step about a cancelled job", "job_id", f.ID, "step", step, "error", err)
	}
	if step == githubjobs.StepCancel {
		answer = githubjobs.CancelRefused
	} // else there is no gentler way left, and the next step comes in its time
	return answer, hub.Public(err), nil
}
