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

	"github.com/githubjobs/githubjobs/internal/agent/process"
)

// userSandbox runs the task as a process of a user that only this task has. What
// belongs to the runner's user is out of its reach: its processes, its files, and
// those through which a step sets variables for the next ones.
type userSandbox struct {
	step Step
	self string
	sudo string // empty for root, who needs none
}

// newUserSandbox says what to do where no other user can be had.
func (s Step) newUserSandbox(self string) (sandbox, error) {
	const trusted = "use the docker runtime; or, if everything that jobs run is trusted with this runner's user and with writing to the repository, set the variable GITHUBJOBS_UNSAFE_SAME_USER to true"
	if !process.OtherUsers {
		return nil, errors.New("the process runtime runs a task as another user, which it can do on Linux only; " + trusted)
	}
	if os.Getuid() == 0 {
		return userSandbox{s, self, ""}, nil
	}
	sudo, err := exec.LookPath("sudo")
	if err != nil {
		return nil, fmt.Errorf("the process runtime runs a task as another user, for which the agent needs to be root or to have sudo without a password, and user %d has neither; %s", os.Getuid(), trusted)
	}
	return userSandbox{s, self, sudo}, nil
}

func (u userSandbox) describe() string {
	network := "has its network"
	if u.step.Spec.Offline() {
		network = "has no network"
	}
	return fmt.Sprintf("Runtime: process. The task runs as a user of its own, without privileges and variables of the runner, with at most %d processes; "+
		"it can read what every user of this machine can, and %s.", u.step.Config.Pids, network)
}

func (u userSandbox) own(...string) error {
	for path := filepath.Dir(string(u.step.Dir)); ; path = filepath.Dir(path) { // The keeper opens the folder itself.
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("the task's user can't come to %s, for %s is closed to other users (%s); open it (chmod o+x), or leave GITHUBJOBS_WORK unset", u.step.Dir, path, info.Mode().Perm())
		}
		if path == filepath.Dir(path) {
			break
		}
	}
	for _, path := range commandFiles(u.step.Environ) {
		_ = os.Chmod(path, 0o600) // Whoever made it so that all may write did not think of this user.
	}
	return os.MkdirAll(u.temp(), 0o700)
}

func (u userSandbox) temp() string { return filepath.Join(u.step.Dir.Task(), "tmp") }

func (u userSandbox) perform(ctx context.Context, out io.Writer) (process.Exit, error) {
	c := u.step.Config
	cmd := exec.Command(u.self, "keep")
	if u.sudo != "" {
		cmd = exec.Command(u.sudo, "--non-interactive", "--", u.self, "keep")
	}
	cmd.Env = []string{}
	order := keepOrder{
		Dir: u.step.Dir, Environ: u.step.processEnviron(u.temp()), Grace: c.Grace, Processes: c.Pids, FileSize: c.MaxFile(), Room: c.Room(), Offline: u.step.Spec.Offline(),
	}
	a, err := order.give(ctx, cmd, out, func() {}) // Its line is cut, which ends it.
	switch {
	case err != nil:
		return process.Exit{}, err
	case !a.told && u.sudo != "":
		return process.Exit{}, fmt.Errorf("the task could not be run as another user: %s. Let this runner's user call `%s keep` by sudo without a password (NOPASSWD), or use the docker runtime", a.words.line(), u.self)
	case !a.told:
		return process.Exit{}, fmt.Errorf("the task could not be run as another user: %s", a.words.end)
	}
	return a.exit()
}
