package schedule

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// A tick whose job would only fail starts none, leaves the previous one alone, and says why. The
// next one starts its job when that was mended; a person is told at once.
func TestRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.schedules["s"] = minutely(func(s *store.Schedule) { s.Concurrency = store.Replace })
		s, keyless := newScheduler(m), errors.New("no key is set: set AGENT_X")
		var refuses atomic.Bool
		s.Admit = func(_ context.Context, spec *githubjobs.Spec) error {
			if spec.Base != "main" || spec.ID == "" {
				t.Errorf("asked about %+v", spec)
			}
			if refuses.Load() {
				return keyless
			}
			return nil
		}
		canceled := func(id string) bool {
			t.Helper()
			f, err := m.Facts(t.Context(), "p", id)
			if err != nil {
				t.Fatal(err)
			}
			return f.Cancel != nil
		}
		stop := run(t, s)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		first := m.last().LastJob
		refuses.Store(true)
		time.Sleep(time.Minute + longest)
		synctest.Wait()
		if l := m.last(); l.LastTick != (store.Tick{At: l.LastTick.At, Outcome: store.OutcomeRefused, Why: keyless.Error()}) || l.LastTick.At.Format("15:04:05") != "00:02:00" || l.LastJob != first {
			t.Errorf("%+v", l)
		}
		if canceled(first) || !slices.Equal(s.State().Refused, []string{"s"}) || s.State().Problem != nil {
			t.Errorf("%+v", s.State())
		}
		if _, err := s.Trigger(t.Context(), "s", ""); !errors.Is(err, ErrRefused) || !errors.Is(err, keyless) || canceled(first) {
			t.Errorf("%v", err)
		}
		refuses.Store(false)
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		if got := m.created(); !slices.Equal(got, []string{"00:01:00", "00:03:00"}) || !canceled(first) || m.last().LastTick.Why != "" || len(s.State().Refused) != 0 {
			t.Errorf("created at %q, %+v, %+v", got, m.last(), s.State())
		}
	})
}
