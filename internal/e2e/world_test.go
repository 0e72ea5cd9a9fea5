package e2e

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
	"github.com/githubjobs/githubjobs/internal/require"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// binaries is the folder of the programs under test, built once by TestMain.
var binaries string

func TestMain(m *testing.M) {
	flag.Parse()
	atOnce()
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "githubjobs-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binaries = dir
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", dir, "../../cmd/agent", "../../cmd/server", "../../cmd/dev")
		build.Stdout, build.Stderr = os.Stderr, os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "building the programs under test:", err)
			return 1
		}
		return m.Run()
	}())
}

// atOnce lets more tests run at a time than there are processors, unless the command line says how many: half of their
// time they wait for what is to happen.
func atOnce() {
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" || f.Name == "test.cpu" })
	if !given {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // it is a number
	}
}

const (
	apiKey        = "e2e-key"
	webhookSecret = "e2e-webhook-secret"
	deadline      = 3 * time.Minute // for anything that must happen; far beyond what it takes, also where much else runs
)

// options say how a world differs from the ordinary one.
type options struct {
	runners     int
	limits      rest.Limits       // of localhub; zero: GitHub's
	image       string            // of the agent: the Docker runtime; empty: the process runtime
	files       map[string]string // of the repository, over the default ones; "" removes
	secrets     map[string]string // of the repository
	noPulls     bool              // the repository forbids pull requests by Actions
	noServer    bool              // the test starts the server itself
	hubDataDir  string
	wrap        func(localhub http.Handler) http.Handler // may be nil
	environment []string                                 // more variables of the server
}

// world is a localhub with the repository demo/reports, and a server for it.
type world struct {
	t       testing.TB
	hub     *localhub.Server
	token   string
	addr    string // of the server
	dataDir string // of the server
	env     []string
	server  *process
	wire    *wire.Recorder // of localhub's REST API
}

func start(t testing.TB, o options) *world {
	t.Helper()
	require.Uncached(t)
	w := &world{t: t, addr: freeAddr(t), dataDir: t.TempDir(), env: o.environment}
	if o.hubDataDir == "" {
		o.hubDataDir = t.TempDir()
	}
	w.wire = wire.Watch(t)
	wrap := w.wire.Wrap
	if o.wrap != nil {
		wrap = func(h http.Handler) http.Handler { return o.wrap(w.wire.Wrap(h)) }
	}
	hub, err := localhub.New(localhub.Config{DataDir: o.hubDataDir, Wrap: wrap, Runners: max(o.runners, 1), Limits: o.limits, Logger: slog.New(slog.NewTextHandler(w.log("localhub"), nil))})
	if err != nil {
		t.Fatal(err)
	}
	w.hub = hub
	w.showRuns(filepath.Join(o.hubDataDir, "actions", "logs"))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- hub.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("localhub: %v", err)
		}
		if err := hub.Close(); err != nil {
			t.Errorf("closing localhub: %v", err)
		}
	})
	w.seed(o)
	if !o.noServer {
		w.startServer()
	}
	return w
}

// openDir is a folder of the test's that tasks can look into: they run as other users.
func openDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

// log writes what a program says into a file that is shown when the test fails.
func (w *world) log(name string) *os.File {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), name+".log")
	f, err := os.Create(path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		f.Close()
		if text, err := os.ReadFile(path); err == nil && w.t.Failed() {
			w.t.Logf("%s said:\n%s", name, text[max(0, len(text)-20_000):])
		}
	})
	return f
}

// showRuns shows what the jobs of the runs said when the test fails.
func (w *world) showRuns(dir string) {
	w.t.Cleanup(func() {
		if !w.t.Failed() {
			return
		}
		logs, err := filepath.Glob(filepath.Join(dir, "*", "*.log"))
		if err != nil {
			w.t.Log(err)
		}
		for _, path := range logs[:min(len(logs), 5)] {
			if text, err := os.ReadFile(path); err == nil {
				w.t.Logf("run %s said:\n%s", filepath.Base(filepath.Dir(path)), text[max(0, len(text)-5_000):])
			}
		}
	})
}

// seedDate is when the repository begins, so that reports have a day to tell of.
const seedDate = "2026-03-05T12:00:00Z"

const allowReports = "merge:\n  enabled: true\n  paths:\n    allow: ['reports/**']\n"

func (w *world) seed(o options) {
	w.t.Helper()
	content := map[string]string{"README.md": "# Demo\n", policy.Path: allowReports, files.RunJobPath: string(files.RunJobWorkflow)}
	maps.Copy(content, o.files)
	if _, err := w.hub.CreateUser("demo"); err != nil {
		w.t.Fatal(err)
	}
	token, err := w.hub.CreateToken("demo", "e2e")
	if err != nil {
		w.t.Fatal(err)
	}
	w.token = token
	if _, err := w.hub.CreateRepository("demo", "reports", rest.RepositoryOptions{}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.hub.Configure("demo", "reports", func(r *state.Repository) { r.Actions.CanApprovePullRequestReviews = !o.noPulls }); err != nil {
		w.t.Fatal(err)
	}
	w.pushMain(content)
	variables := map[string]string{"GITHUBJOBS_RUNTIME": "process", "GITHUBJOBS_AGENT": filepath.Join(binaries, "agent")}
	if os.Getuid() != 0 { // It is another test whether this machine has sudo.
		variables["GITHUBJOBS_UNSAFE_SAME_USER"] = "true"
	}
	if o.image != "" {
		variables = map[string]string{"GITHUBJOBS_RUNTIME": "docker", "GITHUBJOBS_IMAGE": o.image}
	}
	for name, value := range variables {
		if err := w.hub.SetVariable("demo", "reports", name, value); err != nil {
			w.t.Fatal(err)
		}
	}
	for name, value := range o.secrets {
		if err := w.hub.SetSecret("demo", "reports", name, value); err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := w.hub.CreateHook("demo", "reports", "http://"+w.addr+"/webhooks/github", webhookSecret, "push", "delete", "workflow_run", "pull_request", "pull_request_review", "check_run", "check_suite", "status"); err != nil {
		w.t.Fatal(err)
	}
}

// pushMain commits files on main and pushes them as a person would.
func (w *world) pushMain(content map[string]string) {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "seed")
	if err := exec.Command("git", "clone", "-q", w.remote(), dir).Run(); err != nil {
		w.t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(content)) {
		if content[path] == "" {
			continue
		}
		full := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content[path]), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	w.git(dir, "checkout", "-q", "-B", "main")
	w.git(dir, "add", "-A")
	w.git(dir, "-c", "user.name=Ada Moreau", "-c", "user.email=ada@example.com", "commit", "-q", "-m", "Begin", "--date", seedDate)
	w.git(dir, "push", "-q", "origin", "main")
}

// remote is the address of the repository with the token in it.
func (w *world) remote() string {
	return strings.Replace(w.hub.URL(), "http://", "http://x-access-token:"+w.token+"@", 1) + "/demo/reports.git"
}

func (w *world) git(dir string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0", "GIT_COMMITTER_DATE="+seedDate)
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// clone fetches main as anyone could, and returns the folder.
func (w *world) clone() string {
	w.t.Helper()
	dir := filepath.Join(w.t.TempDir(), "clone")
	w.git("", "clone", "-q", w.hub.URL()+"/demo/reports.git", dir)
	return dir
}

// nextPort counts up below the ports that the system gives to connections, so that
// none of these can take a server's port while it is restarted.
var nextPort atomic.Int32

func init() { nextPort.Store(int32(15_000 + os.Getpid()%1_500*10)) }

func freeAddr(t testing.TB) string {
	t.Helper()
	for range 1_000 {
		addr := fmt.Sprintf("127.0.0.1:%d", nextPort.Add(1))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}
