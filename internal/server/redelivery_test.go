package server

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/apitest"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// What a webhook could not deliver is asked for again, once, and comes; a quiet
// repository costs three requests a read, all of them free, and no sweep.
func TestFailedDeliveriesComeAgain(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = 200 * time.Millisecond
	s := start(t, cfg)
	target, err := url.Parse(s.URL())
	check(t, err)
	pass := httputil.NewSingleHostReverseProxy(target)
	var broken atomic.Bool
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	defer front.Close()
	broken.Store(true)
	check(t, second(g.CreateHook("demo", "reports", front.URL+"/webhooks/github", secret, "push", "create")))
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	check(t, g.WaitIdle(t.Context()))
	broken.Store(false)
	eventually(t, "the events came after all", func() bool {
		return strings.Contains(scrape(t, s), `githubjobs_webhook_deliveries_total{code="202"} 2`)
	})
	eventually(t, "and were counted", func() bool {
		return strings.Contains(scrape(t, s), "githubjobs_webhook_redeliveries_requested_total 2\n")
	})
	if r := s.Readiness(t.Context()); !r.Ready || len(r.Warnings) != 0 || r.StaleSeconds > 20 || r.NextReconcile.IsZero() {
		t.Errorf("readiness %+v", r)
	}

	// From now on nothing happens.
	before := func() int { return s.reconciler.State().Reads }
	begin := before()
	eventually(t, "three reads of what is quiet", func() bool { return before() >= begin+3 })
	g.ResetRequests()
	begin = before()
	eventually(t, "two more", func() bool { return before() >= begin+2 })
	requests := g.Requests()
	if reads := before() - begin; len(requests) > 3*(reads+1) {
		t.Errorf("%d requests for %d reads", len(requests), reads)
	}
	for _, r := range requests {
		if strings.Contains(r.Path, "/runs?") && r.Status == http.StatusNotFound {
			continue // the repository has no workflow; see TestQuietRepository for one that has
		}
		if r.Kind != localhub.RequestREST || r.Status != http.StatusNotModified {
			t.Errorf("%s %s: %d", r.Method, r.Path, r.Status)
		}
	}
}

func scrape(t *testing.T, s *running) string {
	t.Helper()
	res, err := apitest.Client(t).Get(s.URL() + "/metrics")
	check(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	check(t, err)
	return string(text)
}

// Every figure that docs/operations.md explains is there.
func TestMetrics(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s := start(t, g.config(t))
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	// The push is counted right after its facts are stored.
	eventually(t, "the push is counted", func() bool { return strings.Contains(scrape(t, s), "githubjobs_pushes_total 1\n") })
	text := scrape(t, s)
	for _, want := range []string{
		"githubjobs_reconcile_staleness_seconds ", `githubjobs_reconcile_reads_total{result="ok"} `, `githubjobs_github_requests_total{kind="push",status="200"} 1`,
		`githubjobs_github_requests_total{kind="rest",status="200"} `, "githubjobs_github_rate_limit 5000", "githubjobs_github_rate_limit_remaining 49",
		"githubjobs_webhook_redeliveries_requested_total 0", `githubjobs_odd_jobs{oddity="zombie_run"} 0`, `githubjobs_jobs{state="waiting"} 0`,
		`githubjobs_jobs{state="active"} 1`, `githubjobs_jobs_by_status{status="pending"} 1`, `githubjobs_jobs_by_status{status="merged"} 0`, "githubjobs_webhook_deliveries_pending 0", "githubjobs_pushes_total 1", "githubjobs_pushed_jobs_total 1",
		"githubjobs_job_branches ", "githubjobs_deleted_branches_total 0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
