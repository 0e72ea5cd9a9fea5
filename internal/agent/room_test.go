//go:build linux

package agent

import (
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// TestRoomOfATask: what it writes is bounded together, in every runtime, and the task
// that goes beyond is ended without delay.
func TestRoomOfATask(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ script, want string }{
		"bytes":          {`while :; do head -c 2000000 /dev/zero >$RANDOM$RANDOM; done`, "GITHUBJOBS_DISK"},
		"in a closed":    {`mkdir a; cd a; chmod 300 .; while :; do head -c 2000000 /dev/zero >$RANDOM$RANDOM; done`, "GITHUBJOBS_DISK"},
		"in the scratch": {`cd ../task; trap '' INT TERM; while :; do head -c 2000000 /dev/zero >$RANDOM$RANDOM; done`, "GITHUBJOBS_DISK"},
		"files":          {`while :; do touch {1..200}_$RANDOM; done`, "GITHUBJOBS_FILES"},
		"deep":           {`while :; do mkdir d; cd d; done`, "deep"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for name, f := range roomy(t, test.script) {
				r, _ := f.job(ExitTask)
				if r.Outcome != githubjobs.OutcomeFailure || !strings.HasPrefix(r.Error, "stopped: ") || !strings.Contains(r.Error, test.want) {
					t.Errorf("%s: %s, %q", name, r.Outcome, r.Error)
				}
			}
		})
	}
}

// roomy is a job with little room, once for each runtime that this machine has.
func roomy(t *testing.T, script string) map[string]*fixture {
	t.Helper()
	all := map[string]*fixture{
		"docker": setup(t, script, nil).with(map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": require.Docker(t)}),
		"user":   asRoot(t, script, nil),
	}
	for _, f := range all {
		f.with(map[string]string{"GITHUBJOBS_DISK": "40m", "GITHUBJOBS_FILES": "4000", "GITHUBJOBS_GRACE": "1m"})
	}
	return all
}

// TestRoomInMemory: in a container what is not kept is in memory, and bounded there.
func TestRoomInMemory(t *testing.T) {
	t.Parallel()
	f := inDocker(t, `
		fill() { cd "$1"; head -c 20000000 /dev/zero >big 2>/dev/null || echo "$(stat -c %s big)"; rm big; touch {1..1000} 2>/dev/null || ls | wc -l; }
		(fill /tmp); (fill "$HOME"); touch ~/x || echo still no room; touch /etc/x /usr/x /x 2>/dev/null || echo read-only
		echo 'echo runs' >x; chmod +x x; ./x`)
	f.with(map[string]string{"GITHUBJOBS_DISK": "40m", "GITHUBJOBS_FILES": "4000"})
	r, _ := f.job(ExitOK)
	const part = "5242880\n499\n"
	if want := part + part + "still no room\nread-only\nruns"; strings.ReplaceAll(r.Log, "touch: cannot touch '/work/home/x': No space left on device\n", "") != want {
		t.Errorf("the task says\n%s", r.Log)
	}
}
