package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// TestDatabaseLostInTheMiddleOfALoad deletes the database while jobs of every sort
// are at an end, running and queued, rebuilds it from GitHub, and expects every job to
// be told exactly as before; and once more when all are at an end.
func TestDatabaseLostInTheMiddleOfALoad(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 3})
	gate := filepath.Join(openDir(t), "gate")
	job := func(script string) string {
		body, err := json.Marshal(map[string]any{"job": "Work", "kind": "command", "config": map[string]string{"script": script}})
		if err != nil {
			t.Fatal(err)
		}
		return w.create(string(body))
	}
	write := func(path string) string { return "mkdir -p $(dirname " + path + ") && echo x > " + path }
	wait := "until [ -e " + gate + " ]; do sleep 0.05; done; "
	want := map[string]githubjobs.Reason{
		job("exit 3"):  githubjobs.ReasonTaskFailed,
		job("true"):    githubjobs.ReasonNoChanges,
		job("sleep 1"): githubjobs.ReasonNoChanges,
	}
	closed, canceled := job(write("src/closed.txt")), job("sleep 600")
	want[closed], want[canceled] = githubjobs.ReasonPRClosed, githubjobs.ReasonCanceled
	want[job(write("src/blocked.txt"))] = githubjobs.ReasonMergeBlocked
	for i := range 3 {
		want[job(write(fmt.Sprintf("reports/%d.txt", i)))] = githubjobs.ReasonMerged
	}
	w.closePull(w.wait(closed))
	w.until("the run to be cancelled is running", func() bool { return w.status(canceled).Reason == githubjobs.ReasonRunning })
	w.cancelRun(canceled)
	for id, reason := range want {
		w.until("job "+id+" is "+string(reason), func() bool { return w.status(id).Reason == reason })
	}
	var open []string // three run, and one is queued
	for i := range 4 {
		id := job(wait + write(fmt.Sprintf("reports/late-%d.txt", i)))
		open, want[id] = append(open, id), githubjobs.ReasonMerged
	}
	w.until("jobs are running and queued", func() bool {
		n := map[githubjobs.Reason]int{}
		for _, id := range open {
			n[w.status(id).Reason]++
		}
		return n[githubjobs.ReasonRunning] == 3 && n[githubjobs.ReasonQueued] == 1
	})
	w.loseAndRebuild(want)

	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range open {
		if job := w.wait(id); job.Reason != githubjobs.ReasonMerged {
			t.Errorf("a job that ran during the loss is %s: %s", job.Reason, job.Message)
		}
	}
	w.idle()
	for id, reason := range want {
		got := w.status(id)
		if got.Reason != reason {
			t.Errorf("job %s is %s, want %s: %s", id, got.Reason, reason, got.Message)
		}
		w.checkAgainstGitHub(*got)
	}
	w.loseAndRebuild(want)
}

func (w *world) closePull(job githubjobs.Job) {
	w.t.Helper()
	_, _, err := w.github().PullRequests.Edit(w.t.Context(), "demo", "reports", job.Evidence.Pull, &github.PullRequest{State: github.String("closed")})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) cancelRun(id string) {
	w.t.Helper()
	_, err := w.github().Actions.CancelWorkflowRunByID(w.t.Context(), "demo", "reports", w.status(id).Evidence.RunID)
	if _, accepted := err.(*github.AcceptedError); !accepted {
		w.t.Fatal(err)
	}
}

// loseAndRebuild loses the database of a server that knows everything, and expects the
// rebuilt one to say the same of every job.
func (w *world) loseAndRebuild(jobs map[string]githubjobs.Reason) {
	w.t.Helper()
	w.tellsTheSameAfter(func() { w.rebuildInterrupted(len(jobs)) }, slices.Collect(maps.Keys(jobs))...)
}

// rebuilds is loseAndRebuild, with a rebuild that nothing interrupts.
func (w *world) rebuilds(jobs ...string) {
	w.t.Helper()
	w.tellsTheSameAfter(func() {
		if out, err := w.rebuildCommand(w.hub.URL()).CombinedOutput(); err != nil {
			w.t.Fatalf("rebuild: %v\n%s", err, out)
		}
	}, jobs...)
}

func (w *world) tellsTheSameAfter(rebuild func(), jobs ...string) {
	w.t.Helper()
	w.upToDate()
	before := map[string]string{}
	for _, id := range jobs {
		_, answer := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil)
		before[id] = string(answer)
	}
	w.server.kill()
	w.loseDatabase()
	rebuild()
	w.startServer()
	for _, id := range jobs {
		if _, answer := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil); string(answer) != before[id] {
			w.t.Errorf("rebuilt %s\nlost    %s", answer, before[id])
		}
	}
}

// rebuildInterrupted rebuilds, is killed once the branches are read, and goes on.
func (w *world) rebuildInterrupted(jobs int) {
	w.t.Helper()
	var mu sync.Mutex
	commits, pulls := map[string]int{}, make(chan struct{})
	reached := sync.OnceFunc(func() { close(pulls) })
	front := newProxy(w.t, w.hub.URL(), func(m moment, r *http.Request, _ int) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case m != before:
		case strings.HasSuffix(r.URL.Path, "/pulls"):
			reached()
		case strings.HasSuffix(r.URL.Path, "/commits"):
			commits[r.URL.Query().Get("sha")]++
		}
	})
	first := startProcess(w.t, w.rebuildCommand(front.URL))
	select {
	case <-pulls: // the branches are read
		first.kill()
	case <-first.done:
		w.t.Fatal("the first rebuild ended before it was killed")
	}
	mu.Lock()
	read := len(commits)
	mu.Unlock()
	out, err := w.rebuildCommand(front.URL).CombinedOutput()
	if err != nil || !regexp.MustCompile(`Done in .*: \d+ of \d+ branches, \d+ pull requests, \d+ runs`).Match(out) {
		w.t.Fatalf("rebuild: %v\n%s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	if read == 0 || len(commits) != jobs {
		w.t.Errorf("the commits of %d jobs were read before the interruption, of %d in all, want %d", read, len(commits), jobs)
	}
	for sha, n := range commits {
		if n > 1 {
			w.t.Errorf("the commits of %s were read %d times", sha, n)
		}
	}
	if out, err := w.rebuildCommand(w.hub.URL()).CombinedOutput(); err == nil || !bytes.Contains(out, []byte("--force")) {
		w.t.Errorf("a rebuild of a database that is not empty: %v\n%s", err, out)
	}
	if out, err := w.rebuildCommand(w.hub.URL(), "--force").CombinedOutput(); err != nil {
		w.t.Errorf("a forced rebuild: %v\n%s", err, out)
	}
}

func (w *world) rebuildCommand(hub string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(binaries, "server"), append([]string{"rebuild"}, args...)...)
	cmd.Env = append(w.serverEnv(), "GITHUB_SERVER_URL="+hub)
	return cmd
}

var readsMetric = regexp.MustCompile(`(?m)^githubjobs_reconcile_reads_total\{result="ok"\} (\d+)$`)

// upToDate waits until the server has read GitHub twice, the second time from the
// beginning.
func (w *world) upToDate() {
	w.t.Helper()
	began := w.reads()
	w.until("GitHub was read twice", func() bool { return w.reads() >= began+2 })
}

// reads is how often the server has read GitHub since its start.
func (w *world) reads() int {
	w.t.Helper()
	_, answer := w.call(http.MethodGet, "/metrics", nil)
	found := readsMetric.FindSubmatch(answer)
	if found == nil {
		w.t.Fatalf("no reads among the metrics:\n%s", answer)
	}
	n, err := strconv.Atoi(string(found[1]))
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}
