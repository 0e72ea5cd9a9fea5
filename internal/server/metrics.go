package server

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// scrapeTime bounds what a scrape waits for the database.
const scrapeTime = 5 * time.Second

// metrics are the figures of one server process; docs/operations.md explains each.
// Most are read from the parts when they are asked for.
type metrics struct {
	server     *Server
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	deliveries *prometheus.CounterVec
}

func newMetrics(s *Server) *metrics {
	m := &metrics{server: s, registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "githubjobs_github_requests_total",
			Help: "Requests to GitHub by kind (rest, git, push) and HTTP status; 304 are free of the primary rate limit, error stands for no answer."}, []string{"kind", "status"}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "githubjobs_webhook_deliveries_total",
			Help: "Webhook deliveries by the HTTP status that they were answered with: 202 taken, 200 received before."}, []string{"code"}),
	}
	m.registry.MustRegister(m.requests, m.deliveries, m, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) countDeliveries(next http.Handler) http.Handler {
	return promhttp.InstrumentHandlerCounter(m.deliveries, next)
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("githubjobs_"+name, help, labels, nil)
}

var (
	leads       = describe("leader", "1: this server pushes jobs and reads GitHub; 0: another one on the same database does.")
	staleness   = describe("reconcile_staleness_seconds", "Age of the last complete read of GitHub, by its beginning; absent while there was none.")
	reads       = describe("reconcile_reads_total", "Reads of GitHub by result: ok or error.", "result")
	limit       = describe("github_rate_limit", "GitHub's primary rate limit for the server's credentials, in requests an hour.")
	remaining   = describe("github_rate_limit_remaining", "What is left of GitHub's primary rate limit.")
	redelivered = describe("webhook_redeliveries_requested_total", "Webhook deliveries that failed and that GitHub was asked to repeat.")
	oddJobs     = describe("odd_jobs", "Jobs that do not get on by themselves, by what is odd about them.", "oddity")
	jobs        = describe("jobs", "Jobs that are not at an end: waiting to be pushed, or active on GitHub.", "state")
	statuses    = describe("jobs_by_status", "Jobs that the server knows, by status.", "status")
	pending     = describe("webhook_deliveries_pending", "Webhook deliveries that were taken and are not processed.")
	pushes      = describe("pushes_total", "Pushes of jobs that went through.")
	pushed      = describe("pushed_jobs_total", "Jobs that these pushes brought to GitHub.")
	branches    = describe("job_branches", "Branches of jobs on GitHub, when they were last counted; absent before, and where this server does not lead.")
	deleted     = describe("deleted_branches_total", "Branches of ended jobs that were deleted.")
	judged      = describe("judgements_total", "Pull requests that were judged again after their run.")
	judgedWell  = describe("judged_merges_total", "Merges that these judgements led to.")
	judgedSoon  = describe("judgements_due", "Pull requests that are to be judged again now.")
)

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{leads, staleness, reads, limit, remaining, redelivered, oddJobs, jobs, statuses, pending, pushes, pushed, branches, deleted, judged, judgedWell, judgedSoon} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	read, push := m.server.reconciler.State(), m.server.dispatcher.State()
	leader, _, known, _ := m.server.role.get()
	one := 0.0
	if leader {
		one, known = 1, read.Known
	}
	gauge(leads, one)
	if !known.IsZero() {
		gauge(staleness, time.Since(known).Seconds())
	}
	counter(reads, read.Reads, "ok")
	counter(reads, read.Failures, "error")
	if read.Budget.Limit > 0 {
		gauge(limit, float64(read.Budget.Limit))
		gauge(remaining, float64(read.Budget.Remaining))
	}
	counter(redelivered, read.Requested)
	for _, o := range githubjobs.Oddities() {
		gauge(oddJobs, float64(read.Odd[o]), string(o))
	}
	counter(pushes, push.Pushes)
	counter(pushed, push.Pushed)
	kept := m.server.branches.State()
	if leader && !kept.At.IsZero() {
		gauge(branches, float64(kept.Branches))
	}
	counter(deleted, kept.Deleted)
	gate := m.server.gate.State()
	counter(judged, gate.Judged)
	counter(judgedWell, gate.Merged)
	gauge(judgedSoon, float64(gate.Due))
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	if c, err := m.server.store.Counts(ctx, m.server.project); err == nil {
		gauge(jobs, float64(c.Waiting), "waiting")
		gauge(jobs, float64(c.Active-c.Waiting), "active")
		for _, status := range githubjobs.Statuses() {
			gauge(statuses, float64(c.Status[status]), string(status))
		}
		gauge(pending, float64(c.Deliveries))
	} // else readiness tells what is wrong with the database
}
