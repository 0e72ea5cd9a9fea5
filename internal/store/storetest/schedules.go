package storetest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

func nightly() store.Schedule {
	return store.Schedule{
		Name: "nightly", Source: store.SourceAPI, CreatedAt: Now, UpdatedAt: Now.Add(time.Minute), Since: Now.Add(time.Hour), LastJob: "j",
		Plan:     store.Plan{Cron: "0 3 * * *", TimeZone: "Europe/Berlin", Job: githubjobs.Spec{Prompt: "x", Config: []byte(`{"a":1}`)}, Concurrency: store.Forbid, CatchUp: store.CatchUpAll, Paused: true},
		LastTick: store.Tick{At: Now, Outcome: store.OutcomeSkipped, JobID: "i", Passed: 2},
	}
}

// readSchedule returns the schedule as it is stored.
func readSchedule(t *testing.T, s store.Store) store.Schedule {
	t.Helper()
	got, err := s.Schedule(t.Context(), project, "nightly")
	ok(t, err)
	return got
}

func schedules(t *testing.T, _ *clock, s store.Store) {
	if _, err := s.Schedule(t.Context(), project, "nightly"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
	want := nightly()
	ok(t, s.SaveSchedule(t.Context(), project, want, nil))
	got := readSchedule(t, s)
	if got.Revision == 0 {
		t.Error("what is stored has no revision")
	}
	if want.Revision = got.Revision; !reflect.DeepEqual(got, want) {
		t.Errorf("stored %+v\nread   %+v", want, got)
	}
	if err := s.SaveSchedule(t.Context(), project, nightly(), nil); !errors.Is(err, store.ErrChanged) {
		t.Errorf("another new one of the same name: %v", err)
	}
	got.Paused = false
	ok(t, s.SaveSchedule(t.Context(), project, got, nil))
	if err := s.SaveSchedule(t.Context(), project, got, nil); !errors.Is(err, store.ErrChanged) {
		t.Errorf("an old revision: %v", err)
	}
	if err := s.DeleteSchedule(t.Context(), project, got.Name, got.Revision); !errors.Is(err, store.ErrChanged) {
		t.Errorf("removing an old revision: %v", err)
	}
	other := nightly()
	other.Name = "early"
	ok(t, s.SaveSchedule(t.Context(), project, other, nil))
	ok(t, s.SaveSchedule(t.Context(), "other", other, nil))
	list, err := s.Schedules(t.Context(), project)
	ok(t, err)
	if len(list) != 2 || list[0].Name != "early" || list[1].Name != "nightly" || list[1].Paused {
		t.Errorf("listed %+v", list)
	}
	ok(t, s.DeleteSchedule(t.Context(), project, "nightly", list[1].Revision))
	if list, err := s.Schedules(t.Context(), project); err != nil || len(list) != 1 {
		t.Errorf("after its removal: %+v, %v", list, err)
	}
	if err := s.SaveSchedule(t.Context(), project, list[1], nil); !errors.Is(err, store.ErrChanged) {
		t.Errorf("one that was removed: %v", err)
	}
}

// A job and the schedule's memory of it are written together, or neither is.
func scheduledJob(t *testing.T, _ *clock, s store.Store) {
	ok(t, s.SaveSchedule(t.Context(), project, nightly(), nil))
	before := readSchedule(t, s)
	job := &githubjobs.Spec{ID: "tick", Schedule: "nightly", CreatedAt: Now}
	after := before
	after.LastJob = job.ID
	ok(t, s.SaveSchedule(t.Context(), project, after, job))
	if list, err := s.Waiting(t.Context(), project, 9); err != nil || len(list) != 1 || list[0].Spec.Schedule != "nightly" {
		t.Errorf("waiting %+v, %v", list, err)
	}
	after = readSchedule(t, s)
	for name, c := range map[string]struct {
		id       string
		schedule store.Schedule
		want     error
	}{"its id is taken": {"tick", after, store.ErrExists}, "the schedule changed": {"late", before, store.ErrChanged}} {
		c.schedule.LastJob = name
		if err := s.SaveSchedule(t.Context(), project, c.schedule, &githubjobs.Spec{ID: c.id, CreatedAt: Now}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Facts(t.Context(), project, "late"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a job of a schedule that changed: %v", err)
	}
	if got := readSchedule(t, s); got.LastJob != "tick" || got.Revision != after.Revision {
		t.Errorf("the schedule became %+v", got)
	}
}

// Of all that change a schedule at once, one does.
func scheduleRace(t *testing.T, _ *clock, s store.Store) {
	for _, schedule := range []func() store.Schedule{nightly, func() store.Schedule { return readSchedule(t, s) }} {
		one := schedule()
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				job := &githubjobs.Spec{ID: fmt.Sprintf("j%d-%d", one.Revision, i), CreatedAt: Now}
				if err := s.SaveSchedule(t.Context(), project, one, job); err == nil {
					won.Add(1)
				} else if !errors.Is(err, store.ErrChanged) {
					t.Error(err)
				}
			})
		}
		if wg.Wait(); won.Load() != 1 {
			t.Errorf("%d have changed it", won.Load())
		}
	}
	if c, err := s.Counts(t.Context(), project); err != nil || c.Waiting != 2 {
		t.Errorf("counts %+v, %v", c, err)
	}
}
