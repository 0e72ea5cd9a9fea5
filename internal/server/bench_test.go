package server

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/load"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/postgres"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

// The benchmarks measure whole processes: this test's program, started once more as a
// server, or as a handler that does nothing but what it is compared with.
const roleVariable = "GITHUBJOBS_BENCH_ROLE"

// manyJobs is how many jobs the big store holds; GITHUBJOBS_BENCH_JOBS changes it.
const manyJobs = 1_000_000

func TestMain(m *testing.M) {
	var err error
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch role := os.Getenv(roleVariable); role {
	case "":
		os.Exit(m.Run())
	case "server":
		err = runServer(ctx)
	default:
		err = runBare(ctx, role)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runServer(ctx context.Context) error {
	cfg, err := LoadConfig(os.Environ())
	if err != nil {
		return err
	}
	s, err := New(ctx, cfg, NewLogger(cfg, os.Stderr))
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Println(s.URL())
	return s.Run(ctx)
}

// runBare answers with the bytes of a file, or checks the signature of what it gets.
func runBare(ctx context.Context, file string) error {
	answer, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
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
	go http.Serve(l, http.HandlerFunc(handler))
	<-ctx.Done()
	return nil
}

func signature(body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

// process is a server of its own.
type process struct {
	addr string
	pid  int
}

// spawn starts this program in a role; its log goes into a file.
func spawn(b *testing.B, role string, environ ...string) process {
	b.Helper()
	self, err := os.Executable()
	check(b, err)
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	check(b, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), append(environ, roleVariable+"="+role)...)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	check(b, err)
	check(b, cmd.Start())
	b.Cleanup(func() {
		check(b, cmd.Process.Signal(syscall.SIGTERM))
		if err := cmd.Wait(); err != nil {
			told, _ := os.ReadFile(log.Name())
			b.Errorf("%s: %v\n%s", role, err, told[max(0, len(told)-2000):])
		}
		log.Close()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		told, _ := os.ReadFile(log.Name())
		b.Fatalf("%s: %v\n%s", role, err, told)
	}
	u, err := url.Parse(strings.TrimSpace(line))
	check(b, err)
	return process{u.Host, cmd.Process.Pid}
}

// tellMemory prints the memory of the process, now and at its peak.
func (p process) tellMemory(b *testing.B) {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	check(b, err)
	for line := range strings.Lines(string(status)) {
		f := strings.Fields(line)
		name := map[string]string{"VmRSS:": "MB-rss", "VmHWM:": "MB-peak"}[strings.Join(f[:min(1, len(f))], "")]
		if name == "" {
			continue
		}
		kb, err := strconv.ParseFloat(f[1], 64)
		check(b, err)
		b.ReportMetric(kb/1024, name)
	}
}

func jobID(i int) string { return fmt.Sprintf("bench-%07d", i) }

// finished is what is known of a job that was merged, with a log of 1 KB.
func finished(id string, at time.Time) githubjobs.Facts {
	const sha = "0123456789abcdef0123456789abcdef01234567"
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Daily activity report", Base: "main"}
	spec.Normalize(at)
	return githubjobs.Facts{
		ID: id, Spec: &spec, Dispatch: &githubjobs.Dispatch{At: at}, Branch: &githubjobs.BranchFact{Head: sha, Deleted: true, At: at},
		Runs:  []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: sha, URL: "http://127.0.0.1/demo/reports/actions/runs/1", StartedAt: at, At: at}},
		Pulls: []githubjobs.PullFact{{Number: 1, URL: "http://127.0.0.1/demo/reports/pull/1", Merged: true, MergedAt: at, MergeSHA: sha, HeadSHA: sha, At: at}},
		Result: &githubjobs.ResultFact{SHA: sha, Log: strings.Repeat("a line of the task's log that is 50 characters.\n", 20), At: at, Result: githubjobs.Result{
			ID: id, Attempt: 1, RunID: 1, Outcome: githubjobs.OutcomeSuccess, StartedAt: at, FinishedAt: at, ChangedFiles: []string{"reports/a.md"}, FilesTotal: 1}},
	}
}

// copyJob makes n jobs of one in the database itself; the two databases differ in how
// they count and how they format.
const copyJob = `INSERT INTO jobs (project, id, accepted, known, waiting, active, status, reason, kind, title, created_at, updated_at, live, head, deleted, open_run, facts%s)
	SELECT project, %[2]s, accepted, known, waiting, active, status, reason, kind, title, created_at + i, updated_at, live, head, deleted, open_run, replace(facts, 'bench-0000000', %[2]s)%s
	FROM %s WHERE id = 'bench-0000000'`

// fill stores n jobs, which were written a month ago.
func fill(b *testing.B, databasePath, databaseURL string, n int) {
	b.Helper()
	ctx, ago := b.Context(), time.Now().AddDate(0, -1, 0)
	clock := func() time.Time { return ago }
	var s store.Store
	var err error
	if databaseURL != "" {
		s, err = postgres.Open(ctx, databaseURL, clock)
	} else {
		s, err = sqlite.Open(ctx, databasePath, clock)
	}
	check(b, err)
	check(b, s.MergeFacts(ctx, "demo-reports", finished(jobID(0), ago)))
	check(b, s.SetReconciled(ctx, "demo-reports", time.Now()))
	check(b, s.Close())
	count := fmt.Sprintf(`UPDATE counters SET n = %d WHERE name = 'merged'`, n)
	if databaseURL != "" {
		conn, err := pgx.Connect(ctx, databaseURL)
		check(b, err)
		defer conn.Close(ctx)
		copies := fmt.Sprintf(copyJob, ", version", `'bench-' || lpad(i::text, 7, '0')`, ", i", fmt.Sprintf("jobs, generate_series(1, %d) i", n-1))
		for _, q := range []string{copies, count, `VACUUM ANALYZE jobs`} {
			check(b, second(conn.Exec(ctx, q)))
		}
		return
	}
	db, err := sql.Open("sqlite", databasePath)
	check(b, err)
	defer db.Close()
	copies := fmt.Sprintf(copyJob, "", `printf('bench-%07d', i)`, "", "jobs, n")
	counted := fmt.Sprintf(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) `, n-1)
	for _, q := range []string{counted + copies, count, `PRAGMA wal_checkpoint(TRUNCATE)`} {
		check(b, second(db.Exec(q)))
	}
}

// bigger is how many jobs the big store gets.
func bigger(b *testing.B) int {
	if n, err := strconv.Atoi(os.Getenv("GITHUBJOBS_BENCH_JOBS")); err == nil {
		return n
	}
	return manyJobs
}

// databases are the stores that are measured: SQLite, and PostgreSQL where there is one.
func databases(b *testing.B) map[string]func() (variable string) {
	list := map[string]func() string{"sqlite": func() string { return "DATABASE_PATH=" + filepath.Join(b.TempDir(), "jobs.db") }}
	if os.Getenv("GITHUBJOBS_TEST_POSTGRES_URL") != "" {
		list["postgres"] = func() string { return "DATABASE_URL=" + postgresDatabase(b) }
	}
	return list
}

// serverOn starts a server on a database with n jobs.
func serverOn(b *testing.B, hub *github, database string, n int) process {
	b.Helper()
	if n > 0 {
		path, _ := strings.CutPrefix(database, "DATABASE_PATH=")
		address, isURL := strings.CutPrefix(database, "DATABASE_URL=")
		if !isURL {
			address = ""
		}
		fill(b, path, address, n)
	}
	p := spawn(b, "server", "LISTEN_ADDR=127.0.0.1:0", "API_KEY="+key, "WEBHOOK_SECRET="+secret, "GITHUB_SERVER_URL="+hub.URL(),
		"GITHUB_REPOSITORY=demo/reports", "GITHUB_TOKEN="+hub.token, database)
	eventually(b, "the server is ready", func() bool {
		res, err := http.Get("http://" + p.addr + "/readyz")
		return err == nil && res.Body.Close() == nil && res.StatusCode == 200
	})
	return p
}

// statusOf asks for the status of one of the first n jobs.
func statusOf(n int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = append(b, "GET /api/jobs/status?job_id="...)
		b = fmt.Appendf(b, "bench-%07d", rand.IntN(n))
		return append(b, " HTTP/1.1\r\nHost: bench\r\nX-Api-Key: "+key+"\r\n\r\n"...)
	}
}

// BenchmarkStatusReads asks whole servers for the status of jobs. polled: of the same
// thousand jobs, in a store of a thousand and in one of a million. any: of any of the
// million, most of which nobody has asked for lately. The ratios are to a bare handler
// that returns the same bytes.
func BenchmarkStatusReads(b *testing.B) {
	many := bigger(b)
	for name, database := range databases(b) {
		b.Run(name, func(b *testing.B) {
			hub := startGitHub(b)
			few, lots := serverOn(b, hub, database(), 1000), serverOn(b, hub, database(), many)
			answer := filepath.Join(b.TempDir(), "answer")
			check(b, os.WriteFile(answer, get(b, few, "/api/jobs/status?job_id="+jobID(7)), 0o600))
			bare := spawn(b, answer)
			b.Run("polled", func(b *testing.B) {
				next := statusOf(1000)
				compare(b, 16, 3000, []process{bare, few, lots}, bare.target("bare", next), few.target("1k", next), lots.target("1M", next))
				lots.tellMemory(b)
			})
			b.Run("any", func(b *testing.B) {
				compare(b, 16, 3000, []process{bare, lots}, bare.target("bare", statusOf(1000)), lots.target("1M", statusOf(many)))
				lots.tellMemory(b)
			})
		})
	}
}

// target makes requests to the process.
func (p process) target(name string, next func([]byte) []byte) load.Target {
	return load.Target{Name: name, Addr: p.addr, Next: next}
}

// compare makes a turn of requests to each process for each iteration. With 16
// connections the figures are about computing, with more about waiting together.
func compare(b *testing.B, conns, requests int, processes []process, targets ...load.Target) {
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
	tell(b, c.Results())
	for i, p := range processes {
		b.ReportMetric(float64((p.cpu(b)-before[i]).Microseconds())/float64(turns*requests), targets[i].Name+"-µs-cpu")
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

// tell prints rate and median of each target, and their ratio to the first.
func tell(b *testing.B, results []load.Result) {
	b.ReportMetric(0, "ns/op") // says nothing here
	b.ReportMetric(results[0].Rate, results[0].Name+"-req/s")
	for _, r := range results {
		b.ReportMetric(float64(r.Median.Microseconds()), r.Name+"-µs-median")
		if r.Name != results[0].Name {
			b.ReportMetric(r.Rate/results[0].Rate, r.Name+"-ratio")
		}
	}
}

func get(b *testing.B, p process, path string) []byte {
	b.Helper()
	req, err := http.NewRequest("GET", "http://"+p.addr+path, nil)
	check(b, err)
	req.Header.Set("X-Api-Key", key)
	res, err := http.DefaultClient.Do(req)
	check(b, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	check(b, err)
	if res.StatusCode != http.StatusOK {
		b.Fatalf("%s: %d %s", path, res.StatusCode, body)
	}
	return body
}

// BenchmarkIntake posts signed deliveries, each of them new, to whole servers, which
// store them durably and process them beside. The ratio is to a bare handler that
// checks the signature.
func BenchmarkIntake(b *testing.B) {
	body, err := os.ReadFile("../webhook/testdata/github/push.json")
	check(b, err)
	head := fmt.Sprintf("POST /webhooks/github HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"+
		"X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=%s\r\nX-GitHub-Delivery: ", len(body), hex.EncodeToString(signature(body)))
	deliver := func(b []byte) []byte {
		b = append(b, head...)
		b = fmt.Appendf(b, "%016x%016x\r\n\r\n", rand.Uint64(), rand.Uint64())
		return append(b, body...)
	}
	for name, database := range databases(b) {
		b.Run(name, func(b *testing.B) {
			hub := startGitHub(b)
			server := serverOn(b, hub, database(), 0)
			answer := filepath.Join(b.TempDir(), "answer")
			check(b, os.WriteFile(answer, []byte(`{"status":"accepted"}`), 0o600))
			bare := spawn(b, answer)
			compare(b, 256, 3000, []process{bare, server}, bare.target("bare", deliver), server.target("intake", deliver))
			server.tellMemory(b)
		})
	}
}
