package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api"
	"github.com/githubjobs/githubjobs/internal/require"
)

// postgresDatabase returns the URL of an empty schema.
func postgresDatabase(t testing.TB) string {
	t.Helper()
	base := require.Postgres(t)
	name := "test_" + strings.ToLower(rand.Text())
	admin := func(statement string) {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, base)
		check(t, err)
		defer conn.Close(ctx)
		check(t, second(conn.Exec(ctx, statement)))
	}
	admin("CREATE SCHEMA " + name)
	t.Cleanup(func() { admin("DROP SCHEMA " + name + " CASCADE") })
	u, err := url.Parse(base)
	check(t, err)
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	return u.String()
}

// Two servers share a database and a repository. Each of them sees the jobs of the
// other, and one of them pushes those of both: every job has one branch, one commit,
// one push event.
func TestTwoServersOnOneDatabase(t *testing.T) {
	t.Parallel()
	hub := startGitHub(t)
	cfg := hub.config(t)
	cfg.DatabasePath, cfg.DatabaseURL = "", postgresDatabase(t)
	one, two := start(t, cfg), start(t, cfg)
	hub.hook(t, one)
	hub.hook(t, two)

	const n = 40
	ids := make([]string, n)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			s := []*running{one, two}[i%2]
			ids[i] = s.create(t, fmt.Sprintf(`{"job":"number %d","kind":"report"}`, i))
		})
	}
	wg.Wait()
	for _, s := range []*running{one, two} {
		for _, id := range ids {
			eventually(t, "job "+id+" is pushed", func() bool {
				j := s.status(t, id)
				if j.Status == githubjobs.StatusFailed {
					t.Fatalf("job %s: %s %s", id, j.Reason, j.Message)
				}
				return j.Reason == githubjobs.ReasonPushed
			})
		}
		eventually(t, "nothing waits", func() bool {
			c, err := s.store.Counts(t.Context(), s.project)
			check(t, err)
			return c.Waiting == 0 && c.Deliveries == 0 && c.Jobs == n
		})
	}
	var want []string
	for _, id := range ids {
		want = append(want, "job/"+id)
		if log := hub.git(t, "rev-list", "--count", "main..job/"+id); log != "1" {
			t.Errorf("job/%s has %s commits", id, log)
		}
	}
	slices.Sort(want)
	if got := hub.jobBranches(t); !slices.Equal(got, want) {
		t.Errorf("branches %v, want %v", got, want)
	}
}

// A tick starts one job, and so does a key, whichever of two servers is asked; one that
// was told by the server in reserve is in force at the leader.
func TestScheduleOnTwoServers(t *testing.T) {
	t.Parallel()
	hub := startGitHub(t)
	cfg := hub.config(t)
	cfg.DatabasePath, cfg.DatabaseURL = "", postgresDatabase(t)
	servers := []*running{start(t, cfg), start(t, cfg)}
	for _, s := range servers {
		eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
		s.schedule(t, "PUT", "s", `{"cron":"0 0 1 1 *","job":`+report+`}`)
	}
	one, err := servers[0].store.Schedule(t.Context(), servers[0].project, "s")
	check(t, err)
	one.Since, one.Cron = time.Now().Add(-25*time.Hour), "0 0 * * *" // a day passes
	check(t, servers[1].store.SaveSchedule(t.Context(), servers[1].project, one, nil))
	eventually(t, "the job of the tick is pushed", func() bool { return len(hub.jobBranches(t)) == 1 })

	ids := make([]string, 10)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			var c api.Created
			call(t, "POST", servers[i%2].URL()+"/api/schedules/s/trigger", "", &c, "Idempotency-Key", "k")
			ids[i] = c.JobID
		})
	}
	wg.Wait()
	if ids[0] == "" || len(slices.Compact(slices.Clone(ids))) != 1 {
		t.Errorf("one key has started %q", ids)
	}
	eventually(t, "its job is pushed too", func() bool { return len(hub.jobBranches(t)) == 2 })
}

// A server with PostgreSQL goes on after a restart where it was.
func TestRestartOnPostgres(t *testing.T) {
	t.Parallel()
	hub := startGitHub(t)
	cfg := hub.config(t)
	cfg.DatabasePath, cfg.DatabaseURL = "", postgresDatabase(t)
	s := start(t, cfg)
	id := s.create(t, `{"job":"one"}`)
	eventually(t, "the job is pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	s.stop()
	s = start(t, cfg)
	if j := s.status(t, id); j.Reason != githubjobs.ReasonPushed {
		t.Errorf("after the restart: %s", j.Reason)
	}
}
