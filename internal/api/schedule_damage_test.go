package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// damagedSchedules cannot read the schedule that has a revision.
type damagedSchedules struct {
	inner
	revision int64
}

type inner interface{ store.Schedules }

func (d *damagedSchedules) judge(s store.Schedule) store.Schedule {
	if s.Revision == d.revision {
		return store.Schedule{Name: s.Name, Revision: s.Revision, Damaged: true}
	}
	return s
}

func (d *damagedSchedules) Schedule(ctx context.Context, project, name string) (store.Schedule, error) {
	s, err := d.inner.Schedule(ctx, project, name)
	return d.judge(s), err
}

func (d *damagedSchedules) Schedules(ctx context.Context, project string) ([]store.Schedule, error) {
	list, err := d.inner.Schedules(ctx, project)
	for i := range list {
		list[i] = d.judge(list[i])
	}
	return list, err
}

// What cannot be read of one schedule keeps no other; it can be made anew, or removed.
func TestDamagedSchedule(t *testing.T) {
	t.Parallel()
	var broken *damagedSchedules
	s := setup(t, func(o *Options) { broken = &damagedSchedules{inner: o.Schedules}; o.Schedules = broken })
	put := func(name string, want int) {
		t.Helper()
		if res := s.do(t, "PUT", "/api/schedules/"+name, `{"cron":"@daily","job":{"job":"x"}}`); res.StatusCode != want {
			t.Fatalf("%d %s", res.StatusCode, res.body)
		}
	}
	breakIt := func() {
		t.Helper()
		one, err := s.store.Schedule(t.Context(), "p", "a")
		if err != nil {
			t.Fatal(err)
		}
		broken.revision = one.Revision
	}
	put("a", 201)
	put("b", 201)
	breakIt()
	var list struct{ Schedules []Schedule }
	if res := s.do(t, "GET", "/api/schedules", ""); json.Unmarshal([]byte(res.body), &list) != nil || len(list.Schedules) != 1 || list.Schedules[0].Name != "b" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	for _, call := range [][2]string{{"GET", "a"}, {"POST", "a/pause"}, {"POST", "a/resume"}} {
		res := s.do(t, call[0], "/api/schedules/"+call[1], "")
		if p := res.problem(t); res.StatusCode != 503 || p.Code != problem.StorageUnavailable || !strings.Contains(p.Message, "PUT it again") {
			t.Errorf("%v: %d %+v", call, res.StatusCode, p)
		}
	}
	put("a", 200)
	if res := s.do(t, "GET", "/api/schedules/a", ""); res.StatusCode != 200 {
		t.Errorf("made anew: %d %s", res.StatusCode, res.body)
	}
	breakIt()
	if res := s.do(t, "DELETE", "/api/schedules/a", ""); res.StatusCode != 204 {
		t.Errorf("removed: %d %s", res.StatusCode, res.body)
	}
}

func TestTooManySchedules(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range maxSchedules {
		one := store.Schedule{Name: fmt.Sprint("s-", i), Source: store.SourceAPI, Plan: store.Plan{Cron: "@daily", TimeZone: "UTC", Job: githubjobs.Spec{Kind: githubjobs.KindReport, Prompt: "x"}}}
		if err := s.store.SaveSchedule(t.Context(), "p", one, nil); err != nil {
			t.Fatal(err)
		}
	}
	const body = `{"cron":"@hourly","job":{"job":"x"}}`
	res := s.do(t, "PUT", "/api/schedules/one-more", body)
	if p := res.problem(t); res.StatusCode != 409 || p.Code != problem.TooManySchedules || !strings.Contains(p.Message, "at most 1000") {
		t.Errorf("%d %+v", res.StatusCode, p)
	}
	if res := s.do(t, "PUT", "/api/schedules/s-7", body); res.StatusCode != 200 {
		t.Errorf("a change: %d %s", res.StatusCode, res.body)
	}
	s.do(t, "DELETE", "/api/schedules/s-8", "")
	if res := s.do(t, "PUT", "/api/schedules/one-more", body); res.StatusCode != 201 {
		t.Errorf("in the place of another: %d %s", res.StatusCode, res.body)
	}
}
