//go:build linux

package agent

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// maxCoreBytes is how large the image may be that has nothing but the agent in it.
const maxCoreBytes = 25 << 20

func TestTheCoreImageHoldsTheAgentAlone(t *testing.T) {
	t.Parallel()
	image := require.DockerCore(t)
	out, err := exec.Command("docker", "image", "inspect", "--format", "{{.Size}} {{.Config.User}}", image).Output()
	if err != nil {
		t.Fatal(err)
	}
	size, user, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if n, err := strconv.Atoi(size); err != nil || n > maxCoreBytes || user != "10001:10001" {
		t.Errorf("the image has %s bytes and the user %q", size, user)
	}
	if out, err := exec.Command("docker", "run", "--rm", "--read-only", "--network", "none", "--cap-drop", "ALL", image, "version").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := exec.Command("docker", "run", "--rm", "--entrypoint", "/bin/sh", image, "-c", "echo a shell").CombinedOutput(); err == nil {
		t.Errorf("it has a shell: %s", out)
	}
}

// TestACommandInTheCoreImage says what is missing, and what to do about it.
func TestACommandInTheCoreImage(t *testing.T) {
	t.Parallel()
	f := setup(t, "echo hello", nil).with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": require.DockerCore(t)})
	r, _ := f.job(ExitTask)
	if r.Outcome != githubjobs.OutcomeFailure || !strings.Contains(r.Error, "neither bash nor sh") || !strings.Contains(r.Error, "GITHUBJOBS_IMAGE") {
		t.Errorf("%s: %s", r.Outcome, r.Error)
	}
}
