package server

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/load"
)

// The benchmarks measure whole processes: cmd/server, and this test's program, started
// once more as a handler that does nothing but what the server is compared with.
const bareVariable = "GITHUBJOBS_BENCH_BARE"

func TestMain(m *testing.M) {
	file := os.Getenv(bareVariable)
	if file == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := runBare(ctx, file); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runBare answers with the bytes of a file, and checks the signature of what is posted.
func runBare(ctx context.Context, file string) error {
	answer, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "url=http://"+l.Addr().String())
	length := strconv.Itoa(len(answer))
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			given, decodeErr := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Hub-Signature-256"), "sha256="))
			if err != nil || decodeErr != nil || !hmac.Equal(given, signature(body)) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", length)
		w.Write(answer)
	}
	context.AfterFunc(ctx, func() { l.Close() })
	if err := http.Serve(l, http.HandlerFunc(handler)); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func signature(body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

// serverProgram is cmd/server, built once.
var serverProgram = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "githubjobs-bench-")
	if err != nil {
		return "", err
	}
	program := filepath.Join(folder, "server")
	out, err := exec.Command("go", "build", "-trimpath", "-o", program, "github.com/githubjobs/githubjobs/cmd/server").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

// process is a program that serves HTTP.
type process struct {
	addr string
	pid  int
}

// startServer starts cmd/server on a database, and waits until it has read GitHub.
func startServer(b *testing.B, hub *github, database string) process {
	b.Helper()
	program, err := serverProgram()
	check(b, err)
	p := spawn(b, program, "LISTEN_ADDR=127.0.0.1:0", "API_KEY="+key, "WEBHOOK_SECRET="+secret, "GITHUB_SERVER_URL="+hub.URL(),
		"GITHUB_REPOSITORY=demo/reports", "GITHUB_TOKEN="+hub.token, database)
	eventually(b, "the server is ready", func() bool {
		res, err := http.Get("http://" + p.addr + "/readyz")
		return err == nil && res.Body.Close() == nil && res.StatusCode == 200
	})
	return p
}

// startBare starts a handler that gives one answer.
func startBare(b *testing.B, answer []byte) process {
	b.Helper()
	file := filepath.Join(b.TempDir(), "answer")
	check(b, os.WriteFile(file, answer, 0o600))
	self, err := os.Executable()
	check(b, err)
	return spawn(b, self, bareVariable+"="+file)
}

var addressInLog = regexp.MustCompile(`\burl=(http://\S+)`)

// spawn starts a program, whose log goes into a file and tells its address.
func spawn(b *testing.B, program string, environ ...string) process {
	b.Helper()
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	check(b, err)
	cmd := exec.Command(program)
	cmd.Env, cmd.Stderr = append(os.Environ(), environ...), log
	check(b, cmd.Start())
	b.Cleanup(func() {
		check(b, cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			told, _ := os.ReadFile(log.Name())
			b.Errorf("%s: %v\n%s", program, err, told[max(0, len(told)-2000):])
		}
		log.Close()
	})
	var address string
	eventually(b, program+" tells its address", func() bool {
		told, err := os.ReadFile(log.Name())
		check(b, err)
		if m := addressInLog.FindSubmatch(told); m != nil {
			address = string(m[1])
		}
		return address != ""
	})
	u, err := url.Parse(address)
	check(b, err)
	return process{u.Host, cmd.Process.Pid}
}

// target makes requests to the process.
func (p process) target(name string, next func([]byte) []byte) load.Target {
	return load.Target{Name: name, Addr: p.addr, Next: next}
}

// tellMemory reports the memory of the process, now and at its peak.
func (p process) tellMemory(b *testing.B) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	check(b, err)
	for line := range strings.Lines(string(status)) {
		field, value, _ := strings.Cut(line, ":")
		name := map[string]string{"VmRSS": "MB-rss", "VmHWM": "MB-peak"}[field]
		if name == "" {
			continue
		}
		kb, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
		check(b, err)
		b.ReportMetric(kb/1024, name)
	}
}

// cpu is the processor time that the process has used.
func (p process) cpu(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	check(b, err)
	_, rest, _ := strings.Cut(string(stat), ") ") // after the name
	f := strings.Fields(rest)
	user, err := strconv.Atoi(f[11])
	check(b, err)
	system, err := strconv.Atoi(f[12])
	check(b, err)
	return time.Duration(user+system) * (time.Second / 100) // Linux counts in hundredths for all programs
}

// compare makes a turn of requests to each process for each iteration. With 16
// connections the figures are about computing, with more about waiting together.
func compare(b *testing.B, conns, requests int, processes []process, targets ...load.Target) []load.Result {
	b.Helper()
	c, err := load.Compare(conns, requests, targets...)
	check(b, err)
	defer c.Close()
	before := make([]time.Duration, len(processes))
	for i, p := range processes {
		before[i] = p.cpu(b)
	}
	turns := 0
	for b.Loop() {
		check(b, c.Turn(requests))
		turns++
	}
	results := c.Results()
	b.ReportMetric(0, "ns/op") // says nothing here
	b.ReportMetric(results[0].Rate, results[0].Name+"-req/s")
	for i, r := range results {
		b.ReportMetric(float64(r.Median.Microseconds()), r.Name+"-µs-median")
		b.ReportMetric(float64((processes[i].cpu(b)-before[i]).Microseconds())/float64(turns*requests), r.Name+"-µs-cpu")
		if i > 0 {
			b.ReportMetric(r.Rate/results[0].Rate, r.Name+"-ratio")
		}
	}
	return results
}
