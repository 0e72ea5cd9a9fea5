package require

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// An image is one of the agent's, and the variable that names another for the tests to use instead.
type image struct {
	name, env string
	find      func() (string, error)
}

var (
	agentImage = &image{name: "githubjobs/agent:dev", env: "GITHUBJOBS_TEST_IMAGE"}
	coreImage  = &image{name: "githubjobs/agent-core:dev", env: "GITHUBJOBS_TEST_CORE_IMAGE"}
)

func init() {
	agentImage.find = sync.OnceValues(agentImage.look)
	coreImage.find = sync.OnceValues(coreImage.look)
}

// Docker returns the name of the agent's image on an engine that answers. `make test` builds that image first.
func Docker(t testing.TB) (image string) {
	t.Helper()
	return agentImage.require(t)
}

// DockerCore returns the name of the agent's image that has nothing but the agent in it.
func DockerCore(t testing.TB) (image string) {
	t.Helper()
	return coreImage.require(t)
}

func (i *image) require(t testing.TB) string {
	t.Helper()
	Uncached(t)
	name, err := i.find()
	if err != nil {
		missing(t, docker, err)
	}
	return name
}

func (i *image) look() (string, error) {
	name := i.name
	if other := os.Getenv(i.env); other != "" {
		name = other
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return "", errors.New("no docker command is in PATH; install Docker")
	}
	if err := answer("docker", "version", "--format", "{{.Server.Version}}"); err != nil {
		return "", fmt.Errorf("no Docker engine answers; start one: %w", err)
	}
	if err := answer("docker", "image", "inspect", "--format", "{{.Id}}", name); err != nil {
		return "", fmt.Errorf("the image %s is missing; run `make image`: %w", name, err)
	}
	return name, nil
}

// answer runs a command that only asks something; its error holds the last line of what the command said.
func answer(name string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return fmt.Errorf("%s %s: %w: %s", name, args[0], err, lines[len(lines)-1])
}
