package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// TestDev does what the README tells a newcomer: starts `make dev`'s program,
// creates the daily report, polls until it is merged, clones, stops with Ctrl-C,
// starts again on the same data and finds the job.
func TestDev(t *testing.T) {
	t.Parallel()
	w := &world{t: t, addr: freeAddr(t), dataDir: t.TempDir()}
	hub := freeAddr(t)
	dev := w.startDev(hub)
	id := w.create(`{"job":"Daily activity report","kind":"report"}`)
	job := w.wait(id)
	if job.Status != githubjobs.StatusMerged || job.Log == "" || len(job.ChangedFiles) == 0 {
		t.Fatalf("the report is %s/%s: %s\n%s", job.Status, job.Reason, job.Message, job.Log)
	}
	dir := filepath.Join(t.TempDir(), "clone")
	w.git("", "clone", "-q", "http://"+hub+"/demo/reports.git", dir)
	changed := strings.Fields(w.git(dir, "diff", "--name-only", "HEAD^", "HEAD"))
	if fmt.Sprint(changed) != fmt.Sprint(job.ChangedFiles) {
		t.Errorf("the last commit on main changes %q, the status says %q", changed, job.ChangedFiles)
	}
	for _, path := range job.ChangedFiles {
		if _, err := os.Stat(filepath.Join(dir, path)); err != nil || !strings.HasPrefix(path, "reports/") {
			t.Errorf("%s is not a report on main: %v", path, err)
		}
	}
	dev.interrupt(t)
	w.startDev(hub)
	if again := w.status(id); again == nil || again.Status != githubjobs.StatusMerged || again.PullURL != job.PullURL {
		t.Errorf("after a restart the job is %+v", again)
	}
	second := w.wait(w.create(`{"job":"Weekly activity report","kind":"report"}`))
	if second.Status != githubjobs.StatusMerged {
		t.Errorf("after a restart a new job is %s/%s: %s", second.Status, second.Reason, second.Message)
	}
}

// TestDevRefusesABadEnvironment reads each error aloud: it names the variable and the mend.
func TestDevRefusesABadEnvironment(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(filepath.Join(binaries, "dev"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "RUNTIME=rocket", "API_KEY=", "LISTEN_ADDR=nowhere", "RUNNERS=0"}
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("it starts")
	}
	for _, want := range []string{`RUNTIME="rocket" is unknown; use auto, docker or process`, "LISTEN_ADDR", "RUNNERS=0"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the error lacks %q:\n%s", want, out)
		}
	}
}

func (w *world) startDev(hub string) *process {
	w.t.Helper()
	require.Uncached(w.t)
	cmd := exec.Command(filepath.Join(binaries, "dev"))
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.t.TempDir(), "LISTEN_ADDR=" + w.addr, "LOCALHUB_ADDR=" + hub, "DATA_DIR=" + w.dataDir, "API_KEY=" + apiKey, "RUNTIME=process"}
	log := w.log("dev")
	cmd.Stdout, cmd.Stderr = log, log
	p := startProcess(w.t, cmd)
	w.until("the server answers", func() bool {
		code, _ := w.call("GET", "/readyz", nil)
		return code == 200
	})
	return p
}

// interrupt is Ctrl-C; the program must end by itself, and well.
func (p *process) interrupt(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-p.done
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("after Ctrl-C it ends with %d", code)
	}
}
