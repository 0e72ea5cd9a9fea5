package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/require"
)

// BenchmarkAgentOverhead takes what the agent adds to a task: from the beginning of `agent run`
// to the task's first instruction, and from its last one until `agent publish` has opened the
// pull request and ended. Of both, what a bare `docker run` of the same image needs in the same
// run, before and behind its one instruction, is told beside and taken off the sum.
func BenchmarkAgentOverhead(b *testing.B) {
	image := require.Docker(b)
	w := start(b, options{noServer: true, image: image, files: map[string]string{files.RunJobPath: ""}})
	repo, err := hub.New(hub.Config{ServerURL: w.hub.URL(), Owner: "demo", Name: "reports", Token: w.token})
	if err != nil {
		b.Fatal(err)
	}
	var before, behind, bareBefore, bareBehind []time.Duration
	for n := 1; b.Loop(); n++ {
		r := w.runner(repo, image, n)
		r.step("fetch")
		begun := time.Now()
		r.step("run")
		first := r.instruction()
		r.step("publish")
		before, behind = append(before, first.Sub(begun)), append(behind, time.Since(first))
		begun = time.Now()
		first = bareRun(b, image)
		bareBefore, bareBehind = append(bareBefore, first.Sub(begun)), append(bareBehind, time.Since(first))
	}
	start, end, bareStart, bareEnd := median(before), median(behind), median(bareBefore), median(bareBehind)
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	b.ReportMetric(ms(start), "ms/to-first-instruction")
	b.ReportMetric(ms(end), "ms/to-pull-request")
	b.ReportMetric(ms(bareStart), "ms/docker-start")
	b.ReportMetric(ms(bareEnd), "ms/docker-end")
	b.ReportMetric(ms(start+end-bareStart-bareEnd), "ms/overhead")
	b.ReportMetric(0, "ns/op") // it counts docker's own runs in
}

// runner does the steps of one job as the workflow does.
type runner struct {
	w       *world
	temp    string
	environ []string
	work    string
}

func (w *world) runner(repo *hub.Repository, image string, n int) runner {
	w.t.Helper()
	spec := githubjobs.Spec{ID: fmt.Sprintf("job-%d", n), Kind: githubjobs.KindCommand, Title: "Say when", Prompt: "Say when", Base: "main",
		Config: json.RawMessage(`{"script": "mkdir -p reports; date +%s%N > reports/when"}`)}
	spec.Normalize(time.Now())
	got, err := repo.Submit(w.t.Context(), githubjobs.NewOrders(spec))
	if err != nil || got[0].Err != nil {
		w.t.Fatal(err, got[0].Err)
	}
	r := runner{w: w, temp: openDir(w.t)}
	event, err := json.Marshal(map[string]any{
		"ref": "refs/heads/" + githubjobs.Branch(spec.ID), "created": true, "after": got[0].SHA,
		"head_commit": map[string]any{"id": got[0].SHA, "message": githubjobs.FormatSpec(spec)},
	})
	if err == nil {
		err = os.WriteFile(filepath.Join(r.temp, "event.json"), event, 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	r.work = filepath.Join(r.temp, "work")
	r.environ = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + r.temp, "RUNNER_OS=Linux", "RUNNER_TEMP=" + r.temp, "GITHUB_ACTIONS=true", "GITHUBJOBS_WORK=" + r.work,
		"GITHUB_SERVER_URL=" + w.hub.URL(), "GITHUB_API_URL=" + w.hub.URL() + "/api/v3", "GITHUB_REPOSITORY=demo/reports", "GITHUB_SHA=" + got[0].SHA,
		"GITHUB_REF_NAME=" + githubjobs.Branch(spec.ID), "GITHUB_EVENT_NAME=push", "GITHUB_EVENT_PATH=" + filepath.Join(r.temp, "event.json"),
		"GITHUB_RUN_ID=" + strconv.FormatInt(time.Now().UnixNano(), 10), "GITHUB_RUN_ATTEMPT=1", "GITHUBJOBS_RUNTIME=docker", "GITHUBJOBS_IMAGE=" + image,
	}
	return r
}

func (r runner) step(name string) {
	r.w.t.Helper()
	cmd := exec.Command(filepath.Join(binaries, "agent"), name)
	cmd.Env = r.environ
	if name != "run" {
		cmd.Env = append(cmd.Env[:len(cmd.Env):len(cmd.Env)], "GITHUB_TOKEN="+r.w.token)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		r.w.t.Fatalf("agent %s: %v\n%s", name, err, out)
	}
}

// instruction is when the task did its one instruction.
func (r runner) instruction() time.Time {
	r.w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(r.work, "tree", "reports", "when"))
	if err != nil {
		r.w.t.Fatal(err)
	}
	return when(r.w.t, raw)
}

// bareRun does the same instruction in a container that nobody looks after.
func bareRun(t testing.TB, image string) time.Time {
	t.Helper()
	out, err := exec.Command("docker", "run", "--rm", "--pull", "never", "--entrypoint", "/bin/sh", image, "-c", "date +%s%N").Output()
	if err != nil {
		t.Fatalf("docker run: %v", err)
	}
	return when(t, out)
}

func when(t testing.TB, raw []byte) time.Time {
	t.Helper()
	n, err := strconv.ParseInt(string(bytes.TrimSpace(raw)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(0, n)
}
