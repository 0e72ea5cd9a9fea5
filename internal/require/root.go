package require

import (
	"errors"
	"os"
	"os/exec"
	"testing"
)

// Root asks for the power to run a program as another user: being root, or sudo without a password.
func Root(t testing.TB) {
	t.Helper()
	Uncached(t)
	if os.Getuid() == 0 {
		return
	}
	if err := exec.Command("sudo", "--non-interactive", "true").Run(); err != nil {
		missing(t, root, errors.New("this user is not root and has no sudo without a password"))
	}
}

// RootItself asks for being root, for tests that do themselves what sudo would not do for them.
func RootItself(t testing.TB) {
	t.Helper()
	Uncached(t)
	if os.Getuid() != 0 {
		missing(t, root, errors.New("this user is not root"))
	}
}
