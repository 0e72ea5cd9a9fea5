package e2e

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// overheard is what stands between runs and the server saw pass.
type overheard struct {
	mu         sync.Mutex
	capability string // the newest
	heartbeats int    // requests that told nothing but that the run goes on
}

func (o *overheard) watch(t testing.TB) func(moment, *http.Request, int) {
	return func(m moment, r *http.Request, _ int) {
		if m != before || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/events") {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		o.mu.Lock()
		defer o.mu.Unlock()
		o.capability = r.Header.Get("Authorization")
		if !bytes.Contains(body, []byte(`"seq"`)) {
			o.heartbeats++
		}
	}
}

func (o *overheard) seen() (capability string, heartbeats int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.capability, o.heartbeats
}

// tell adds an event to a job as who holds its capability, and returns the answer.
func (w *world) tell(job, capability, body string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+w.addr+"/api/live/"+job+"/events", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", capability)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}

// in runs a command in the container of a job's task, as root.
func (w *world) in(job githubjobs.Job, command ...string) {
	w.t.Helper()
	name := fmt.Sprintf("githubjobs-%s-%d-%d", job.ID, job.Evidence.RunID, job.Evidence.RunAttempt)
	if out, err := exec.Command("docker", append([]string{"exec", "--user", "0:0", name}, command...)...).CombinedOutput(); err != nil {
		w.t.Fatalf("%q in %s: %v\n%s", command, name, err, out)
	}
}

// agents are the processes of this world's agent that watch over a task in a container.
func (w *world) agents() (pids []int) {
	w.t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, path := range list {
		line, err := os.ReadFile(path)
		if err != nil || !strings.HasSuffix(string(line), "/githubjobs-agent\x00run\x00") {
			continue
		}
		var pid int
		env, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if _, scanned := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil && scanned == nil && strings.Contains(string(env), w.hub.URL()) {
			pids = append(pids, pid)
		}
	}
	return pids
}

const waitInContainer = "while [ ! -e /tmp/go ]; do sleep 0.05; done\n"

// TestLiveInDocker follows a job in its container from a client that is cut off and comes back:
// lines, progress, metadata and heartbeats come while the task is done; an agent that has frozen is
// told of; what was told meanwhile comes once, and the capability ends with the run.
func TestLiveInDocker(t *testing.T) {
	image := require.Docker(t)
	t.Parallel()
	var heard overheard
	w := liveWorld(t, options{image: image}, func(w *world) string { return newProxy(w.t, "http://"+w.addr, heard.watch(w.t)).URL })
	id := w.create(command("echo first\necho \"${JOB_EVENT}progress 1/3 stations\"; echo \"${JOB_EVENT}meta rows=12\"\n" + waitInContainer +
		"for n in 2 3; do echo \"${JOB_EVENT}progress $n/3 stations\"; done\necho last; mkdir -p reports; echo x >reports/x"))
	all := await(t, w.listen(w.addr, id, ""), "the task told its metadata", func(e told) bool { return e.Kind == "metadata" })
	w.until("the status tells of the task", func() bool {
		j := w.status(id)
		return j.Phase == githubjobs.PhaseRunning && j.Progress != nil && *j.Progress == githubjobs.Progress{Done: 1, Total: 3, Text: "stations"} && j.Metadata["rows"] == "12" && j.Log != ""
	})
	w.until("a heartbeat comes while the task tells nothing", func() bool { _, n := heard.seen(); return n > 0 })
	job := *w.status(id)
	if job.Status != githubjobs.StatusRunning || job.Terminal || time.Since(job.HeartbeatAt) > time.Minute || len(job.Diagnosis) != 0 {
		t.Errorf("while it runs: %+v", job)
	}
	capability, _ := heard.seen()
	if code, answer := w.tell(id, capability, "{}"); code != http.StatusOK {
		t.Errorf("the capability is answered %d %s while the task is done", code, answer)
	}

	freeze := w.agents()
	if len(freeze) != 1 {
		t.Fatalf("the agents that watch over the task are %v", freeze)
	}
	if err := syscall.Kill(freeze[0], syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(freeze[0], syscall.SIGCONT) }) // it has ended where all goes well
	w.until("the silence is told", func() bool {
		j := w.status(id)
		return j.Status == githubjobs.StatusRunning && slices.ContainsFunc(j.Diagnosis, func(d githubjobs.Diagnosis) bool {
			return d.Code == githubjobs.DiagnosisNoHeartbeat && d.Message != "" && d.Mend != "" && d.URL == j.RunURL
		})
	})
	w.in(job, "touch", "/tmp/go")
	if err := syscall.Kill(freeze[0], syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}

	last := ""
	for _, e := range all {
		last = cmp.Or(e.ID, last)
	}
	all = append(all, await(t, w.listen(w.addr, id, last), "the job's end", func(e told) bool { return e.Terminal })...)
	var ids, lines, progress []string
	for _, e := range all {
		if e.ID != "" {
			ids = append(ids, e.ID)
		}
		switch e.Kind {
		case "log":
			lines = append(lines, e.Text)
		case "progress":
			progress = append(progress, fmt.Sprintf("%d/%d", e.Done, e.Total))
		case "dropped":
			t.Errorf("%d events were dropped", e.Count)
		}
	}
	for i, got := range ids {
		if got != fmt.Sprint(i+1) {
			t.Fatalf("the events are %q: not each of them once", ids)
		}
	}
	if want := []string{"first", "progress 1/3 stations", "meta rows=12", "progress 2/3 stations", "progress 3/3 stations", "last"}; !slices.Equal(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
	if progress[0] != "1/3" || progress[len(progress)-1] != "3/3" { // what has not been told yet may be replaced
		t.Errorf("progress %q", progress)
	}
	job = w.wait(id)
	if job.Status != githubjobs.StatusMerged || len(job.Diagnosis) != 0 || job.Progress == nil || job.Progress.Done != 3 {
		t.Errorf("at the end: %+v", job)
	}
	capability, _ = heard.seen()
	if code, answer := w.tell(id, capability, "{}"); code != http.StatusConflict || !strings.Contains(answer, "attempt_over") {
		t.Errorf("after the end the capability is answered %d %s", code, answer)
	}

	// The agent in the container is killed: the one outside says so at once, and nothing is silent.
	id = w.create(command("echo ready\n" + waitInContainer))
	await(t, w.listen(w.addr, id, ""), "the task runs", logLine("ready"))
	w.until("the agent in the container is killed", func() bool {
		j := *w.status(id)
		name := fmt.Sprintf("githubjobs-%s-%d-%d", j.ID, j.Evidence.RunID, j.Evidence.RunAttempt)
		return exec.Command("docker", "kill", "--signal", "KILL", name).Run() == nil
	})
	if j := w.wait(id); j.Reason != githubjobs.ReasonTaskFailed || len(j.Diagnosis) != 0 || j.Phase != "" || !strings.Contains(j.Message, "signal 9") || !strings.Contains(j.Message, "GITHUBJOBS_MEMORY") {
		t.Errorf("killed in its container: %+v", j)
	}
}
