//go:build unix

package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/githubjobs/githubjobs/internal/agent/disk"
	"github.com/githubjobs/githubjobs/internal/agent/process"
)

// processSandbox runs the task as a process of the step's own user: for tasks that
// are trusted.
type processSandbox struct {
	step Step
	self string
}

func (p processSandbox) describe() string {
	return "Runtime: process, same user. GITHUBJOBS_UNSAFE_SAME_USER says that every task is trusted: it runs as this runner's user, " +
		"can do what this user can, and could get the token of the steps that follow."
}

func (p processSandbox) own(...string) error { return nil }

func (p processSandbox) perform(ctx context.Context, out io.Writer) (process.Exit, error) {
	if p.step.Spec.Offline() {
		return process.Exit{}, errors.New("the job asks for network: none, which GITHUBJOBS_UNSAFE_SAME_USER can't keep a task to; use the docker runtime, or a runner that is root or has sudo without a password")
	}
	if err := process.Shield(); err != nil {
		return process.Exit{}, fmt.Errorf("shield the agent from the task: %w", err)
	}
	dir := p.step.Dir
	temp := filepath.Join(dir.Task(), "tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return process.Exit{}, err
	}
	cmd := exec.Command(p.self, "task", string(dir))
	cmd.Dir, cmd.Env = dir.Tree(), p.step.processEnviron(temp)
	guarded, release := disk.Guard(ctx, p.step.Config.Room(), dir.Tree(), dir.Task(), dir.Home())
	defer release()
	exit, err := process.Run(guarded, cmd, out, process.Grace{Time: p.step.Config.Grace})
	return exit, errors.Join(err, fullOf(guarded))
}

// processEnviron is the environment of a task that is a process of this machine.
func (s Step) processEnviron(temp string) []string {
	env := append(s.taskEnviron(s.Dir, temp), "PATH="+lookup(s.Environ, "PATH"))
	env = append(env, s.secrets.Environ()...)
	// GitHub's runner finds by it, at the end of the run, what is left of the job.
	if id := lookup(s.Environ, "RUNNER_TRACKING_ID"); id != "" {
		env = append(env, "RUNNER_TRACKING_ID="+id)
	}
	return env
}

// watch calls stop when ctx is done, and force when ended is not closed within
// grace after that. It returns when ended is closed.
func watch(ctx context.Context, ended <-chan struct{}, grace time.Duration, stop, force func()) (stopped bool) {
	select {
	case <-ended:
		return false
	case <-ctx.Done():
	}
	stop()
	select {
	case <-ended:
	case <-time.After(grace):
		force()
		<-ended
	}
	return true
}
