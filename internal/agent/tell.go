//go:build unix

package agent

import (
	"context"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/live"
)

// telling makes a step that holds GitHub's token tell the server how it gets on, if there
// is one. The step that does the task goes on with what fetch got; see run.
func telling(phase githubjobs.Phase, step func(context.Context, job) error) func(context.Context, job) error {
	return func(ctx context.Context, j job) error {
		if j.config.Live == "" {
			return step(ctx, j)
		}
		success := phase == githubjobs.PhasePublishing && j.result().Outcome == githubjobs.OutcomeSuccess
		session := live.Begin(live.Config{Grant: live.Exchange(j.config.Live, live.Identity{URL: j.config.IdentityURL, Token: j.config.IdentityToken})})
		session.Phase(phase)
		err := step(ctx, j)
		if phase == githubjobs.PhaseMerging || phase == githubjobs.PhasePublishing && (err != nil || !success) {
			session.Phase(githubjobs.PhaseEnded) // no step follows
		}
		grant, ok := session.Close()
		if why := session.Silence(); why != "" {
			actions.To(j.Stdout).Printf("%s", why)
		}
		if ok && err == nil && phase == githubjobs.PhaseFetching {
			if lost := j.dir.SaveGrant(grant); lost != nil {
				actions.To(j.Stdout).Warning("The task will tell nothing while it runs", lost.Error())
			}
		}
		return err
	}
}
