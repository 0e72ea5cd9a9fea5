package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	leadSoon    = time.Second     // who does not lead by then stands in reserve
	leadAgain   = 2 * time.Second // after the database could not be asked for the lead
	followEvery = 5 * time.Second // how often a server in reserve looks what the leader has learnt
	rebuildWait = 3 * time.Second // how long a rebuild waits for the lead
)

// role says whether this server leads its project: of several on one database only one
// pushes and reads GitHub. All of them take jobs and webhooks, and answer.
type role struct {
	mu     sync.Mutex
	leads  bool
	waits  bool      // another one was found to lead
	known  time.Time // in reserve: until when everything on GitHub is known
	reason error     // why it does not lead, where that is not another server
}

func (r *role) set(leads bool, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leads, r.waits, r.reason = leads, false, reason
}

func (r *role) get() (leads, waits bool, known time.Time, reason error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leads, r.waits, r.known, r.reason
}

// lead works on the repository whenever this server leads, until ctx ends.
func (s *Server) lead(ctx context.Context) error {
	for ctx.Err() == nil {
		lease, err := s.await(ctx)
		if err != nil {
			if s.role.set(false, err); ctx.Err() == nil {
				s.log.Error("the database does not say which server leads; it will be asked again", "error", err)
				_ = hub.Sleep(ctx, leadAgain) // its error is that ctx ended, which the loop sees
			}
			continue
		}
		s.role.set(true, nil)
		s.log.Info("leading: this server pushes jobs and reads GitHub")
		err = s.work(ctx, lease)
		s.role.set(false, nil)
		lease.Release()
		if err != nil && !errors.Is(err, store.ErrLost) {
			return err
		}
		if ctx.Err() == nil {
			s.log.Warn("another server may lead by now: this one stands by")
		}
	}
	return nil
}

// await waits for the lead, and follows the leader meanwhile.
func (s *Server) await(ctx context.Context) (store.Lease, error) {
	ctx, cancel := context.WithCancel(ctx)
	var follower sync.WaitGroup
	defer follower.Wait()
	defer cancel()
	follower.Go(func() {
		for pause := leadSoon; hub.Sleep(ctx, pause) == nil; pause = followEvery {
			s.follow(ctx)
		}
	})
	return s.store.Lead(ctx, s.project, s.accepted)
}

// follow takes over what the leader has learnt of the repository.
func (s *Server) follow(ctx context.Context) {
	p, err := s.store.Project(ctx, s.project)
	if err != nil {
		return // readiness tells what is wrong with the database
	}
	s.setDefaultBranch(p.DefaultBranch)
	s.role.mu.Lock()
	s.role.known, s.role.waits = p.ReconciledAt, true
	s.role.mu.Unlock()
}

// work runs the parts of which a project has one, until ctx ends or the lead is lost.
func (s *Server) work(ctx context.Context, lease store.Lease) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.dispatcher.Run(ctx, lease) })
	g.Go(func() error { return s.reconciler.Run(ctx) })
	g.Go(func() error { return s.diagnoser.Run(ctx) })
	g.Go(func() error { return s.controller.Run(ctx) })
	g.Go(func() error { return s.keeper.Run(ctx, lease) })
	g.Go(func() error { return s.scheduler.Run(ctx) })
	g.Go(func() error { return s.file.Run(ctx) })
	g.Go(func() error { return s.limiter.Run(ctx) })
	g.Go(func() error { return s.notary.Run(ctx) })
	g.Go(func() error { return s.branches.Run(ctx) })
	g.Go(func() error { return s.gate.Run(ctx, lease) })
	g.Go(func() error {
		select {
		case <-lease.Lost():
			return store.ErrLost
		case <-ctx.Done():
			return nil
		}
	})
	return g.Wait()
}

// alone takes the lead for what must not run beside a server.
func (s *Server) alone(ctx context.Context) (store.Lease, error) {
	within, cancel := context.WithTimeout(ctx, rebuildWait)
	defer cancel()
	lease, err := s.store.Lead(within, s.project, func() {})
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("a server runs on %s: stop it before", s.cfg.database())
	}
	return lease, err
}
