package schedule

import (
	"context"
	"errors"
	"slices"
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
		var refusal error // changed while all others sleep
		s.Admit = func(_ context.Context, spec *githubjobs.Spec) error {
			if spec.Base != "main" || spec.ID == "" {
				t.Errorf("asked about %+v", spec)
			}
			return refusal
		}
		stop := run(t, s)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		first := m.last().LastJob
		refusal = keyless
		time.Sleep(time.Minute + longest)
		synctest.Wait()
		if l := m.last(); l.LastTick != (store.Tick{At: l.LastTick.At, Outcome: store.OutcomeRefused, Why: keyless.Error()}) || l.LastTick.At.Format("15:04:05") != "00:02:00" || l.LastJob != first {
			t.Errorf("%+v", l)
		}
		if f := m.jobs[first]; f.Cancel != nil || !slices.Equal(s.State().Refused, []string{"s"}) || s.State().Problem != nil {
			t.Errorf("%+v, %+v", f, s.State())
		}
		if _, err := s.Trigger(t.Context(), "s", ""); !errors.Is(err, ErrRefused) || !errors.Is(err, keyless) || m.jobs[first].Cancel != nil {
			t.Errorf("%v", err)
		}
		refusal = nil
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		if got := m.created(); !slices.Equal(got, []string{"00:01:00", "00:03:00"}) || m.jobs[first].Cancel == nil || m.last().LastTick.Why != "" || len(s.State().Refused) != 0 {
			t.Errorf("created at %q, %+v, %+v", got, m.last(), s.State())
		}
	})
}
