package e2e

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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
		_, err = conn.Exec(context.Background(), statement)
		for code := (&pgconn.PgError{}); errors.As(err, &code) && code.Code == "40P01"; { // PostgreSQL still ends what a killed server was about
			_, err = conn.Exec(context.Background(), statement)
		}
		if err != nil {
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
	kills  int // in one createAll
	killed int
}

func newExact(t *testing.T, servers int, variable func(int) string) *exact {
	e := &exact{T: t, jobs: fromEnvironment(t, "EXACT_JOBS", exactJobs), kills: fromEnvironment(t, "EXACT_KILLS", exactKills)}
	e.w = start(t, options{
		noServer: true, wrap: e.pushes.wrap, limits: rest.Limits{Personal: 1e6, Run: 1e6},
		files:       map[string]string{files.RunJobPath: ""}, // what runs do is tested elsewhere
		environment: []string{"REFS_PER_10_SECONDS=1000000"},
	})
	e.w.recordMoves()
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
	work, due := make(chan int), make(chan struct{}, 1)
	var callers, killer sync.WaitGroup
	for range exactCalls {
		callers.Go(func() {
			for n := range work {
				e.create(n)
			}
		})
	}
	killer.Go(func() { e.killAtRandom(due) })
	kills := map[int]int{} // how many are due at a job
	for range e.kills {
		kills[rand.N(e.jobs)]++
	}
	for n := range e.jobs {
		for range kills[n] {
			due <- struct{}{} // at most one of them waits: they are spread over all jobs
		}
		work <- n
	}
	close(work)
	close(due)
	callers.Wait()
	killer.Wait()
}

// killAtRandom kills a server and starts it again whenever that is due: while the callers ask, and what they were
// promised is pushed.
func (e *exact) killAtRandom(due <-chan struct{}) {
	for range due {
		time.Sleep(rand.N(100*time.Millisecond) << rand.N(6)) // mostly during the first read, at times long after it
		i := rand.N(len(e.fleet.members))
		e.fleet.kill(i)
		e.fleet.start(i)
		e.killed++
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
	branches, base := e.branches(), strings.TrimSpace(e.w.git(e.w.bare(), "rev-parse", "main"))
	for n := range e.jobs {
		branch := githubjobs.Branch(githubjobs.KeyedID("demo-reports", key(n)))
		head, there := branches[branch]
		spec, err := githubjobs.ParseSpec(head.message)
		if !there || err != nil || spec.Prompt != prompt(n) || head.parent != base {
			e.Errorf("%s carries %+v on %q, %v", branch, spec, head.parent, err)
		}
		if n := e.w.moves(branch); n != 1 {
			e.Errorf("%s was created or moved %d times", branch, n)
		}
		delete(branches, branch)
	}
	if len(branches) != 0 {
		e.Errorf("%d branches belong to no key: %v", len(branches), slices.Collect(maps.Keys(branches)))
	}
	if n := e.pushes.found.Load(); n != 0 {
		e.Errorf("%d pushes began while another one was under way", n)
	}
	e.Logf("%d keys, %d kills, %d pushes; every job was known to be on GitHub %s after the last answer", e.jobs, e.killed, e.pushes.total.Load(), time.Since(began).Round(time.Millisecond))
}

// tip is the commit at the head of a branch.
type tip struct{ parent, message string }

// branches are those of jobs on localhub, by name.
func (e *exact) branches() map[string]tip {
	e.Helper()
	branches := map[string]tip{}
	for one := range strings.SplitSeq(e.w.git(e.w.bare(), "for-each-ref", "--format=%(refname:lstrip=2)%00%(parent)%00%(contents)%01", "refs/heads/job/"), "\x01") {
		if f := strings.Split(strings.TrimSpace(one), "\x00"); len(f) == 3 {
			branches[f[0]] = tip{f[1], f[2]}
		}
	}
	return branches
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
