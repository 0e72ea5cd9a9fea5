//go:build unix && !linux

package process

import (
	"errors"
	"os/exec"
	"syscall"
)

// OtherUsers tells that programs can't be run as another user: only Linux finds all
// of that user's processes.
const OtherUsers = false

var errNotLinux = errors.New("only on Linux a program can be run as another user")

// FreeUser finds no user.
func FreeUser() (uint32, error) { return 0, errNotLinux }

// As makes cmd a program that can't be started.
func As(cmd *exec.Cmd, uid, gid uint32) { cmd.Err = errNotLinux }

// Offline makes cmd a program that can't be started.
func Offline(cmd *exec.Cmd) { cmd.Err = errNotLinux }

// Confine gives nothing up.
func Confine() error { return errNotLinux }

// Limit sets no limits.
func Limit(int, int64) error { return errNotLinux }

func prepare(cmd *exec.Cmd) error {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return nil
}

// Shield does nothing here: only Linux has what it takes.
func Shield() error { return nil }

// rest is what may be left of a program when it has ended.
type rest struct{}

func restOf(*exec.Cmd) (rest, error) { return rest{}, nil }

func (rest) close() {}

// kill kills what is left in the group. A process that left the group is not
// found: only Linux tells of it.
func (rest) kill(cmd *exec.Cmd) (killed int, err error) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	return 0, nil
}
