// Package schedule starts the jobs of schedules: at every tick of their cron expression
// one job, whichever servers die or share the database, and at once when a person asks.
//
// Times says when the ticks are, Due which of them are to be decided, and Decide what is
// done where the previous job has not ended; all three are pure. The Scheduler of the
// leader acts on them. A tick's job has an id that schedule and tick alone decide, and is
// stored in one transaction with the schedule's memory of it.
//
// It imports githubjobs, internal/store and robfig/cron.
package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	// longest is how long the scheduler sleeps at most, so that it finds a schedule that
	// another server took, well within OnTime.
	longest  = 5 * time.Second
	retryMin = time.Second
	retryMax = 30 * time.Second
)

// Store is what the package needs of the store; package store describes the methods.
type Store interface {
	store.Schedules
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	MergeFacts(ctx context.Context, project string, facts ...githubjobs.Facts) error
}

// Options are what a Scheduler is made of. Every field but Admit must be set.
type Options struct {
	Project string
	Store   Store
	// Admit fills in what the server chooses for a job. Its error says, for people, why no such job
	// is taken now. nil takes all as they are.
	Admit func(ctx context.Context, spec *githubjobs.Spec) error
	// Base returns the branch of jobs that name none; "" while it is not known.
	Base func(ctx context.Context) (string, error)
	// Accepted is called after a job, or a request to cancel one, was stored.
	Accepted func()
	Log      *slog.Logger
	Now      func() time.Time
}

// Scheduler starts the jobs of one project's schedules.
type Scheduler struct {
	Options
	wake     chan struct{}
	failures int // in a row; used by Run alone

	mu    sync.Mutex
	state State
	shut  []string // names of the schedules whose newest tick was refused
}

// State says how the scheduler gets on.
type State struct {
	Problem error     // of the last look at the schedules; nil when that went through
	Since   time.Time // of Problem
	// Refused names the schedules, but for paused ones, that started no job at their newest tick
	// since Admit refuses it.
	Refused []string
}

// New returns a scheduler; Run makes it work. Trigger does without Run.
func New(o Options) *Scheduler { return &Scheduler{Options: o, wake: make(chan struct{}, 1)} }

// State says how the scheduler gets on.
func (s *Scheduler) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.state
	state.Refused = slices.Clone(s.shut)
	return state
}

// Wake tells that a schedule was changed. It never blocks.
func (s *Scheduler) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Run decides ticks as they come until ctx ends. It may be called again after it has
// returned. Only the leader of the project runs it.
func (s *Scheduler) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		next, err := s.round(ctx)
		if ctx.Err() != nil {
			break
		}
		pause := longest
		if s.note(err); err != nil {
			pause = min(retryMin<<min(s.failures-1, 5), retryMax)
			s.Log.Error("a schedule could not be decided; it will be tried again", "error", err, "again_in", pause)
		}
		if !next.IsZero() {
			pause = min(pause, next.Sub(s.Now()))
		}
		wait(ctx, pause, s.wake, s.failures > 0)
	}
	return nil
}

func (s *Scheduler) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failures++; err == nil {
		s.failures, s.state = 0, State{}
		return
	}
	if s.state.Problem == nil {
		s.state.Since = s.Now()
	}
	s.state.Problem = err
}

// wait waits for a time, and no longer than until it is woken; what failed is not tried
// again before its time.
func wait(ctx context.Context, d time.Duration, wake chan struct{}, failed bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	if failed {
		wake = nil
	}
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
	}
}

// round decides every tick that is due and says when the next one is; zero for never.
// One schedule that fails does not keep the others.
func (s *Scheduler) round(ctx context.Context) (next time.Time, err error) {
	list, err := s.Store.Schedules(ctx, s.Project)
	if err != nil {
		return time.Time{}, err
	}
	var errs []error
	var shut []string
	for _, one := range list {
		if one.Paused || one.Damaged {
			continue
		}
		if one.LastTick.Outcome == store.OutcomeRefused {
			shut = append(shut, one.Name)
		}
		times, err := Parse(one.Cron, one.TimeZone)
		if err == nil {
			err = s.decideAll(ctx, one, times)
		}
		if errors.Is(err, store.ErrChanged) {
			s.Wake() // it is looked at again as it is now
			continue
		}
		if errors.Is(err, errUnread) {
			continue // it is looked at again within longest
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("schedule %s: %w", one.Name, err))
			continue
		}
		if tick := times.Next(s.Now()); next.IsZero() || tick.Before(next) {
			next = tick
		}
	}
	s.mu.Lock()
	s.shut = shut
	s.mu.Unlock()
	return next, errors.Join(errs...)
}

// decideAll decides the due ticks of one schedule.
func (s *Scheduler) decideAll(ctx context.Context, one store.Schedule, times Times) error {
	due := times.Due(one.Since, s.Now(), one.CatchUp)
	if due.Until.IsZero() {
		return nil
	}
	passed := due.Passed
	for _, tick := range due.Start {
		one.Since, one.LastTick = tick, store.Tick{At: tick, Passed: passed}
		if _, err := s.begin(ctx, one, tickKey(one.Name, tick), true); err != nil {
			return err
		}
		var err error
		if one, err = s.Store.Schedule(ctx, s.Project, one.Name); err != nil {
			return gone(err)
		}
		if one.Paused || !one.Since.Equal(tick) {
			return store.ErrChanged
		}
		passed = 0
	}
	if len(due.Start) > 0 {
		return nil
	}
	s.Log.Warn("ticks of a schedule are passed over: they are late", "schedule", one.Name, "ticks", due.Passed, "newest", due.Until)
	one.Since, one.LastTick = due.Until, store.Tick{At: due.Until, Outcome: store.OutcomePassed, Passed: due.Passed - 1}
	return s.Store.SaveSchedule(ctx, s.Project, one, nil)
}

// gone takes a schedule that was removed meanwhile for one that was changed.
func gone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrChanged
	}
	return err
}
