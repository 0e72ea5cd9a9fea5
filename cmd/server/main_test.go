package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
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

	"github.com/githubjobs/githubjobs/internal/api"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/server"
)

// asServer makes the test binary behave as the command, so that it can be killed.
const asServer = "GITHUBJOBS_TEST_AS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		os.Exit(run(nil, os.Environ(), os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args, env []string
		code      int
		stdout    string
		stderr    string
	}{
		"help":                        {[]string{"--help"}, nil, 0, "RECONCILE_INTERVAL", ""},
		"short help":                  {[]string{"-h"}, nil, 0, "API_KEY", ""},
		"an argument":                 {[]string{"start"}, nil, 2, "", `takes no arguments but rebuild, and got "start"`},
		"rebuild wrongly":             {[]string{"rebuild", "now"}, nil, 2, "", `takes --force or nothing, and got ["now"]`},
		"rebuild without environment": {[]string{"rebuild"}, nil, 2, "", "GITHUB_REPOSITORY is missing"},
		"no environment":              {nil, nil, 2, "", "GITHUB_REPOSITORY is missing"},
		"a database that cannot be": {nil, []string{"API_KEY=abc", "GITHUB_REPOSITORY=o/r", "GITHUB_TOKEN=x", "LISTEN_ADDR=127.0.0.1:0", "DATABASE_PATH=/proc/x/y.db"},
			1, "", "/proc/x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(c.args, c.env, &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("stdout %q, stderr %q", &stdout, &stderr)
			}
		})
	}
	for _, v := range server.Variables() {
		var out bytes.Buffer
		printHelp(&out)
		if !strings.Contains(out.String(), v.Name+" ") {
			t.Errorf("the help does not name %s", v.Name)
		}
	}
}

// process is the command as a process of its own.
type process struct {
	*exec.Cmd
	url string
	log *bytes.Buffer
}

func startProcess(t *testing.T, env []string) *process {
	t.Helper()
	addr := freeAddr(t)
	p := &process{Cmd: exec.Command(os.Args[0]), url: "http://" + addr, log: &bytes.Buffer{}}
	p.Env = append(slices.Clone(env), asServer+"=1", "LISTEN_ADDR="+addr)
	p.Stdout, p.Stderr = p.log, p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill() // has ended already, unless the test failed
		_ = p.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		if res, err := http.Get(p.url + "/healthz"); err == nil {
			res.Body.Close()
			return p
		}
		if time.Now().After(deadline) {
			_ = p.Process.Kill()
			_ = p.Wait()
			t.Fatalf("the server did not start:\n%s", p.log)
		}
	}
}

func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (p *process) get(t *testing.T, path string, into any) int {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	req.Header.Set("x-api-key", "abc")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatalf("%s: %v: %s", path, err, raw)
	}
	return res.StatusCode
}

// startGitHub runs localhub with demo/reports and returns the server's environment
// and the bare repository's folder.
func startGitHub(t *testing.T) (env []string, dir string) {
	t.Helper()
	hub, err := localhub.New(localhub.Config{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := hub.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		wg.Wait()
		if err := hub.Close(); err != nil {
			t.Error(err)
		}
	})
	_, err = hub.CreateUser("demo")
	if err == nil {
		_, err = hub.CreateRepository("demo", "reports", rest.RepositoryOptions{AutoInit: true})
	}
	if err != nil {
		t.Fatal(err)
	}
	token, err := hub.CreateToken("demo", "tests")
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = hub.RepositoryPath("demo", "reports"); err != nil {
		t.Fatal(err)
	}
	return []string{"API_KEY=abc", "GITHUB_SERVER_URL=" + hub.URL(), "GITHUB_REPOSITORY=demo/reports", "GITHUB_TOKEN=" + token,
		"BASE_BRANCH=main", "DATABASE_PATH=" + filepath.Join(t.TempDir(), "test.db")}, dir
}

// Every job that was answered for is on GitHub in the end, once, whenever the
// server was killed.
func TestKilled(t *testing.T) {
	t.Parallel()
	env, dir := startGitHub(t)
	const rounds, callers = 8, 4
	var mu sync.Mutex
	var answered []string
	for range rounds {
		p := startProcess(t, env)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		first := make(chan struct{}, 1) // one job was answered in this round
		for range callers {
			wg.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if id, ok := create(p.url); ok {
						mu.Lock()
						answered = append(answered, id)
						mu.Unlock()
						select {
						case first <- struct{}{}:
						default:
						}
					}
				}
			})
		}
		select {
		case <-first:
		case <-time.After(time.Minute):
			t.Fatalf("no job was answered\n%s", p.log)
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond) // the moment of the kill is the test's subject
		if err := p.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = p.Wait() // says that it was killed
		close(stop)
		wg.Wait()
	}
	p := startProcess(t, env)
	var ready api.Readiness
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if p.get(t, "/readyz", &ready) == 200 && ready.WaitingJobs == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %+v\n%s", ready, p.log)
		}
	}
	out, err := exec.Command("git", "-C", dir, "for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/job/").Output()
	if err != nil {
		t.Fatal(err)
	}
	branches := strings.Fields(string(out))
	for _, id := range answered {
		if !slices.Contains(branches, id) {
			t.Errorf("job %s was answered for and is not on GitHub", id)
		}
	}
	// A job that was stored while its caller lost the answer may be there too, and
	// the server knows it.
	for _, id := range branches {
		var j struct{ Reason string }
		if code := p.get(t, "/api/jobs/status?job_id="+id, &j); code != 200 || j.Reason != "pushed" {
			t.Errorf("job %s: %d, %s", id, code, j.Reason)
		}
	}
	t.Logf("%d jobs answered, %d on GitHub", len(answered), len(branches))
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.log)
	}
}

func create(url string) (id string, ok bool) {
	req, _ := http.NewRequest(http.MethodPost, url+"/api/create-job", strings.NewReader(`{"job":"Daily report"}`))
	req.Header.Set("x-api-key", "abc")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", false // killed
	}
	defer res.Body.Close()
	var created struct {
		JobID string `json:"job_id"`
	}
	err = json.NewDecoder(res.Body).Decode(&created)
	return created.JobID, err == nil && res.StatusCode == 200
}
