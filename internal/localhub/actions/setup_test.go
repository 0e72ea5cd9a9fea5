package actions_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// hub is a running localhub with the repository alice/reports, of which alice is the owner, and a clone of it.
type hub struct {
	*localhub.Server
	*github.Client // alice's
	t              *testing.T
	token          string
	data, clone    string
	stop           func()
}

func setup(t *testing.T, change ...func(*localhub.Config)) *hub {
	t.Helper()
	h := &hub{t: t, data: t.TempDir(), clone: filepath.Join(t.TempDir(), "clone")}
	h.start(change...)
	h.must(second(h.CreateUser("alice")))
	h.must(second(h.CreateRepository("alice", "reports", rest.RepositoryOptions{AutoInit: true})))
	var err error
	if h.token, err = h.CreateToken("alice", "tests"); err != nil {
		t.Fatal(err)
	}
	h.Client = h.client(h.token)
	h.git("clone", "-q", strings.Replace(h.URL(), "://", "://x:"+h.token+"@", 1)+"/alice/reports.git", h.clone)
	return h
}

func second[T any](_ T, err error) error { return err }

func (h *hub) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// start runs a localhub on h.data, with a short grace for cancelled jobs.
func (h *hub) start(change ...func(*localhub.Config)) {
	h.t.Helper()
	cfg := localhub.Config{DataDir: h.data, Wrap: wire.Watch(h.t).Wrap, CancelGrace: 20 * time.Second, Logger: slog.New(slog.NewTextHandler(testLog{h.t}, &slog.HandlerOptions{Level: slog.LevelError}))}
	for _, f := range change {
		f(&cfg)
	}
	s, err := localhub.New(cfg)
	h.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	h.Server = s
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, s.Close()); err != nil {
			h.t.Errorf("stop: %v", err)
		}
	})
	h.t.Cleanup(h.stop)
}

// restart stops localhub and starts it again on the same data and address.
func (h *hub) restart() {
	h.t.Helper()
	addr := strings.TrimPrefix(h.URL(), "http://")
	h.stop()
	h.start(func(c *localhub.Config) { c.Addr = addr })
}

// testLog makes errors that localhub logs fail the test.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Errorf("logged: %s", p)
	return len(p), nil
}

func (h *hub) client(token string) *github.Client {
	c, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(h.URL(), h.URL())
	h.must(err)
	return c
}

func (h *hub) git(args ...string) string {
	h.t.Helper()
	return hubtest.Git(h.t, h.folder(), args...)
}

// folder is the working copy, once there is one.
func (h *hub) folder() string {
	if _, err := os.Stat(h.clone); err != nil {
		return ""
	}
	return h.clone
}

// commit writes files and commits them.
func (h *hub) commit(message string, files map[string]string) string {
	h.t.Helper()
	return hubtest.Commit(h.t, h.clone, message, files)
}

// push commits one workflow file and pushes it to main.
func (h *hub) push(workflow string) string {
	h.t.Helper()
	sha := h.commit("Add a workflow", map[string]string{".github/workflows/ci.yml": workflow})
	h.git("push", "-q", "origin", "HEAD:main")
	return sha
}

func (h *hub) idle() {
	h.t.Helper()
	h.must(h.WaitIdle(hubtest.Within(h.t)))
}

// runs are all runs, newest first.
func (h *hub) runs() []*github.WorkflowRun {
	h.t.Helper()
	runs, _, err := h.Actions.ListRepositoryWorkflowRuns(hubtest.Within(h.t), "alice", "reports", nil)
	h.must(err)
	return runs.WorkflowRuns
}

// only is the one run that there is.
func (h *hub) only() *github.WorkflowRun {
	h.t.Helper()
	runs := h.runs()
	if len(runs) != 1 {
		h.t.Fatalf("%d runs, want 1: %v", len(runs), runs)
	}
	return runs[0]
}

// jobs are the jobs of a run's current attempt, by name.
func (h *hub) jobs(run *github.WorkflowRun) map[string]*github.WorkflowJob {
	h.t.Helper()
	list, _, err := h.Actions.ListWorkflowJobs(hubtest.Within(h.t), "alice", "reports", run.GetID(), nil)
	h.must(err)
	jobs := map[string]*github.WorkflowJob{}
	for _, j := range list.Jobs {
		jobs[j.GetName()] = j
	}
	return jobs
}

// conclusions are "name: conclusion" of the jobs, sorted.
func (h *hub) conclusions(run *github.WorkflowRun) []string {
	h.t.Helper()
	var list []string
	for name, j := range h.jobs(run) {
		list = append(list, name+": "+j.GetConclusion())
	}
	slices.Sort(list)
	return list
}

// log is the log of a job without its times.
func (h *hub) log(job *github.WorkflowJob) string {
	h.t.Helper()
	url, _, err := h.Actions.GetWorkflowJobLogs(hubtest.Within(h.t), "alice", "reports", job.GetID(), 1)
	h.must(err)
	var out strings.Builder
	for line := range strings.Lines(h.get(url.String())) {
		at, text, ok := strings.Cut(line, " ")
		if _, err := time.Parse(time.RFC3339Nano, at); err != nil || !ok {
			h.t.Fatalf("log line without a time: %q", line)
		}
		out.WriteString(text)
	}
	return out.String()
}

// get fetches an address without credentials.
func (h *hub) get(url string) string {
	h.t.Helper()
	res, err := http.Get(url)
	h.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	h.must(err)
	if res.StatusCode != http.StatusOK {
		h.t.Fatalf("%s: %s %s", url, res.Status, body)
	}
	return string(body)
}

// accepted checks for a 202, which go-github takes for an error.
func accepted(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*github.AcceptedError](err); !ok {
		t.Errorf("error %v, want a 202", err)
	}
}

// receiver records webhooks.
type receiver struct {
	hook int64
	mu   sync.Mutex
	seen []string // "event action name"
}

func (h *hub) receive(events ...string) *receiver {
	h.t.Helper()
	r := &receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var body struct {
			Action      string
			WorkflowRun struct{ Name, Conclusion string } `json:"workflow_run"`
			WorkflowJob struct{ Name, Conclusion string } `json:"workflow_job"`
			CheckRun    struct{ Name, Conclusion string } `json:"check_run"`
			CheckSuite  struct{ Conclusion string }       `json:"check_suite"`
		}
		if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
			h.t.Errorf("webhook: %v", err)
		}
		text := strings.Join(strings.Fields(strings.Join([]string{req.Header.Get("X-GitHub-Event"), body.Action, body.WorkflowRun.Name, body.WorkflowRun.Conclusion,
			body.WorkflowJob.Name, body.WorkflowJob.Conclusion, body.CheckRun.Name, body.CheckRun.Conclusion, body.CheckSuite.Conclusion}, " ")), " ")
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seen = append(r.seen, text)
	}))
	h.t.Cleanup(server.Close)
	hook, err := h.CreateHook("alice", "reports", server.URL, "secret", events...)
	h.must(err)
	r.hook = hook.ID
	return r
}

// sent are "event action" of the deliveries in the order in which they were sent; they may overtake each other.
func (h *hub) sent(r *receiver) []string {
	h.t.Helper()
	list, _, err := h.Repositories.ListHookDeliveries(hubtest.Within(h.t), "alice", "reports", r.hook, nil)
	h.must(err)
	slices.Reverse(list)
	var sent []string
	for _, d := range list {
		sent = append(sent, d.GetEvent()+" "+d.GetAction())
	}
	return sent
}

func (r *receiver) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// until polls for a condition that comes true by itself.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	ctx := hubtest.Within(t)
	for !is() {
		select {
		case <-ctx.Done():
			t.Fatalf("never %s", what)
		case <-time.After(2 * time.Millisecond):
		}
	}
}
