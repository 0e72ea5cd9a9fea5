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

// imageEnv names the agent image that the tests use instead of defaultImage.
const imageEnv = "GITHUBJOBS_TEST_IMAGE"

const defaultImage = "githubjobs/agent:dev"

// Docker returns the name of the agent's image on an engine that answers. `make test` builds that image first.
func Docker(t testing.TB) (image string) {
	t.Helper()
	Uncached(t)
	image, err := findDocker()
	if err != nil {
		missing(t, docker, err)
	}
	return image
}

var findDocker = sync.OnceValues(func() (string, error) {
	image := os.Getenv(imageEnv)
	if image == "" {
		image = defaultImage
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return "", errors.New("no docker command is in PATH; install Docker")
	}
	if err := answer("docker", "version", "--format", "{{.Server.Version}}"); err != nil {
		return "", fmt.Errorf("no Docker engine answers; start one: %w", err)
	}
	if err := answer("docker", "image", "inspect", "--format", "{{.Id}}", image); err != nil {
		return "", fmt.Errorf("the image %s is missing; run `make image`: %w", image, err)
	}
	return image, nil
})

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
