package dev

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// engineAnswer bounds how long an engine may take to say that it is there.
const engineAnswer = 5 * time.Second

// chooseRuntime settles RuntimeAuto, and says why it settled so. A runtime that
// was asked for by name and can't be had is an error.
func chooseRuntime(ctx context.Context, c Config) (Runtime, string, error) {
	if c.Runtime == RuntimeProcess {
		return RuntimeProcess, "asked for", nil
	}
	err := dockerReady(ctx, c.Image)
	switch {
	case err == nil:
		return RuntimeDocker, c.Image, nil
	case c.Runtime == RuntimeDocker:
		return "", "", fmt.Errorf("RUNTIME=docker: %w", err)
	}
	return RuntimeProcess, err.Error(), nil
}

// sameUser tells whether jobs run as the user of this program: as processes, where
// only root could run them as another user.
func (r Runtime) sameUser() bool { return r == RuntimeProcess && os.Getuid() != 0 }

func dockerReady(ctx context.Context, image string) error {
	ctx, cancel := context.WithTimeout(ctx, engineAnswer)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "docker", "version", "--format", "{{.Server.Version}}").CombinedOutput(); err != nil {
		return fmt.Errorf("no Docker engine answers (%s)", firstLine(out, err))
	}
	if out, err := exec.CommandContext(ctx, "docker", "image", "inspect", "--format", "{{.Id}}", image).CombinedOutput(); err != nil {
		return fmt.Errorf("the engine has no image %s; make it with `make image` (%s)", image, firstLine(out, err))
	}
	return nil
}

func firstLine(out []byte, err error) string {
	if line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n"); line != "" {
		return line
	}
	return err.Error()
}

// agentBinary finds the agent that the process runtime runs.
func agentBinary(c Config) (string, error) {
	path := c.Agent
	if path == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		path = filepath.Join(filepath.Dir(self), "agent")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if _, err := exec.LookPath(path); err != nil {
		return "", fmt.Errorf("the agent is not at %s; build it with `make build`, or name it in AGENT_BINARY", path)
	}
	return path, nil
}
