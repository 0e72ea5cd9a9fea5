package control

import (
	"context"
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/pulltext"
)

// switchedOff is why nothing was tried.
const switchedOff = "it is told not to, by OPEN_PULL_REQUESTS=false"

// open opens the pull request of a result that the workflow was not allowed to open, with
// the text that the workflow would have given it. It is opened once: whoever tries again,
// after a crash or in the place of another server, finds it.
func (c *Controller) open(ctx context.Context, t githubjobs.ToOpen) error {
	done := githubjobs.OpenFact{Result: t.SHA, Refused: switchedOff, At: c.Now()}
	if !c.OpenPulls {
		return c.store(ctx, t.Of.Facts(githubjobs.Facts{Opened: &done}))
	}
	changes := t.Result.Changes
	title, body := pulltext.Write(pulltext.Input{Spec: t.Spec, Job: t.Of, Result: t.Result, Changes: changes, RunURL: t.Run.URL})
	fact, err := c.Hub.OpenFor(ctx, t.Of, hub.NewPull{Title: title, Body: body, Head: t.Of.Branch(), Base: t.Spec.Base, Draft: t.Spec.Pull().Draft})
	switch {
	case err != nil && (hub.Temporary(err) || ctx.Err() != nil):
		return err
	case err != nil:
		done.Refused = hub.Public(err)
		c.Log.Warn("the pull request of a job can be opened neither by its workflow nor by the server", "job_id", t.Of.ID, "error", err)
		return c.store(ctx, t.Of.Facts(githubjobs.Facts{Opened: &done}))
	}
	done.Refused = ""
	if done.Lacks, err = c.label(ctx, fact.Number, t.Spec.Pull().Labels); err != nil {
		return err
	}
	c.Log.Info("opened the pull request of a job, whose workflow may open none", "job_id", t.Of.ID, "pull", fact.Number)
	if err := c.store(ctx, t.Of.Facts(githubjobs.Facts{Pulls: []githubjobs.PullFact{fact}, Opened: &done})); err != nil {
		return err
	}
	c.Changed()
	return nil
}

// label puts labels on a pull request, and says what it lacks when GitHub takes them not.
func (c *Controller) label(ctx context.Context, pull int, labels []string) (lacks string, err error) {
	if len(labels) == 0 {
		return "", nil
	}
	err = c.Hub.AddLabels(ctx, pull, labels)
	if err == nil || hub.Temporary(err) || ctx.Err() != nil {
		return "", err
	}
	return fmt.Sprintf("It lacks the labels %q: %s.", labels, strings.TrimSuffix(hub.Public(err), ".")), nil
}
