package server

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/githubjobs/githubjobs/internal/store/seed"
)

// manyJobs is how many jobs the big store holds; GITHUBJOBS_BENCH_JOBS changes it.
func manyJobs() int {
	if n, err := strconv.Atoi(os.Getenv("GITHUBJOBS_BENCH_JOBS")); err == nil {
		return n
	}
	return 1_000_000
}

// kept are databases that are measured.
type kept struct {
	name string
	// new makes a database with n jobs, and returns the variable that names it.
	new func(b *testing.B, n int) (variable string)
}

// databases are SQLite, and PostgreSQL where there is one.
func databases() []kept {
	list := []kept{{"sqlite", func(b *testing.B, n int) string {
		path := filepath.Join(b.TempDir(), "jobs.db")
		if n > 0 {
			check(b, seed.SQLite(b.Context(), path, "demo-reports", n))
		}
		return "DATABASE_PATH=" + path
	}}}
	if os.Getenv("GITHUBJOBS_TEST_POSTGRES_URL") == "" {
		return list
	}
	return append(list, kept{"postgres", func(b *testing.B, n int) string {
		address := postgresDatabase(b)
		if n > 0 {
			check(b, seed.Postgres(b.Context(), address, "demo-reports", n))
		}
		return "DATABASE_URL=" + address
	}})
}

// statusOf asks for the status of one of the first n jobs.
func statusOf(n int) func([]byte) []byte {
	return func(b []byte) []byte {
		b = append(b, "GET /api/jobs/status?job_id="...)
		b = append(b, seed.JobID(rand.IntN(n))...)
		return append(b, " HTTP/1.1\r\nHost: bench\r\nX-Api-Key: "+key+"\r\n\r\n"...)
	}
}

// BenchmarkStatusReads asks whole servers for the status of jobs. polled: of the same
// thousand jobs, in a store of a thousand and in one of a million. any: of any of the
// million, most of which nobody has asked for lately. The ratios are to a bare handler
// that returns the same bytes.
func BenchmarkStatusReads(b *testing.B) {
	many := manyJobs()
	for _, database := range databases() {
		b.Run(database.name, func(b *testing.B) {
			hub := startGitHub(b)
			lots := startServer(b, hub, database.new(b, many))
			few := startServer(b, hub, database.new(b, 1000))
			bare := startBare(b, get(b, few, "/api/jobs/status?job_id="+seed.JobID(7)))
			b.Run("polled", func(b *testing.B) {
				next := statusOf(1000)
				r := compare(b, 16, 3000, []process{bare, few, lots}, bare.target("bare", next), few.target("1k", next), lots.target("1M", next))
				b.ReportMetric(float64(r[2].Median)/float64(r[1].Median), "1M/1k-median")
				lots.tellMemory(b)
			})
			b.Run("any", func(b *testing.B) {
				compare(b, 16, 3000, []process{bare, lots}, bare.target("bare", statusOf(1000)), lots.target("1M", statusOf(many)))
				lots.tellMemory(b)
			})
		})
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
		b.Fatal(fmt.Errorf("%s: %d %s", path, res.StatusCode, body))
	}
	return body
}
