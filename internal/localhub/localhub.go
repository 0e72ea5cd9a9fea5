// Package localhub is GitHub on one machine, in one process: git over smart HTTP, the REST API, webhooks and Actions, for trying the product, for
// end-to-end tests and for finding out what happens when GitHub misbehaves.
//
// It is the other side of the wire: nothing in it may import the job model, the server or the agent, and only cmd/dev and tests import it.
package localhub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/internal/localhub/actions"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/hooks"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Config says where a localhub listens and keeps its data.
type Config struct {
	Addr      string // to listen on; default 127.0.0.1:0, any free port
	DataDir   string // required; created when absent; one process at a time
	ServerURL string // under which it is reached; default http://<address listened on>

	Runners     int           // jobs of workflows at the same time; default 4
	RunnerPath  []string      // folders that go before PATH in the steps of workflows
	CancelGrace time.Duration // for the always() steps of cancelled jobs; default GitHub's 5 minutes

	Wrap   func(http.Handler) http.Handler // put around the handler of all requests, for tests that record them; optional
	Limits rest.Limits                     // rate limits; zero: GitHub's
	Now    func() time.Time                // default time.Now
	Logger *slog.Logger                    // default slog.Default()
}

// Server is a running localhub.
type Server struct {
	cfg      Config
	lock     *flock.Flock
	db       *state.DB
	git      *gitrepo.Store
	bus      *event.Bus
	hooks    *hooks.Deliverer
	actions  *actions.Engine
	rest     *rest.Service
	listener net.Listener
	handler  http.Handler
	requests requestLog
	faults   *faults.Set
	healed   atomic.Bool // what an earlier process has left is taken up
}

// New opens the data and listens, so that URL is known; requests are answered once Run is called. Close must be called in any case.
func New(cfg Config) (*Server, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("localhub: DataDir is not set: name a folder for its data")
	}
	cfg.Addr = cmp.Or(cfg.Addr, "127.0.0.1:0")
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Server{cfg: cfg, bus: &event.Bus{}, faults: &faults.Set{}}
	s.cfg.Now = s.faults.Clock(cfg.Now)
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("localhub: %w", err), s.Close())
	}
	if err := s.wire(); err != nil {
		return nil, errors.Join(fmt.Errorf("localhub: %w", err), s.Close())
	}
	return s, nil
}

// open takes the data folder and the address.
func (s *Server) open() (err error) {
	dir := s.cfg.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil { // secrets and private repositories are in it
		return err
	}
	lock := flock.New(filepath.Join(dir, "lock"))
	if ok, err := lock.TryLock(); err != nil {
		return fmt.Errorf("lock %s: %w", dir, err)
	} else if !ok {
		return fmt.Errorf("%s is in use by another localhub: stop that one, or choose another data folder", dir)
	}
	s.lock = lock
	if s.db, err = state.Open(filepath.Join(dir, "state.db")); err != nil {
		return err
	}
	if err := s.addBuiltin(); err != nil {
		return err
	}
	s.git = gitrepo.NewStore(filepath.Join(dir, "git"))
	if s.listener, err = net.Listen("tcp", s.cfg.Addr); err != nil {
		return fmt.Errorf("%w: choose another address", err)
	}
	s.cfg.ServerURL = strings.TrimSuffix(cmp.Or(s.cfg.ServerURL, "http://"+reachable(s.listener.Addr())), "/")
	return nil
}

// reachable is an address under which clients on this machine find the listener, also when it listens on all.
func reachable(addr net.Addr) string {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
	}
	return addr.String()
}

func (s *Server) wire() (err error) {
	payloads := hooks.Payloads{DB: s.db, Git: s.git, URL: s.cfg.ServerURL}
	s.hooks = hooks.New(payloads, s.cfg.Now, s.cfg.Logger)
	s.hooks.Faults = s.faults
	s.actions, err = actions.New(actions.Config{DB: s.db, Bus: s.bus, Git: s.git, Payload: payloads.Build, ServerURL: s.cfg.ServerURL,
		DataDir: filepath.Join(s.cfg.DataDir, "actions"), Runners: s.cfg.Runners, Env: actions.Environment(s.cfg.RunnerPath...),
		Grace: s.cfg.CancelGrace, BotID: actionsBot.ID, Now: s.cfg.Now, Log: s.cfg.Logger, Faults: s.faults})
	if err != nil {
		return err
	}
	s.bus.Subscribe(s.hooks.Enqueue)
	s.bus.Subscribe(s.actions.Enqueue)
	s.rest = &rest.Service{DB: s.db, Bus: s.bus, Git: s.git, Hooks: s.hooks, Actions: s.actions, ServerURL: s.cfg.ServerURL, Now: s.cfg.Now, Log: s.cfg.Logger,
		Limits: s.cfg.Limits, Faults: s.faults}
	mux := http.NewServeMux()
	mux.Handle(rest.Prefix+"/", s.rest.Handler())
	mux.Handle("/_services/", s.actions.Handler())
	mux.Handle(faults.Path, s.faults.Handler(s.cfg.ServerURL))
	mux.Handle(faults.Path+"/", s.faults.Handler(s.cfg.ServerURL))
	mux.Handle("/", s.pages())
	s.handler = s.requests.record(s.cfg.Now, sameSite(s.withGit(mux)))
	if s.cfg.Wrap != nil {
		s.handler = s.cfg.Wrap(s.handler)
	}
	return nil
}

// sameSite refuses what a page of another site makes a browser send to change something: once signed in here, the browser adds the token to that
// too. Programs, which are no browsers, send none of the headers that tell.
func sameSite(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(http.StatusForbidden)
		io.WriteString(w, `{"message":"A page of another site has sent this; only pages of localhub may change something."}`) // an error: the client has gone
	}))
	return protection.Handler(next)
}

// URL is the server's address, without a slash at the end; GITHUB_SERVER_URL for its clients.
func (s *Server) URL() string { return s.cfg.ServerURL }

// Handler answers all requests, for those who serve it themselves.
func (s *Server) Handler() http.Handler { return s.handler }

// Faults are what goes wrong on purpose; the same that are served under faults.Path. They are not kept over a restart.
func (s *Server) Faults() *faults.Set { return s.faults }

// Run serves until ctx ends, then stops in order and returns nil. It can be called once.
func (s *Server) Run(ctx context.Context) error {
	s.rest.Heal(ctx)
	s.healed.Store(true)
	group, ctx := errgroup.WithContext(ctx)
	server := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second}
	// Hooks and Actions end after the last request: a push that was answered has its events.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group.Go(func() error { return s.hooks.Run(work) })
	group.Go(func() error { return s.actions.Run(work) })
	group.Go(func() error {
		if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("localhub: %w", err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		defer stop()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(grace); err != nil {
			return server.Close()
		}
		return nil
	})
	return group.Wait()
}

// Close gives the address and the data folder free. Call it after Run has returned.
func (s *Server) Close() error {
	var errs []error
	if s.listener != nil {
		if err := s.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	if s.rest != nil {
		s.rest.Close()
	}
	if s.git != nil {
		errs = append(errs, s.git.Close())
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Unlock())
	}
	return errors.Join(errs...)
}

// WaitIdle returns when Run has begun, no workflow run is queued or in progress and no webhook is waiting or on its way, or when ctx ends.
func (s *Server) WaitIdle(ctx context.Context) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !s.healed.Load() || s.actions.Pending()+s.hooks.Pending() > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("localhub is not idle: %d workflow runs and %d webhooks pending: %w", s.actions.Pending(), s.hooks.Pending(), context.Cause(ctx))
		case <-tick.C:
		}
	}
	return nil
}
