//go:build !unix

package executor

import (
	"context"
	"os/exec"
)

// perform runs cmd, which it kills when ctx ends.
func (s *session) perform(ctx context.Context, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	unhook := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer unhook()
	return cmd.Wait()
}

func (s *session) killLeftovers() {}

// KillMarked does nothing: processes can't be found by their environment here.
func KillMarked(string) {}

func exitCode(err *exec.ExitError) int { return err.ExitCode() }
