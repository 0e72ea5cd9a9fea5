package storetest

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

// ScheduleDamage holds a store to what it promises of a schedule that cannot be read. open gives
// an empty store that logs to the given logger; write puts a text in the place of a schedule.
func ScheduleDamage(t *testing.T, open func(t *testing.T, now func() time.Time, log *slog.Logger) (s store.Store, write func(name, body string))) {
	for name, body := range map[string]string{"no JSON": `{"cron":`, "nothing": `{}`, "another type": `{"cron":7}`, "an empty text": ``} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log logged
			s, write := open(t, (&clock{at: Now}).now, slog.New(slog.NewTextHandler(&log, nil)))
			t.Cleanup(func() { ok(t, s.Close()) })
			plan := store.Plan{Cron: "@daily", TimeZone: "UTC"}
			for _, name := range []string{"a", "b"} {
				ok(t, s.SaveSchedule(t.Context(), project, store.Schedule{Name: name, Plan: plan}, nil))
			}
			write("a", body)
			for range 2 {
				list, err := s.Schedules(t.Context(), project)
				ok(t, err)
				if len(list) != 2 || list[0].Name != "a" || !list[0].Damaged || list[0].Revision == 0 || list[1].Damaged || list[1].Cron != "@daily" {
					t.Fatalf("schedules %+v", list)
				}
			}
			if n := strings.Count(log.String(), "schedule=a"); n != 1 {
				t.Errorf("the schedule is named %d times in the log, want 1:\n%s", n, log.String())
			}
			one, err := s.Schedule(t.Context(), project, "a")
			ok(t, err)
			one.Plan, one.Damaged = plan, false
			ok(t, s.SaveSchedule(t.Context(), project, one, nil))
			if one, err = s.Schedule(t.Context(), project, "a"); err != nil || one.Damaged || one.Cron != "@daily" {
				t.Errorf("mended: %+v, %v", one, err)
			}
			write("a", body)
			ok(t, s.DeleteSchedule(t.Context(), project, "a", one.Revision))
		})
	}
}
