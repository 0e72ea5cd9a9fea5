//go:build unix

package run

import (
	"fmt"
	"io"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/live"
	"github.com/githubjobs/githubjobs/internal/agent/tasklog"
)

// identity are the variables by which GitHub lets a step prove which run it is of. Its
// runner gives them to every step of a job with the permission id-token: write.
var identity = []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"}

// refuseIdentity says whether the environment holds what tokens of the run's can be had by.
func refuseIdentity(environ []string) error {
	for _, name := range identity {
		if lookup(environ, name) != "" {
			return fmt.Errorf("%s is set in the step that runs the task, which could read it; let the step's script unset it before it starts the agent, as the run-job.yml of this version does", name)
		}
	}
	return nil
}

// begin takes what fetch got to tell the server with, and goes on telling. Without it the
// session is nil, which tells nothing.
func (s Step) begin() (*live.Session, error) {
	grant, ok, err := s.Dir.TakeGrant()
	if err != nil || !ok {
		return nil, err
	}
	session := live.Begin(live.Config{Grant: live.Given(grant)})
	session.Phase(githubjobs.PhaseRunning)
	return session, nil
}

// end tells what is left. The outcome is saved by then: nothing hangs on it.
func (s Step) end(session *live.Session) {
	session.Close()
	if why := session.Silence(); why != "" {
		actions.To(s.Stdout).Printf("%s", why)
	}
}

// told is where the task's output goes: what the task tells of itself by its mark is
// heard, and all of it is logged.
func (s Step) told(log *tasklog.Log) (out io.Writer, flush func()) {
	if s.mark == "" {
		return log, func() {}
	}
	t := &live.Told{Next: log, Mark: s.mark, Mask: log.Mask, Session: s.session}
	return t, t.Flush
}
