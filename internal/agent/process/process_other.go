//go:build unix && !linux

package process

import (
	"os/exec"
	"syscall"
)

func prepare(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return nil
}

// Shield does nothing here: only Linux has what it takes.
func Shield() error { return nil }

// killRest kills what is left in the group. A process that left the group is not
// found: only Linux tells of it.
func killRest(group int) int {
	_ = syscall.Kill(-group, syscall.SIGKILL)
	return 0
}
