package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/apitest"
)

// process is a program under test.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// startServer runs the server's binary on the world's data and waits until it answers.
func (w *world) startServer() {
	w.t.Helper()
	cmd := exec.Command(filepath.Join(binaries, "server"))
	cmd.Env = w.serverEnv()
	log := w.log("server")
	cmd.Stdout, cmd.Stderr = log, log
	w.server = startProcess(w.t, cmd)
	w.until("the server answers", func() bool {
		response, err := http.Get("http://" + w.addr + "/healthz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
}

// serverEnv is the environment of the server's binary.
func (w *world) serverEnv() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "LISTEN_ADDR=" + w.addr, "API_KEY=" + apiKey, "WEBHOOK_SECRET=" + webhookSecret,
		"GITHUB_SERVER_URL=" + w.hub.URL(), "GITHUB_REPOSITORY=demo/reports", "GITHUB_TOKEN=" + w.token,
		"DATABASE_PATH=" + filepath.Join(w.dataDir, "jobs.db"), "RECONCILE_INTERVAL=1s", "PUSHES_PER_MINUTE=0", "LOG_LEVEL=warn",
	}, w.env...)
}

// startProcess starts a program; it is killed at the end of the test if it still lives.
func startProcess(t testing.TB, cmd *exec.Cmd) *process {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		cmd.Wait() // How it ended stands in cmd.ProcessState.
		close(p.done)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the program at once, without a chance to tidy up.
func (p *process) kill() {
	p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.done
}

// until polls for something that must happen.
func (w *world) until(what string, happened func() bool) {
	w.t.Helper()
	for end := time.Now().Add(deadline); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("it did not happen within %s that %s", deadline, what)
		}
	}
}

// call sends a request as a caller of the API does, and returns status and body.
func (w *world) call(method, path string, body []byte) (int, []byte) {
	w.t.Helper()
	request, err := http.NewRequest(method, "http://"+w.addr+path, bytes.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("x-api-key", apiKey)
	response, err := apitest.Client(w.t).Do(request)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return response.StatusCode, answer
}

// create submits a job and returns its id.
func (w *world) create(body string) string {
	w.t.Helper()
	status, answer := w.call(http.MethodPost, "/api/create-job", []byte(body))
	var created struct {
		ID     string `json:"job_id"`
		Branch string `json:"branch"`
	}
	if err := json.Unmarshal(answer, &created); err != nil || status != http.StatusOK || created.Branch != "job/"+created.ID {
		w.t.Fatalf("create-job answered %d %s", status, answer)
	}
	return created.ID
}

// status reads a job; nil when the server does not answer.
func (w *world) status(id string) *githubjobs.Job {
	w.t.Helper()
	code, answer := w.call(http.MethodGet, "/api/jobs/status?job_id="+url.QueryEscape(id), nil)
	if code == 0 {
		return nil
	}
	var job githubjobs.Job
	if err := json.Unmarshal(answer, &job); err != nil || code != http.StatusOK {
		w.t.Fatalf("the status of %s answered %d %s", id, code, answer)
	}
	return &job
}

// wait polls a job as a caller does until it is terminal.
func (w *world) wait(id string) githubjobs.Job {
	w.t.Helper()
	var job *githubjobs.Job
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if job = w.status(id); job != nil && job.Terminal {
			return *job
		}
	}
	w.t.Fatalf("job %s is not terminal within %s: %+v", id, deadline, job)
	return githubjobs.Job{}
}
