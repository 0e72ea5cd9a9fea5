package executor

import (
	"context"
	"errors"
	"os/exec"
)

var errStopped = errors.New("the process was stopped")

// perform runs cmd as a process group. It is ended when ctx ends (the step's time is up, or all is killed) and when the job is cancelled, unless goesOn
// then says that the step goes on; the error is errStopped then.
func (s *session) perform(ctx context.Context, cmd *exec.Cmd, goesOn func() bool) error {
	inGroup(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	s.groups = append(s.groups, cmd.Process.Pid)
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case err := <-exited:
		return err
	case <-ctx.Done():
	case <-s.soft.Done():
		if ctx.Err() == nil && goesOn() {
			select {
			case err := <-exited:
				return err
			case <-ctx.Done():
			}
		}
	}
	s.end(cmd, exited)
	return errStopped
}
