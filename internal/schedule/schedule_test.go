package schedule

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// minutely is a schedule with a tick each minute, made now.
func minutely(change func(*store.Schedule)) store.Schedule {
	s := store.Schedule{Name: "s", Since: time.Now(), Plan: store.Plan{
		Cron: "* * * * *", TimeZone: "UTC", Concurrency: store.Allow, CatchUp: store.CatchUpLast, Job: githubjobs.Spec{Kind: githubjobs.KindReport, Prompt: "x"},
	}}
	change(&s)
	return s
}

func newScheduler(m *memory) *Scheduler {
	return New(Options{
		Project: "p", Store: m, Base: func(context.Context) (string, error) { return "main", nil },
		Accepted: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
}

// run runs a scheduler until the returned function is called.
func run(t *testing.T, s *Scheduler) (stop func()) { return runs(t, s.Run) }

func runs(t *testing.T, work func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- work(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// The clock of synctest begins at midnight UTC of January 1st, 2000.
func TestTicksStartJobs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.schedules["s"] = minutely(func(s *store.Schedule) { s.Job.Title = "Each minute" })
		stop := run(t, newScheduler(m))
		time.Sleep(3*time.Minute + time.Second)
		stop()
		if got := m.created(); !slices.Equal(got, []string{"00:01:00", "00:02:00", "00:03:00"}) {
			t.Errorf("created at %q", got)
		}
		spec := m.jobs[m.order[2]].Spec
		if err := spec.Validate(); err != nil || spec.Schedule != "s" || spec.Base != "main" || spec.Title != "Each minute" || spec.Request == "" {
			t.Errorf("%+v, %v", spec, err)
		}
		if l := m.last(); l.LastJob != spec.ID || l.LastTick.JobID != spec.ID || l.LastTick.Outcome != store.OutcomeStarted || l.LastTick.At.Format("15:04:05") != "00:03:00" {
			t.Errorf("%+v", l)
		}
	})
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	for policy, want := range map[store.Concurrency]struct {
		created  []string
		canceled int
	}{
		store.Allow:   {[]string{"00:01:00", "00:02:00", "00:03:00", "00:04:00"}, 0},
		store.Forbid:  {[]string{"00:01:00", "00:04:00"}, 0},
		store.Replace: {[]string{"00:01:00", "00:02:00", "00:03:00", "00:04:00"}, 2},
	} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.schedules["s"] = minutely(func(s *store.Schedule) { s.Concurrency = policy })
				stop := run(t, newScheduler(m))
				time.Sleep(3*time.Minute + time.Second)
				synctest.Wait()
				if l := m.last(); policy == store.Forbid && (l.LastTick.Outcome != store.OutcomeSkipped || l.LastTick.JobID != "" || l.LastJob != m.order[0]) {
					t.Errorf("%+v", l)
				}
				m.end(m.last().LastJob)
				time.Sleep(time.Minute)
				stop()
				canceled := 0
				for _, f := range m.jobs {
					if f.Cancel != nil && f.Cancel.By == "The schedule s" {
						canceled++
					}
				}
				if got := m.created(); !slices.Equal(got, want.created) || canceled != want.canceled {
					t.Errorf("created at %q, %d cancelled", got, canceled)
				}
			})
		})
	}
}

// A server that was away finds ten ticks, all of them late; one that comes within a
// minute finds one that is not.
func TestCatchUp(t *testing.T) {
	t.Parallel()
	for policy, want := range map[store.CatchUp]struct {
		jobs    int
		outcome store.Outcome
		passed  int
	}{store.CatchUpNone: {0, store.OutcomePassed, 9}, store.CatchUpLast: {1, store.OutcomeStarted, 9}, store.CatchUpAll: {10, store.OutcomeStarted, 0}} {
		t.Run(string(policy), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.schedules["s"] = minutely(func(s *store.Schedule) { s.CatchUp, s.Cron = policy, "1-10 * * * *" })
				time.Sleep(30 * time.Minute)
				for range 2 { // the second one finds nothing more to do
					stop := run(t, newScheduler(m))
					synctest.Wait()
					stop()
					if l := m.last().LastTick; len(m.order) != want.jobs || l.Outcome != want.outcome || l.Passed != want.passed || l.At.Format("15:04") != "00:10" {
						t.Errorf("%d jobs, %+v", len(m.order), l)
					}
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.schedules["s"] = minutely(func(s *store.Schedule) { s.CatchUp = store.CatchUpNone })
		time.Sleep(time.Minute + OnTime)
		stop := run(t, newScheduler(m))
		synctest.Wait()
		if stop(); len(m.order) != 2 {
			t.Errorf("created at %q", m.created())
		}
	})
}

// Whenever a server dies, before a write or after it, and also where two believe that
// they lead, each tick starts one job.
func TestOneJobATick(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(n int) (before, after error){
		"before a write":           func(n int) (error, error) { return each(2, n), nil },
		"after a write":            func(n int) (error, error) { return nil, each(2, n) },
		"before three in a row":    func(n int) (error, error) { return each(4, n+1), each(4, n) },
		"sometimes":                func(n int) (error, error) { return each(3, n), each(5, n) },
		"two servers, and nothing": func(int) (error, error) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				n := 0
				m.fail = func(*githubjobs.Spec) (error, error) { n++; return fail(n) }
				m.schedules["s"] = minutely(func(s *store.Schedule) { s.CatchUp = store.CatchUpAll })
				one, other := run(t, newScheduler(m)), run(t, newScheduler(m))
				for range 10 {
					time.Sleep(time.Minute)
					one() // a new process has no memory but the store
					one = run(t, newScheduler(m))
				}
				time.Sleep(30 * time.Second)
				one()
				other()
				if len(m.order) != 10 || m.last().LastTick.JobID != m.order[9] || m.last().LastTick.At.Format("15:04") != "00:10" {
					t.Errorf("%d jobs at %q, %+v", len(m.order), m.created(), m.last().LastTick)
				}
			})
		})
	}
}

// each fails every so many times.
func each(times, n int) error {
	if n%times == 0 {
		return errDown
	}
	return nil
}

// A tick whose job is there is decided, although the schedule does not know it: its
// memory was lost with a database that was restored from a backup. The job that it
// started does not count as a previous one.
func TestMemoryLost(t *testing.T) {
	t.Parallel()
	for _, policy := range store.Concurrencies() {
		synctest.Test(t, func(t *testing.T) {
			m := newMemory()
			m.schedules["s"] = minutely(func(s *store.Schedule) { s.Concurrency = policy })
			backup := m.last()
			stop := run(t, newScheduler(m))
			time.Sleep(time.Minute + time.Second)
			stop()
			m.schedules["s"] = backup
			stop = run(t, newScheduler(m))
			synctest.Wait()
			stop()
			if l := m.last(); len(m.order) != 1 || l.LastJob != m.order[0] || l.LastTick.Outcome != store.OutcomeStarted || l.LastTick.JobID != m.order[0] || m.jobs[m.order[0]].Cancel != nil {
				t.Errorf("%s: %d jobs, %+v", policy, len(m.order), l)
			}
		})
	}
}

func TestPausedAndChanged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.schedules["s"] = minutely(func(s *store.Schedule) { s.Paused = true })
		s := newScheduler(m)
		stop := run(t, s)
		time.Sleep(2*time.Minute + 30*time.Second)
		resumed := m.last()
		resumed.Paused, resumed.Since = false, time.Now()
		if err := m.SaveSchedule(t.Context(), "p", resumed, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		stop()
		if got := m.created(); !slices.Equal(got, []string{"00:03:00"}) {
			t.Errorf("created at %q", got)
		}
	})
}

func TestTrigger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.schedules["s"] = minutely(func(s *store.Schedule) { s.Paused, s.Concurrency = true, store.Forbid })
		s := newScheduler(m)
		first, err := s.Trigger(t.Context(), "s", "k")
		if err != nil || first.Again || first.Facts.Spec.Schedule != "s" {
			t.Fatalf("%+v, %v", first, err)
		}
		if again, err := s.Trigger(t.Context(), "s", "k"); err != nil || !again.Again || again.Facts.ID != first.Facts.ID {
			t.Errorf("the same key: %+v, %v", again, err)
		}
		for _, k := range []string{"", "other"} {
			if busy, err := s.Trigger(t.Context(), "s", k); !errors.Is(err, ErrBusy) || busy.Facts.ID != first.Facts.ID {
				t.Errorf("while it runs: %+v, %v", busy, err)
			}
		}
		m.end(first.Facts.ID)
		for range 2 {
			next, err := s.Trigger(t.Context(), "s", "")
			if err != nil || next.Again {
				t.Errorf("after its end: %+v, %v", next, err)
			}
			m.end(next.Facts.ID)
		}
		if len(m.order) != 3 || m.last().LastTick != (store.Tick{}) {
			t.Errorf("%d jobs, %+v", len(m.order), m.last())
		}
		if _, err := s.Trigger(t.Context(), "nobody", ""); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown schedule: %v", err)
		}
	})
}

// One schedule that cannot be decided keeps no other, and says why.
func TestBaseUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.schedules["s"] = minutely(func(*store.Schedule) {})
		m.schedules["other"] = minutely(func(s *store.Schedule) { s.Name, s.Job.Base = "other", "release" })
		s := newScheduler(m)
		var known atomic.Bool
		s.Base = func(context.Context) (string, error) {
			if known.Load() {
				return "main", nil
			}
			return "", nil
		}
		stop := run(t, s)
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		if got := m.created(); !slices.Equal(got, []string{"00:01:00", "00:02:00"}) {
			t.Errorf("created at %q", got)
		}
		if p := s.State(); !errors.Is(p.Problem, ErrBaseUnknown) || !strings.Contains(p.Problem.Error(), "schedule s") || p.Since.Format("15:04:05") != "00:01:00" {
			t.Errorf("%+v", p)
		}
		known.Store(true)
		time.Sleep(retryMax)
		stop()
		if len(m.order) != 3 || s.State().Problem != nil {
			t.Errorf("created at %q, %v", m.created(), s.State().Problem)
		}
	})
}
