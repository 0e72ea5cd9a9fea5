//go:build !unix

package executor

import "os/exec"

func inGroup(*exec.Cmd) {}

// end kills the process.
func (s *session) end(cmd *exec.Cmd, exited <-chan error) {
	_ = cmd.Process.Kill()
	<-exited
}

func (s *session) killLeftovers() {}

// KillMarked does nothing: processes can't be found by their environment here.
func KillMarked(string) {}

func exitCode(err *exec.ExitError) int { return err.ExitCode() }
