package server

import (
	"context"
	"time"
)

// How often the schedules of the repository are looked at although no push was heard of.
const (
	fileEvery  = time.Hour
	fileUntold = 5 * time.Minute // without webhooks
)

func (c Config) fileInterval() time.Duration {
	if c.WebhookSecret == "" {
		return fileUntold
	}
	return fileEvery
}

// base is the branch of jobs that name none; "" while it is not known. Right after
// the very first start it waits a little for GitHub's answer.
func (s *Server) base(ctx context.Context) (string, error) {
	if s.cfg.BaseBranch != "" {
		return s.cfg.BaseBranch, nil
	}
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	select {
	case <-s.baseKnown:
	case <-ctx.Done():
	}
	return s.baseNow(ctx)
}

// baseNow is base without waiting.
func (s *Server) baseNow(context.Context) (string, error) {
	if s.cfg.BaseBranch != "" {
		return s.cfg.BaseBranch, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.defaultBranch, nil
}

// learnBaseHead tells the leader, whichever server that is, that the branch which jobs
// start from has other rules.
func (s *Server) learnBaseHead(ctx context.Context, branch, head string) {
	if base, _ := s.baseNow(ctx); base != branch {
		return
	}
	if err := s.store.SetBaseHead(ctx, s.project, head); err != nil {
		s.log.Warn("that the rules on the base branch may have changed could not be noted; its schedules are read again later", "error", err)
		return
	}
	s.file.Wake()
}

// setDefaultBranch says whether the name is news.
func (s *Server) setDefaultBranch(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.defaultBranch == name || !validBase(name) {
		return false
	}
	if s.defaultBranch == "" {
		close(s.baseKnown)
	}
	s.defaultBranch = name
	return true
}

// learnDefaultBranch remembers what GitHub says, for the next start as well, when
// GitHub may be out of reach.
func (s *Server) learnDefaultBranch(name string) {
	if s.cfg.BaseBranch != "" || !s.setDefaultBranch(name) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), headerTime)
	defer cancel()
	if err := s.store.SetDefaultBranch(ctx, s.project, name); err != nil {
		s.log.Warn("the default branch could not be remembered for the next start", "error", err)
	}
	s.file.Wake() // which could not be read before
}
