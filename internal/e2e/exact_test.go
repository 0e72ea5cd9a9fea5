package e2e

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/require"
)

// How much the tests of exactly-once creation do where EXACT_JOBS and EXACT_KILLS say nothing.
const (
	exactJobs  = 150
	exactKills = 6
	exactCalls = 16 // callers at the same time
	exactTime  = 20 * time.Minute
)

// failing is one request in ten that fails, each in one of several ways.
func failing() (all []faults.Fault) {
	second := faults.Duration(time.Second)
	for operation, limited := range map[string]int{"*/*": 403, "git-*": 429} {
		all = append(all,
			faults.Fault{Kind: faults.CutBefore, Operation: operation, Probability: 0.03},
			faults.Fault{Kind: faults.CutAfter, Operation: operation, Probability: 0.03},
			faults.Fault{Kind: faults.ServerError, Operation: operation, Probability: 0.03},
			faults.Fault{Kind: faults.SecondaryLimit, Operation: operation, Probability: 0.01, Status: limited, RetryAfter: second},
		)
	}
	return all
}

// TestExactlyOnce creates jobs with idempotency keys on servers that are killed at random times, while one request to GitHub in ten fails: there is one branch
// for each key in the end, none twice and none missing; also when the database is lost in between and every caller asks again.
func TestExactlyOnce(t *testing.T) {
	t.Parallel()
	sqlite := func(t *testing.T) (func(int) string, func()) {
		path := filepath.Join(t.TempDir(), "exact.db")
		return func(int) string { return "DATABASE_PATH=" + path }, func() {
			for _, suffix := range []string{"", "-wal", "-shm"} {
				if err := os.Remove(path + suffix); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
			}
		}
	}
	for name, c := range map[string]struct {
		servers  int
		database func(*testing.T) (variable func(int) string, lose func())
		lose     bool
	}{
		"one server":                          {1, sqlite, false},
		"one server, the database is lost":    {1, sqlite, true},
		"three servers":                       {3, postgresSchema, false},
		"three servers, the database is lost": {3, postgresSchema, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			variable, lose := c.database(t)
			e := newExact(t, c.servers, variable)
			e.createAll()
			if c.lose {
				for i := range c.servers {
					e.fleet.kill(i)
				}
				lose()
				for i := range c.servers {
					e.fleet.start(i)
				}
				e.createAll()
			}
			e.check()
		})
	}
}

// postgresSchema is a schema of the test's own, which several servers share.
func postgresSchema(t *testing.T) (variable func(int) string, lose func()) {
	base := require.Postgres(t)
	name := "exact_" + strings.ToLower(crand.Text())
	run := func(statement string) {
		t.Helper()
		conn, err := pgx.Connect(context.Background(), base)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE SCHEMA " + name)
	t.Cleanup(func() { run("DROP SCHEMA " + name + " CASCADE") })
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return func(int) string { return "DATABASE_URL=" + u.String() }, func() {
		run("DROP SCHEMA " + name + " CASCADE; CREATE SCHEMA " + name)
	}
}

// exact is one run of the test.
type exact struct {
	*testing.T
	w      *world
	fleet  *fleet
	pushes overlaps
	jobs   int
	kills  int
}

func newExact(t *testing.T, servers int, variable func(int) string) *exact {
	e := &exact{T: t, jobs: fromEnvironment(t, "EXACT_JOBS", exactJobs), kills: fromEnvironment(t, "EXACT_KILLS", exactKills)}
	e.w = start(t, options{
		noServer: true, wrap: e.pushes.wrap, limits: rest.Limits{Personal: 1e6, Run: 1e6},
		files:       map[string]string{files.RunJobPath: ""}, // what runs do is tested elsewhere
		environment: []string{"REFS_PER_10_SECONDS=1000000"},
	})
	e.fleet = e.w.startFleet(servers, variable)
	if _, err := e.w.hub.Faults().Replace(1, failing()...); err != nil {
		t.Fatal(err)
	}
	return e
}

func key(n int) string { return fmt.Sprintf("order-%d", n) }

func prompt(n int) string { return fmt.Sprintf("Order %d", n) }

// createAll lets callers create every job, each repeating its request until it is answered, while servers are killed.
func (e *exact) createAll() {
	e.Helper()
	work := make(chan int)
	var callers, killer sync.WaitGroup
	for range exactCalls {
		callers.Go(func() {
			for n := range work {
				e.create(n)
			}
		})
	}
	stop := make(chan struct{})
	killer.Go(func() { e.killAtRandom(stop) })
	for n := range e.jobs {
		work <- n
	}
	close(work)
	callers.Wait()
	close(stop)
	killer.Wait()
}

// killAtRandom kills a server and starts it again, as often as is asked for: while the callers ask, and then while
// what they were promised is pushed.
func (e *exact) killAtRandom(stop <-chan struct{}) {
	for range e.kills {
		select {
		case <-time.After(rand.N(700 * time.Millisecond)):
		case <-stop: // the dispatcher is still busy: the rest of the kills meet it
		}
		i := rand.N(len(e.fleet.members))
		e.fleet.kill(i)
		e.fleet.start(i)
	}
}

func (e *exact) create(n int) {
	body := fmt.Sprintf(`{"job":%q,"kind":"command","config":{"script":"true"},"idempotency_key":%q}`, prompt(n), key(n))
	for end := time.Now().Add(exactTime); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		addr := e.fleet.members[rand.N(len(e.fleet.members))].addr
		request, err := http.NewRequest(http.MethodPost, "http://"+addr+"/api/create-job", strings.NewReader(body))
		if err != nil {
			e.Error(err)
			return
		}
		request.Header.Set("x-api-key", apiKey)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			continue // the server was killed
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		var created struct {
			ID string `json:"job_id"`
		}
		switch {
		case err != nil || response.StatusCode >= 500:
			continue
		case response.StatusCode != http.StatusOK || json.Unmarshal(answer, &created) != nil || created.ID != githubjobs.KeyedID("demo-reports", key(n)):
			e.Errorf("key %d: %d %s", n, response.StatusCode, answer)
		}
		return
	}
	e.Errorf("key %d was not taken within %s", n, exactTime)
}

// check waits until every job is known to be on GitHub, and holds the branches there against the keys.
func (e *exact) check() {
	e.Helper()
	began := time.Now()
	for n := range e.jobs {
		e.pushed(n)
	}
	dir, err := e.w.hub.RepositoryPath("demo", "reports")
	if err != nil {
		e.Fatal(err)
	}
	branches := map[string]bool{}
	for name := range strings.FieldsSeq(e.w.git(dir, "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/job/")) {
		branches[name] = true
	}
	base := e.w.git(dir, "rev-parse", "main")
	for n := range e.jobs {
		branch := githubjobs.Branch(githubjobs.KeyedID("demo-reports", key(n)))
		spec, err := githubjobs.ParseSpec(e.w.git(dir, "log", "-1", "--format=%B", branch))
		if err != nil || spec.Prompt != prompt(n) || e.w.git(dir, "rev-parse", branch+"^") != base {
			e.Errorf("%s carries %+v, %v", branch, spec, err)
		}
		delete(branches, branch)
	}
	if len(branches) != 0 {
		e.Errorf("%d branches belong to no key: %v", len(branches), branches)
	}
	if n := e.pushes.found.Load(); n != 0 {
		e.Errorf("%d pushes began while another one was under way", n)
	}
	e.Logf("%d keys, %d kills, %d pushes; every job was known to be on GitHub %s after the last answer", e.jobs, e.kills, e.pushes.total.Load(), time.Since(began).Round(time.Millisecond))
}

// pushed waits until a server says that a job is on GitHub.
func (e *exact) pushed(n int) {
	id := githubjobs.KeyedID("demo-reports", key(n))
	var job githubjobs.Job
	for end := time.Now().Add(exactTime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		e.w.addr = e.fleet.members[n%len(e.fleet.members)].addr
		if read := e.w.status(id); read != nil {
			if job = *read; job.Reason != githubjobs.ReasonAccepted {
				return
			}
		}
	}
	e.Fatalf("job %d of key %q is %s: %s", n, key(n), job.Reason, job.Message)
}
