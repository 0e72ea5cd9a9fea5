//go:build unix

package run

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/githubjobs/githubjobs/internal/agent/process"
)

// processSandbox runs the task as a process of the step's own user.
type processSandbox struct {
	step Step
	self string
}

func (p processSandbox) describe() string {
	return "Runtime: process. The task runs as this runner's user, without privileges to gain and without variables of the runner; " +
		"but it can read and write what this user can. Use the docker runtime where jobs are not trusted."
}

func (p processSandbox) own(...string) error { return nil }

func (p processSandbox) perform(ctx context.Context, out io.Writer) (process.Exit, error) {
	if err := process.Shield(); err != nil {
		return process.Exit{}, fmt.Errorf("shield the agent from the task: %w", err)
	}
	dir := p.step.Dir
	temp := filepath.Join(dir.Task(), "tmp")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return process.Exit{}, err
	}
	cmd := exec.Command(p.self, "task", string(dir))
	cmd.Dir = dir.Tree()
	cmd.Env = append(p.step.taskEnviron(dir, temp), "PATH="+lookup(p.step.Environ, "PATH"))
	// GitHub's runner finds by it, at the end of the run, what is left of the job.
	if id := lookup(p.step.Environ, "RUNNER_TRACKING_ID"); id != "" {
		cmd.Env = append(cmd.Env, "RUNNER_TRACKING_ID="+id)
	}
	return process.Run(ctx, cmd, out, p.step.Config.Grace)
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
