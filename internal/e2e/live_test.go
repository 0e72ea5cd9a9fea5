package e2e

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// told is one event of a job, as a stream tells it.
type told struct {
	Kind  string `json:"-"` // of the server-sent event
	ID    string `json:"-"`
	Seq   int64
	Text  string
	Key   string
	Done  int64
	Total int64
	Count int64

	Status   githubjobs.Status
	Terminal bool
}

// listen hears to the events of a job on a server, from after one id on, until the stream ends.
func (w *world) listen(addr, job, lastID string) <-chan told {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*deadline)
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/api/jobs/"+job+"/events", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", apiKey)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", lastID)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	events := make(chan told)
	ended := make(chan struct{})
	w.t.Cleanup(func() { cancel(); <-ended })
	go func() {
		defer close(ended)
		defer close(events)
		defer res.Body.Close()
		var e told
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			switch name {
			case "id":
				e.ID = value
			case "event":
				e.Kind = value
			case "data":
				if json.Unmarshal([]byte(value), &e) != nil {
					return
				}
				select {
				case events <- e:
				case <-ctx.Done():
					return
				}
				e = told{}
			}
		}
	}()
	return events
}

// await reads events until one is as wanted, and returns all that it has read.
func await(t testing.TB, events <-chan told, what string, wanted func(told) bool) (list []told) {
	t.Helper()
	for e := range events {
		if list = append(list, e); wanted(e) {
			return list
		}
	}
	t.Fatalf("the stream has ended before %s; it told %+v", what, list)
	return nil
}

func logLine(text string) func(told) bool {
	return func(e told) bool { return e.Kind == "log" && e.Text == text }
}

// liveWorld is a world whose runs tell the server at an address how they get on.
func liveWorld(t *testing.T, o options, at func(w *world) string) *world {
	t.Helper()
	w := start(t, o)
	address := "http://" + w.addr
	if at != nil {
		address = at(w)
	}
	if err := w.hub.SetVariable("demo", "reports", "GITHUBJOBS_SERVER", address); err != nil {
		t.Fatal(err)
	}
	return w
}

// gate is a file that a task waits for.
func gate(t testing.TB) (path, wait string) {
	path = filepath.Join(openDir(t), "go")
	return path, "while [ ! -e " + path + " ]; do sleep 0.05; done\n"
}

func open(t testing.TB, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func command(script string) string {
	raw, err := json.Marshal(map[string]any{"job": "Tell", "kind": "command", "config": map[string]string{"script": script}})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

// Lines are heard while the task runs; then the server is killed, and what was told meanwhile comes once it is back.
func TestLiveEvents(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, options{}, nil)
	one, waitOne := gate(t)
	two, waitTwo := gate(t)
	id := w.create(command("env | grep -c ID_TOKEN || true\necho first\necho \"${JOB_EVENT}progress 1/3 stations\"; echo \"${JOB_EVENT}meta rows=12\"\n" +
		waitOne + "for i in 1 2 3 4 5; do echo while it was away $i; done\n" + waitTwo + "echo \"${JOB_EVENT}progress 3/3\"\necho last; mkdir -p reports; echo x >reports/x"))
	events := w.listen(w.addr, id, "")
	all := await(t, events, "the task told its metadata", func(e told) bool { return e.Kind == "metadata" })
	if !slices.ContainsFunc(all, logLine("0")) || !slices.ContainsFunc(all, logLine("first")) || !slices.ContainsFunc(all, logLine("progress 1/3 stations")) {
		t.Errorf("told so far: %+v", all)
	}
	w.until("the status tells of the task", func() bool {
		j := w.status(id)
		return j.Status == githubjobs.StatusRunning && j.Phase == githubjobs.PhaseRunning && j.Progress != nil && *j.Progress == githubjobs.Progress{Done: 1, Total: 3, Text: "stations"} &&
			j.Metadata["rows"] == "12" && strings.Contains(j.Log, "first\n") && !j.HeartbeatAt.IsZero() && !j.Terminal
	})
	w.server.kill()
	open(t, one)
	w.startServer()
	last := ""
	for _, e := range all {
		last = cmp.Or(e.ID, last)
	}
	events = w.listen(w.addr, id, last)
	all = append(all, await(t, events, "what was told while the server was away", logLine("while it was away 5"))...)
	open(t, two)
	all = append(all, await(t, events, "the job's end", func(e told) bool { return e.Terminal })...)
	var lines, phases []string
	for _, e := range all {
		switch e.Kind {
		case "log":
			lines = append(lines, e.Text)
		case "phase":
			phases = append(phases, e.Text)
		case "dropped":
			t.Errorf("%d events were dropped", e.Count)
		}
	}
	want := []string{"0", "first", "progress 1/3 stations", "meta rows=12"}
	for i := range 5 {
		want = append(want, fmt.Sprint("while it was away ", i+1))
	}
	if want = append(want, "progress 3/3", "last"); !slices.Equal(lines, want) {
		t.Errorf("lines %q, want %q", lines, want)
	}
	if want := []string{"fetching", "running", "publishing", "merging", "ended"}; !slices.Equal(phases, want) {
		t.Errorf("phases %q, want %q", phases, want)
	}
	if _, more := <-events; more {
		t.Error("the stream goes on after the end")
	}
	j := w.status(id)
	if j.Status != githubjobs.StatusMerged || j.Log != strings.Join(lines, "\n") || j.Progress.Done != 3 || j.Metadata["rows"] != "12" || j.Phase != "" {
		t.Errorf("at the end %+v", j)
	}
}

// A server that is not there changes nothing of a job.
func TestLiveWithoutServer(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, options{}, func(w *world) string { return "http://" + freeAddr(w.t) })
	id := w.create(command("echo \"${JOB_EVENT}progress 1/1\"; mkdir -p reports; echo x >reports/x"))
	if j := w.wait(id); j.Status != githubjobs.StatusMerged || j.Log != "progress 1/1" || j.Progress != nil {
		t.Errorf("%+v", j)
	}
}

// What a run tells one server is heard at another, and its capability holds there too.
func TestLiveOnTwoServers(t *testing.T) {
	t.Parallel()
	variable, _ := postgresSchema(t)
	w := start(t, options{noServer: true})
	f := w.startFleet(2, variable)
	one, two := f.members[0].addr, f.members[1].addr
	tellTo := func(addr string) {
		if err := w.hub.SetVariable("demo", "reports", "GITHUBJOBS_SERVER", "http://"+addr); err != nil {
			t.Fatal(err)
		}
	}
	// Between the runs and the servers is what balances the load: each request goes to the other server.
	var turn atomic.Int64
	balancer := httptest.NewServer(&httputil.ReverseProxy{Director: func(r *http.Request) {
		r.URL.Scheme, r.URL.Host = "http", []string{one, two}[turn.Add(1)%2]
	}})
	t.Cleanup(balancer.Close)
	tellTo(strings.TrimPrefix(balancer.URL, "http://"))
	path, wait := gate(t)
	w.addr = one
	id := w.create(command("echo ready\n" + wait + "echo last; mkdir -p reports; echo x >reports/x"))
	first, second := w.listen(one, id, ""), w.listen(two, id, "")
	var lists [2][]told
	for i, events := range []<-chan told{first, second} {
		lists[i] = await(t, events, "the task runs", logLine("ready"))
	}
	open(t, path)
	for i, events := range []<-chan told{first, second} {
		var ids []string
		for _, e := range append(lists[i], await(t, events, "the job's end", func(e told) bool { return e.Terminal })...) {
			if e.Kind == "dropped" {
				t.Errorf("%d events were dropped", e.Count)
			}
			if e.ID != "" {
				ids = append(ids, e.ID)
			}
		}
		var want []string // five phases and two lines
		for n := range 7 {
			want = append(want, fmt.Sprint(n+1))
		}
		if !slices.Equal(ids, want) {
			t.Errorf("server %d told the events %q", i, ids)
		}
	}
	if turn.Load() < 8 {
		t.Errorf("%d requests were made", turn.Load())
	}
}

// An agent that was killed is silent, and its job is what GitHub says.
func TestLiveAgentKilled(t *testing.T) {
	t.Parallel()
	w := liveWorld(t, options{}, nil)
	_, wait := gate(t)
	id := w.create(command("echo ready\n" + wait))
	await(t, w.listen(w.addr, id, ""), "the task runs", logLine("ready"))
	killed := false
	w.until("the agent is killed", func() bool {
		for _, pid := range processes(t, filepath.Join(binaries, "agent"), "run", w.hub.URL()) {
			killed = syscall.Kill(pid, syscall.SIGKILL) == nil || killed
		}
		return killed
	})
	if j := w.wait(id); j.Reason != githubjobs.ReasonAgentError || j.Phase != "" || len(j.Diagnosis) > 0 {
		t.Errorf("%+v", j)
	}
}

// processes are those of a program with one argument and a text in their environment.
func processes(t testing.TB, program, argument, environ string) (pids []int) {
	t.Helper()
	list, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range list {
		raw, err := os.ReadFile(path)
		if err != nil || string(raw) != program+"\x00"+argument+"\x00" {
			continue
		}
		env, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		var pid int
		if _, scanned := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil && scanned == nil && strings.Contains(string(env), environ) {
			if strings.Contains(string(env), "ACTIONS_ID_TOKEN") {
				t.Error("the process that does the task could prove to be the run")
			}
			pids = append(pids, pid)
		}
	}
	return pids
}
