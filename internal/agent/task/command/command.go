//go:build unix

// Package command is the kind of job that runs a shell script of the caller's in
// the checkout. What the script leaves in the checkout is its result.
package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/process"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

// depth is enough for `git log` to be of use and for the comparison with the last
// few commits, and keeps the fetch of a big repository short.
const depth = 50

// Kind implements task.Kind.
type Kind struct{}

// Depth implements task.Kind.
func (Kind) Depth() int { return depth }

// Fetch implements task.Kind. A script needs nothing but the checkout.
func (Kind) Fetch(context.Context, task.Repository, githubjobs.Spec, string) error { return nil }

// Run implements task.Kind. The script is run by bash, else by sh, and ends at the
// first command that fails. It leaves the summary to its output's last lines.
func (Kind) Run(ctx context.Context, t task.Task) (task.Report, error) {
	config, err := t.Spec.CommandConfig()
	if err != nil {
		return task.Report{}, err
	}
	// Outside of the checkout: the script is no part of the result.
	script := filepath.Join(t.Scratch, "script")
	if err := os.WriteFile(script, []byte(config.Script), 0o644); err != nil {
		return task.Report{}, fmt.Errorf("write the script: %w", err)
	}
	shell, err := findShell()
	if err != nil {
		return task.Report{}, err
	}
	cmd := exec.Command(shell, "-e", script)
	cmd.Dir, cmd.Env = t.Tree, t.Environ
	exit, err := process.Run(ctx, cmd, t.Log, process.Grace{Time: t.Grace})
	if err != nil {
		return task.Report{}, err
	}
	if exit.Leftovers > 0 && !exit.Stopped {
		fmt.Fprintf(t.Log, "(Still running when the script ended, and ended with it: %d processes.)\n", exit.Leftovers)
	}
	if exit.Code != 0 {
		return task.Report{}, &task.ExitError{Code: exit.Code, Message: explain(exit.Code)}
	}
	return task.Report{}, nil
}

func findShell() (string, error) {
	for _, name := range []string{"bash", "sh"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("there is neither bash nor sh in PATH (%s), and a job of the kind command needs one; in Docker name an image that has a shell in the variable GITHUBJOBS_IMAGE: agent, not agent-core", os.Getenv("PATH"))
}

// explain puts the exit code in words where it has a meaning of its own.
func explain(code int) string {
	switch {
	case code == 126:
		return "exit code 126: a command of the script could not be executed"
	case code == 127:
		return "exit code 127: a command of the script was not found"
	case process.Signalled(code):
		return fmt.Sprintf("exit code %d: ended by signal %d", code, code-128)
	}
	return fmt.Sprintf("exit code %d", code)
}
