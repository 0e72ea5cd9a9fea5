package schedule

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

// A schedule that cannot be read starts nothing, and keeps no other from it.
func TestDamagedSchedule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		m.schedules["s"] = minutely(func(*store.Schedule) {})
		m.schedules["broken"] = store.Schedule{Name: "broken", Revision: 1, Damaged: true}
		s := newScheduler(m)
		stop := run(t, s)
		time.Sleep(2*time.Minute + time.Second)
		stop()
		if got := m.created(); !slices.Equal(got, []string{"00:01:00", "00:02:00"}) || s.State().Problem != nil {
			t.Errorf("created at %q, %v", got, s.State().Problem)
		}
		if _, err := s.Trigger(t.Context(), "broken", ""); !errors.Is(err, ErrDamaged) || !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("triggered: %v", err)
		}
	})
}
