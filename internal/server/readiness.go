package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/api"
	"github.com/githubjobs/githubjobs/internal/keep"
	"github.com/githubjobs/githubjobs/internal/reconcile"
)

// How long what must work may fail before the server counts as not ready. Jobs are
// taken and kept all the same.
const (
	githubGrace   = 2 * time.Minute
	deliveryGrace = time.Minute
	lowBudget     = 5           // the part of the rate limit below which it is told
	checkEvery    = time.Second // the database is written at most this often to tell whether it can be
)

// contact is a transport that notes when GitHub last answered, and counts requests.
type contact struct {
	base     *http.Transport
	requests *prometheus.CounterVec // by kind and status
	last     atomic.Int64           // Unix milliseconds
}

// RoundTrip implements http.RoundTripper.
func (c *contact) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.base.RoundTrip(r)
	status := "error"
	if err == nil {
		status = strconv.Itoa(res.StatusCode)
		if res.StatusCode < http.StatusInternalServerError {
			c.last.Store(time.Now().UnixMilli())
		}
	}
	c.requests.WithLabelValues(kindOf(r), status).Inc()
	return res, err
}

// kindOf says what a request to GitHub is for.
func kindOf(r *http.Request) string {
	switch {
	case strings.HasSuffix(r.URL.Path, "/git-receive-pack") && r.Method == http.MethodPost:
		return "push"
	case strings.HasSuffix(r.URL.Path, "/info/refs"), strings.HasSuffix(r.URL.Path, "/git-upload-pack"):
		return "git"
	}
	return "rest"
}

func (c *contact) at() time.Time {
	if ms := c.last.Load(); ms != 0 {
		return time.UnixMilli(ms).UTC()
	}
	return time.Time{}
}

// checks keeps the outcome of the last write to the database.
type checks struct {
	mu  sync.Mutex
	at  time.Time
	err error
}

func (s *Server) storeWritable(ctx context.Context) error {
	s.check.mu.Lock()
	defer s.check.mu.Unlock()
	if time.Since(s.check.at) > checkEvery {
		s.check.err = s.store.Check(ctx)
		s.check.at = time.Now()
	}
	return s.check.err
}

// Readiness says whether jobs are taken and get on.
func (s *Server) Readiness(ctx context.Context) api.Readiness {
	r := api.Readiness{Problems: []string{}, Warnings: []string{}, LastGitHubAnswer: s.contact.at()}
	counts, err := s.store.Counts(ctx, s.project)
	if err = errors.Join(err, s.storeWritable(ctx)); err != nil {
		s.log.Error("readiness: the database", "error", err)
		r.Problems = append(r.Problems, "The database cannot be used; the server's log tells why.")
	}
	r.WaitingJobs, r.WaitingSince, r.ActiveJobs = counts.Waiting, counts.WaitingSince, counts.Active
	r.PendingDeliveries, r.LastWebhook = counts.Deliveries, counts.LastDelivery
	if !s.receiver.Running() {
		r.Problems = append(r.Problems, "The server is starting or stopping.")
	}
	if leads, waits, known, problem := s.role.get(); leads {
		s.judgeWorkers(&r)
	} else {
		judgeReserve(&r, waits, known, problem)
	}
	if counts.Deliveries > 0 && time.Since(counts.DeliverySince) > deliveryGrace {
		r.Problems = append(r.Problems, fmt.Sprintf("%d webhook deliveries wait to be processed since %s.", counts.Deliveries, counts.DeliverySince.Format(time.RFC3339)))
	}
	if s.cfg.WebhookSecret == "" {
		r.Warnings = append(r.Warnings, "No webhook secret is configured: states change only when GitHub is read. Set WEBHOOK_SECRET.")
	}
	r.Ready = len(r.Problems) == 0
	return r
}

func (s *Server) judgeWorkers(r *api.Readiness) {
	push, read := s.dispatcher.State(), s.reconciler.State()
	r.Role, r.LastReconcile, r.NextReconcile = roleLeader, read.LastRun, read.Next
	if !read.Known.IsZero() {
		r.StaleSeconds = int(time.Since(read.Known).Seconds())
	}
	r.Warnings = append(r.Warnings, warnings(read)...)
	if !push.Running || !read.Running {
		r.Problems = append(r.Problems, "Pushing jobs and reading GitHub begin or end at this moment.")
	}
	if read.LastRun.IsZero() && read.Problem == nil {
		r.Problems = append(r.Problems, "GitHub has not been read yet since the server was started.")
	}
	report := func(what string, err error, since time.Time) {
		if err == nil {
			return
		}
		text := fmt.Sprintf("%s fails since %s: %s", what, since.UTC().Format(time.RFC3339), hub.Public(err))
		if time.Since(since) > githubGrace || !hub.Temporary(err) {
			r.Problems = append(r.Problems, text)
		} else {
			r.Warnings = append(r.Warnings, text)
		}
	}
	report("Pushing jobs to GitHub", push.Problem, push.Since)
	report("Reading GitHub", read.Problem, read.Since)
	r.Warnings = append(r.Warnings, judgeBranches(s.branches.State())...)
	if file := s.file.State(); file.Problem != "" {
		r.Warnings = append(r.Warnings, fmt.Sprintf("The schedules in force are not those of the file since %s: %s", file.Since.UTC().Format(time.RFC3339), file.Problem))
	}
	if gate := s.gate.State(); gate.Problem != nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("Judging pull requests again fails since %s: %s", gate.Since.UTC().Format(time.RFC3339), hub.Public(gate.Problem)))
	}
	plan := s.scheduler.State()
	if names := plan.Refused; len(names) > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("No job was started at the newest tick of these schedules, since it would be refused: %s. GET /api/schedules tells why, in last_tick.", strings.Join(names[:min(len(names), maxNamed)], ", ")))
	}
	if plan.Problem != nil {
		r.Warnings = append(r.Warnings, fmt.Sprintf("A schedule can't start its job since %s, and is tried again; the server's log tells why.", plan.Since.UTC().Format(time.RFC3339)))
	}
}

// maxNamed bounds how many schedules a warning names.
const maxNamed = 10

// judgeBranches are what a person should see to about the branches of jobs.
func judgeBranches(kept keep.State) (list []string) {
	if kept.Branches > keep.Recommended {
		list = append(list, fmt.Sprintf("%d branches of jobs are on GitHub, which recommends at most %d; each makes every push slower. Merge or close pull requests, or lower BRANCH_TTL or KEY_TTL.", kept.Branches, keep.Recommended))
	}
	if kept.Problem != nil {
		list = append(list, fmt.Sprintf("Deleting the branches of ended jobs fails since %s: %s", kept.Since.UTC().Format(time.RFC3339), hub.Public(kept.Problem)))
	}
	return list
}

// Roles of a server among those on one database.
const (
	roleLeader  = "leader"
	roleReserve = "reserve"
)

// judgeReserve judges a server that leaves pushing and reading GitHub to another one.
// It takes jobs and webhooks as that one does; what is wrong there, that one tells.
func judgeReserve(r *api.Readiness, waits bool, known time.Time, problem error) {
	r.Role, r.LastReconcile = roleReserve, known
	if !known.IsZero() {
		r.StaleSeconds = int(time.Since(known).Seconds())
	}
	switch {
	case problem != nil:
		r.Problems = append(r.Problems, "The database does not say which server leads; the server's log tells why.")
	case !waits:
		r.Problems = append(r.Problems, "The server is starting or stopping.")
	}
}

// warnings are what a person should see to although reading goes on.
func warnings(read reconcile.State) (list []string) {
	if b := read.Budget; b.Limit > 0 && b.Remaining < b.Limit/lowBudget && time.Now().Before(b.Reset) {
		list = append(list, fmt.Sprintf("GitHub's rate limit is nearly used up: %d of %d requests are left until %s. Reads become fewer by themselves; webhooks go on telling.", b.Remaining, b.Limit, b.Reset.Format(time.RFC3339)))
	}
	if read.Note != "" {
		list = append(list, read.Note)
	}
	for _, o := range githubjobs.Oddities() {
		if n := read.Odd[o]; n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, oddText[o]))
		}
	}
	return list
}

var oddText = map[githubjobs.Oddity]string{
	githubjobs.BranchWithoutRun: "jobs are on GitHub and no run was started for them; their status says what to check.",
	githubjobs.RunWithoutBranch: "runs have not ended, and the branches of their jobs are gone; cancel them on GitHub.",
	githubjobs.ZombieRun:        "runs have not ended beyond GitHub's own limits; cancel them on GitHub, by force if need be.",
}
