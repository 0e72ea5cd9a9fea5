package schedule

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Check reports what is wrong with a plan, apart from its job, as a githubjobs.FieldError.
func Check(p store.Plan) error {
	if _, err := Parse(p.Cron, p.TimeZone); err != nil {
		return err
	}
	if err := oneOf("concurrency_policy", p.Concurrency, store.Concurrencies()); err != nil {
		return err
	}
	return oneOf("catch_up", p.CatchUp, store.CatchUps())
}

// CheckJob reports what is wrong with the jobs of a plan: any that will be started is good.
func CheckJob(name string, p store.Plan) error {
	base := p.Job.Base
	if base == "" {
		base = "main"
	}
	return Sample(name, p, base).Validate()
}

// Sample is the spec of a job of a plan, on a base.
func Sample(name string, p store.Plan, base string) githubjobs.Spec {
	spec, k := p.Job, tickKey(name, reference)
	spec.ID, spec.Request, spec.Schedule, spec.Base = githubjobs.KeyedID("", string(k)), k.request(), name, base
	spec.Normalize(reference)
	return spec
}

func oneOf[T ~string](field string, value T, all []T) error {
	if slices.Contains(all, value) {
		return nil
	}
	return &githubjobs.FieldError{Field: field, Message: fmt.Sprintf("%q is unknown; give one of %q", string(value), all)}
}

// Change gives a schedule another plan. changed is false when it says the same. Ticks
// before now do not count any more when its times are others, or when it was paused.
func Change(s store.Schedule, plan store.Plan, now time.Time) (_ store.Schedule, changed bool, err error) {
	if changed, err = differ(s.Plan, plan); err != nil || !changed {
		return s, false, err
	}
	now = now.UTC().Truncate(time.Millisecond)
	if s.CreatedAt.IsZero() {
		s.CreatedAt = now
	}
	if s.Since.IsZero() || s.Paused || s.Cron != plan.Cron || s.TimeZone != plan.TimeZone {
		s.Since = now
	}
	s.Plan, s.UpdatedAt = plan, now
	return s, true, nil
}

// differ compares plans as a store keeps them.
func differ(a, b store.Plan) (bool, error) {
	one, err := json.Marshal(a)
	if err != nil {
		return false, err
	}
	other, err := json.Marshal(b)
	return string(one) != string(other), err
}

// Upcoming are the next ticks of a schedule; none while it is paused.
func Upcoming(s store.Schedule, now time.Time, n int) []time.Time {
	list := []time.Time{}
	times, err := Parse(s.Cron, s.TimeZone)
	if err != nil || s.Paused {
		return list
	}
	for at := times.Next(now); !at.IsZero() && len(list) < n; at = times.Next(at) {
		list = append(list, at.UTC())
	}
	return list
}
