package schedule

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/githubjobs/githubjobs/internal/store"
)

func TestDue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		times, err := Parse(rapid.SampledFrom([]string{"* * * * *", "*/7 * * * *", "0 * * * *", "30 2 * * *"}).Draw(t, "cron"), "Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		policy := rapid.SampledFrom(store.CatchUps()).Draw(t, "policy")
		after := time.Date(2026, 10, 24, 22, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 7200).Draw(t, "after")) * time.Second)
		now := after.Add(time.Duration(rapid.IntRange(0, 48*3600).Draw(t, "now")) * time.Second)
		var all, want []time.Time
		for tick := times.Next(after); !tick.After(now); tick = times.Next(tick) {
			all = append(all, tick)
		}
		for i, tick := range all {
			newer := len(all) - 1 - i
			if now.Sub(tick) <= OnTime || policy == store.CatchUpLast && newer == 0 || policy == store.CatchUpAll && newer < MaxCatchUp {
				want = append(want, tick)
			}
		}
		got := times.Due(after, now, policy)
		if !slices.EqualFunc(got.Start, want, time.Time.Equal) || got.Passed != len(all)-len(want) || len(all) > 0 && !got.Until.Equal(all[len(all)-1]) || len(all) == 0 && !got.Until.IsZero() {
			t.Fatalf("%s of %s until %s: %+v, want %s of %d", policy, after, now, got, want, len(all))
		}
		if again := times.Due(later(got.Until, after), now, policy); again.Passed != 0 || len(again.Start) != 0 {
			t.Fatalf("once more: %+v", again)
		}
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// A server that was off for years does not count minutes for ever.
func TestDueAfterYears(t *testing.T) {
	t.Parallel()
	times, err := Parse("* * * * *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	d := times.Due(now.AddDate(-30, 0, 0), now, store.CatchUpAll)
	if len(d.Start) != MaxCatchUp || d.Passed != int(lookBack/time.Minute)-MaxCatchUp || !d.Until.Equal(now) {
		t.Errorf("%d ticks, %d passed, until %s", len(d.Start), d.Passed, d.Until)
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for policy, want := range map[store.Concurrency][2]Action{store.Allow: {Start, Start}, store.Forbid: {Start, Skip}, store.Replace: {Start, Replace}} {
		if got := [2]Action{Decide(policy, false), Decide(policy, true)}; got != want {
			t.Errorf("%s: %q, want %q", policy, got, want)
		}
	}
}
