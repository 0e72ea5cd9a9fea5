//go:build unix

package agent

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// reach tries an address of this machine's network, and the task's own loopback.
const reach = `
	(exec 3<>/dev/tcp/%s) 2>/dev/null && echo reached || echo cut off
	echo x >/dev/udp/127.0.0.1/9 && echo has a loopback
	echo interfaces: $(tail -n +3 /proc/net/dev | cut -d: -f1)`

// listen returns an address that programs on this machine reach.
func listen(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	host, port, _ := net.SplitHostPort(l.Addr().String())
	return host + "/" + port
}

func offline(s *githubjobs.Spec) { s.Network = githubjobs.NetworkNone }

func TestATaskWithoutNetwork(t *testing.T) {
	t.Parallel()
	script := fmt.Sprintf(reach, listen(t))
	const alone = "cut off\nhas a loopback\ninterfaces: lo"
	f := asRoot(t, script, offline)
	if r, out := f.job(ExitOK); r.Log != alone || !strings.Contains(out, "and has no network.") {
		t.Errorf("the task says\n%s\nof\n%s", r.Log, out)
	}
	f = asRoot(t, script, nil)
	if r, _ := f.job(ExitOK); !strings.HasPrefix(r.Log, "reached\nhas a loopback\n") {
		t.Errorf("with the network the task says\n%s", r.Log)
	}
}

func TestAContainerWithoutNetwork(t *testing.T) {
	t.Parallel()
	image := require.Docker(t)
	// The container's network by default is the machine's here, which the job gives up.
	docker := map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": image, "GITHUBJOBS_NETWORK": "host"}
	script := fmt.Sprintf(reach, listen(t))
	f := setup(t, script, offline).with(docker)
	if r, out := f.job(ExitOK); r.Log != "cut off\nhas a loopback\ninterfaces: lo" || !strings.Contains(out, "network: none.") {
		t.Errorf("the task says\n%s\nof\n%s", r.Log, out)
	}
	f = setup(t, script, nil).with(docker)
	if r, _ := f.job(ExitOK); !strings.HasPrefix(r.Log, "reached\n") {
		t.Errorf("with the network the task says\n%s", r.Log)
	}
}

func TestFileSizeOfATask(t *testing.T) {
	t.Parallel()
	f := asRoot(t, "head -c 3000000 /dev/zero >big; echo survived", nil)
	f.environ["GITHUBJOBS_FILE_SIZE"] = "2m"
	if r, _ := f.job(ExitTask); r.ExitCode != 153 || !strings.Contains(r.Error, "GITHUBJOBS_FILE_SIZE") || strings.Contains(r.Log, "survived") {
		t.Errorf("result %+v", r)
	}
}
