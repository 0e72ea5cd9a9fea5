// Package server wires one server process: configuration, store, workers and HTTP,
// and their beginning and end. cmd/server and cmd/dev import it; it links nothing
// of localhub or of the agent.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/api"
	"github.com/githubjobs/githubjobs/internal/batch"
	"github.com/githubjobs/githubjobs/internal/choice"
	"github.com/githubjobs/githubjobs/internal/control"
	"github.com/githubjobs/githubjobs/internal/dispatch"
	"github.com/githubjobs/githubjobs/internal/gatekeeper"
	"github.com/githubjobs/githubjobs/internal/hold"
	"github.com/githubjobs/githubjobs/internal/keep"
	"github.com/githubjobs/githubjobs/internal/live"
	"github.com/githubjobs/githubjobs/internal/notary"
	"github.com/githubjobs/githubjobs/internal/reconcile"
	"github.com/githubjobs/githubjobs/internal/schedule"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/postgres"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
	"github.com/githubjobs/githubjobs/internal/sweep"
	"github.com/githubjobs/githubjobs/internal/webhook"
)

// Limits of the HTTP server.
const (
	headerTime = 10 * time.Second
	readTime   = time.Minute // a webhook may have 25 MB
	writeTime  = time.Minute
	idleTime   = 2 * time.Minute
	maxHeader  = 64 << 10

	limitEvery  = 3 * time.Second // between two looks for batches of which too many jobs have failed
	signEvery   = 5 * time.Second // likewise for ends of jobs that have no receipt
	firstAnswer = 5 * time.Second // how long a first job waits for the name of the default branch
)

// Server is one server process. New opens its database and its port, Run serves.
type Server struct {
	cfg     Config
	project string
	log     *slog.Logger

	store      store.Store
	contact    *contact
	dispatcher *dispatch.Dispatcher
	reconciler *reconcile.Reconciler
	diagnoser  *reconcile.Diagnoser
	controller *control.Controller
	keeper     *hold.Keeper
	scheduler  *schedule.Scheduler
	file       *schedule.File
	limiter    *batch.Limiter
	live       *live.Service
	receiver   *webhook.Receiver
	sweeper    *sweep.Sweeper
	branches   *keep.Keeper
	gate       *gatekeeper.Gatekeeper
	signers    []receipt.Key // of receipts
	notary     *notary.Notary
	listener   net.Listener
	http       *http.Server
	check      checks
	metrics    *metrics
	progress   func(hub.Progress) // of a read of everything; may be nil

	role          role
	admission     admission
	mu            sync.Mutex
	defaultBranch string
	knownBefore   time.Time     // until when everything on GitHub was known at the start
	baseKnown     chan struct{} // closed once defaultBranch is known
}

// New opens the database and the port; requests are answered once Run runs. The
// caller must Close the server.
func New(ctx context.Context, cfg Config, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := newServer(cfg, log)
	cfg.warn(log)
	err := s.open(ctx)
	if err == nil {
		err = s.listen()
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newServer(cfg Config, log *slog.Logger) *Server {
	s := &Server{cfg: cfg, project: cfg.project(), log: log, baseKnown: make(chan struct{})}
	s.metrics = newMetrics(s)
	s.contact = &contact{base: http.DefaultTransport.(*http.Transport).Clone(), requests: s.metrics.requests}
	return s
}

// open opens the database and makes the workers.
func (s *Server) open(ctx context.Context) error {
	owner, name, _ := strings.Cut(s.cfg.Repository, "/")
	hubConfig := s.cfg.hub(owner, name)
	hubConfig.Transport, hubConfig.Logger = s.contact, s.log
	repository, err := hub.New(hubConfig)
	if err != nil {
		return err
	}
	if s.store, err = openStore(ctx, s.cfg, s.log.With("part", "store")); err != nil {
		return err
	}
	s.store = complete{s.store, s}
	p, err := s.store.Project(ctx, s.project)
	if err != nil {
		return err
	}
	s.setDefaultBranch(p.DefaultBranch)
	s.knownBefore = p.ReconciledAt
	if s.signers, err = s.cfg.receiptKeys(s.log); err != nil {
		return err
	}
	s.wire(repository)
	return nil
}

func (s *Server) listen() (err error) {
	if s.listener, err = net.Listen("tcp", s.cfg.ListenAddr); err != nil {
		return fmt.Errorf("LISTEN_ADDR: %w", err)
	}
	return nil
}

// openStore opens the database that the configuration names. Its store is nil when
// that fails, and not a nil pointer in an interface.
func openStore(ctx context.Context, cfg Config, log *slog.Logger) (store.Store, error) {
	if cfg.DatabaseURL != "" {
		db, err := postgres.Open(ctx, cfg.DatabaseURL, time.Now)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_URL: %w", err)
		}
		db.Log = log
		return db, nil
	}
	db, err := sqlite.Open(ctx, cfg.DatabasePath, time.Now)
	if err != nil {
		return nil, err
	}
	db.Log = log
	return db, nil
}

func (s *Server) wire(repository *hub.Repository) {
	s.reconciler = reconcile.New(reconcile.Options{
		Project: s.project, Hub: repository, Store: s.store, Interval: s.cfg.ReconcileInterval,
		WebhookPath: s.cfg.webhookPath(), Base: s.learnDefaultBranch, Progress: s.progress,
		Done: func() { s.dispatcher.Wake(); s.diagnoser.Wake() }, Log: s.log.With("part", "reconcile"), Now: time.Now,
	})
	s.diagnoser = reconcile.NewDiagnoser(reconcile.DiagnoserOptions{
		Project: s.project, Hub: repository, Store: s.store, Log: s.log.With("part", "diagnose"), Now: time.Now,
	})
	s.dispatcher = dispatch.New(dispatch.Options{
		Project: s.project, Hub: repository, Store: s.store, Reader: s.reconciler, Log: s.log.With("part", "dispatch"), Now: time.Now,
		Pace: s.cfg.pace(),
	})
	s.controller = control.New(control.Options{
		Project: s.project, Hub: repository, Store: s.store, OpenPulls: s.cfg.OpenPulls, Changed: s.reconciler.Wake, Read: s.reconciler.ReadNow, Released: s.dispatcher.Wake, Log: s.log.With("part", "control"), Now: time.Now,
	})
	s.keeper = hold.New(hold.Options{
		Project: s.project, Store: s.store, Complete: s.complete, Log: s.log.With("part", "hold"), Now: time.Now,
		Released: func() { s.dispatcher.Wake(); s.controller.Wake() },
	})
	secrets := &choice.Secrets{Hub: repository, Log: s.log.With("part", "choice"), Now: time.Now}
	chooser := &choice.Chooser{Hub: repository, Secrets: secrets, Default: s.cfg.prompt(), Log: s.log.With("part", "choice"), Now: time.Now}
	admission := api.Admission{
		Repository: s.cfg.repositoryURL(), Choose: chooser.Choose, UnsetSecrets: secrets.Unset,
		SecretRules: func(branch string) (policy.SecretRules, bool) { return s.file.SecretRules(branch) },
	}
	s.scheduler = schedule.New(schedule.Options{
		Project: s.project, Store: s.store, Base: s.baseNow, Admit: admission.Admit, Accepted: s.accepted, Log: s.log.With("part", "schedule"), Now: time.Now,
	})
	s.limiter = &batch.Limiter{Project: s.project, Store: s.store, Every: limitEvery, Canceled: s.accepted, Log: s.log.With("part", "batch"), Now: time.Now}
	s.file = schedule.NewFile(schedule.FileOptions{
		Project: s.project, Hub: repository, Store: s.store, Base: s.baseNow, Every: s.cfg.fileInterval(), Changed: s.scheduler.Wake,
		Read: func(raw []byte, name string) (store.Plan, error) { return api.ReadPlan(raw, name, s.cfg.DefaultKind) },
		Log:  s.log.With("part", "schedule"), Now: time.Now,
	})
	s.gate = gatekeeper.New(gatekeeper.Options{
		Project: s.project, Hub: repository, Store: s.store, Off: s.cfg.Merge == mergeOff, Changed: s.reconciler.Wake, Log: s.log.With("part", "gate"), Now: time.Now,
	})
	s.receiver = webhook.New(webhook.Options{
		Project: s.project, Secret: s.cfg.WebhookSecret, Hub: repository, Store: s.store,
		DefaultBranch: s.learnDefaultBranch, Ruled: s.learnBaseHead, Stirred: s.gate.Wake, Log: s.log.With("part", "webhook"), Now: time.Now,
	})
	s.sweeper = &sweep.Sweeper{
		Project: s.project, Retention: s.cfg.DeliveryRetention, JobRetention: s.cfg.JobRetention, ReceiptRetention: s.cfg.ReceiptRetention, Store: s.store, Log: s.log.With("part", "sweep"), Now: time.Now,
	}
	s.notary = &notary.Notary{Project: s.project, Repository: s.cfg.repositoryURL(), Keys: s.signers, Hub: repository, Store: s.store, Every: signEvery, Log: s.log.With("part", "notary"), Now: time.Now}
	s.branches = keep.New(keep.Options{
		Project: s.project, Hub: s.dispatcher, Store: s.store, Keep: githubjobs.Retention{Branch: s.cfg.BranchTTL, Key: s.cfg.KeyTTL},
		Log: s.log.With("part", "keep"), Now: time.Now,
	})
	s.live = live.New(live.Options{
		Project: s.project, Store: s.store, Issuer: s.cfg.issuer(), Repository: repository.ID, Workflow: hub.DefaultWorkflowPath, Log: s.log.With("part", "live"), Now: time.Now,
	})
	s.http = &http.Server{
		Handler: api.New(api.Options{
			Project: s.project, Keys: s.cfg.APIKeys, DefaultKind: s.cfg.DefaultKind, Jobs: s.store, Base: s.base, Admission: admission,
			ReceiptKeys: s.signers,
			Batches:     s.store, Gate: s.gate, Room: s.roomFor, Schedules: s.store, Receipts: s.store, Scheduler: s.scheduler, Scheduled: s.scheduler.Wake, Live: s.live,
			Read: s.everRead, Accepted: s.accepted, Canceled: s.accepted, JobRetention: s.cfg.JobRetention, Full: s.full, Readiness: s.Readiness, Webhook: s.metrics.countDeliveries(s.receiver), Metrics: s.metrics.handler(), Log: s.log.With("part", "api"), Now: time.Now,
		}),
		ReadHeaderTimeout: headerTime, ReadTimeout: readTime, WriteTimeout: writeTime, IdleTimeout: idleTime,
		MaxHeaderBytes: maxHeader, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	s.http.RegisterOnShutdown(s.live.Stop)
}

// URL is the address at which the server is reached from this machine.
func (s *Server) URL() string {
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Run serves until ctx ends: requests under way are then finished within
// SHUTDOWN_TIMEOUT, and the workers stop. It returns nil for an orderly end.
func (s *Server) Run(ctx context.Context) error {
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, failed := errgroup.WithContext(work)
	for _, worker := range []func(context.Context) error{s.lead, s.receiver.Run, s.sweeper.Run} {
		g.Go(func() error { return worker(failed) })
	}
	g.Go(func() error {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving HTTP: %w", err)
		}
		return nil
	})
	s.log.Info("serving", "url", s.URL(), "repository", s.cfg.Repository, "github", s.cfg.GitHubServerURL, "database", s.cfg.database())
	select {
	case <-ctx.Done():
	case <-failed.Done():
	}
	err := s.shutdown()
	stop()
	return errors.Join(err, g.Wait())
}

// shutdown ends HTTP first, so that what was answered is stored by then.
func (s *Server) shutdown() error {
	s.log.Info("stopping")
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off after SHUTDOWN_TIMEOUT (%s): %w", s.cfg.ShutdownTimeout, err), s.http.Close())
	}
	return nil
}

// Close releases port and database. Run must have returned, or never been called.
func (s *Server) Close() error {
	var errs []error
	s.contact.base.CloseIdleConnections()
	if s.listener != nil {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// accepted sets the workers to a job, a request to cancel one, or an end that was stored.
func (s *Server) accepted() {
	s.keeper.Wake()
	s.dispatcher.Wake()
	s.controller.Wake()
	s.reconciler.Wake()
}
