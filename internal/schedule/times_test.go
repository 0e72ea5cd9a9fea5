package schedule

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The clock is turned in the night after each of these times. In Apia a whole day was left out.
var turns = []struct{ zone, at string }{
	{"Europe/Berlin", "2026-03-28"}, {"Europe/Berlin", "2026-10-24"},
	{"America/New_York", "2026-03-07"}, {"America/New_York", "2026-10-31"},
	{"Australia/Lord_Howe", "2026-04-04"}, {"Australia/Lord_Howe", "2026-10-03"}, // by half an hour
	{"America/Havana", "2026-03-07"}, {"America/Havana", "2026-10-31"}, // at midnight
	{"Asia/Beirut", "2026-03-28"}, {"Asia/Beirut", "2026-10-24"},
	{"America/Sao_Paulo", "2018-11-03"}, {"Pacific/Apia", "2011-12-29"},
	{"Africa/Casablanca", "2026-02-14"}, {"Africa/Casablanca", "2026-03-21"},
	{"Asia/Kathmandu", "2026-06-01"}, {"UTC", "2026-03-28"},
}

func ticks(t testing.TB, expression, zone, from string, days int) (list []string) {
	t.Helper()
	times, err := Parse(expression, zone)
	if err != nil {
		t.Fatal(err)
	}
	at, err := time.ParseInLocation(time.DateOnly, from, times.zone)
	if err != nil {
		t.Fatal(err)
	}
	end := at.AddDate(0, 0, days)
	for at = times.Next(at.Add(-time.Second)); at.Before(end); at = times.Next(at) {
		list = append(list, at.In(times.zone).Format("02 15:04 -0700"))
	}
	return list
}

// What a reader of docs/operations.md is promised.
func TestClockIsTurned(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		cron, zone, from string
		want             []string
	}{
		{"30 2 * * *", "Europe/Berlin", "2026-03-28", []string{"28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"}},
		{"0,30 2 * * *", "Europe/Berlin", "2026-03-28", []string{"28 02:00 +0100", "28 02:30 +0100", "29 03:00 +0200", "30 02:00 +0200", "30 02:30 +0200"}},
		{"0 2,3 * * *", "Europe/Berlin", "2026-03-29", []string{"29 03:00 +0200", "30 02:00 +0200", "30 03:00 +0200", "31 02:00 +0200", "31 03:00 +0200"}},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24", []string{"24 02:30 +0200", "25 02:30 +0200", "26 02:30 +0100"}},
		{"30 0-3 * * *", "Europe/Berlin", "2026-10-25", []string{"25 00:30 +0200", "25 01:30 +0200", "25 02:30 +0200", "25 03:30 +0100", "26 00:30 +0100", "26 01:30 +0100", "26 02:30 +0100", "26 03:30 +0100", "27 00:30 +0100", "27 01:30 +0100", "27 02:30 +0100", "27 03:30 +0100"}},
		{"0 0 * * *", "Asia/Beirut", "2026-03-28", []string{"28 00:00 +0200", "29 01:00 +0300", "30 00:00 +0300"}},
		{"0 0 29 3 *", "Asia/Beirut", "2026-03-28", []string{"29 01:00 +0300"}},
		{"0 12 30 * *", "Pacific/Apia", "2011-12-29", []string{"31 00:00 +1400"}},
		{"@daily", "UTC", "2026-03-28", []string{"28 00:00 +0000", "29 00:00 +0000", "30 00:00 +0000"}},
		{"0 0 * * 1", "UTC", "2026-11-21", []string{"23 00:00 +0000"}},
	} {
		if got := ticks(t, c.cron, c.zone, c.from, 3); !slices.Equal(got, c.want) {
			t.Errorf("%s in %s: %q, want %q", c.cron, c.zone, got, c.want)
		}
	}
	for _, c := range []struct {
		from string
		want int
	}{{"2026-03-29", 23}, {"2026-10-25", 25}, {"2026-10-26", 24}} {
		if got := ticks(t, "15 * * * *", "Europe/Berlin", c.from, 1); len(got) != c.want || len(slices.Compact(slices.Clone(got))) != c.want {
			t.Errorf("every hour of %s: %q, want %d", c.from, got, c.want)
		}
	}
}

// expected are the ticks between two times, found minute by minute.
func expected(times Times, from, until time.Time) (list []time.Time) {
	seen := map[time.Time]bool{}
	add := func(at time.Time) {
		if !seen[at.UTC()] && at.After(from) && !at.After(until) {
			seen[at.UTC()] = true
			list = append(list, at.UTC())
		}
	}
	named := func(shown time.Time) bool { return times.spec.Next(shown.Add(-time.Second)).Equal(shown) }
	shown := map[time.Time]bool{}
	start := from.Add(-26 * time.Hour).Truncate(time.Minute) // a day was left out at most
	before := wall(start.Add(-time.Minute).In(times.zone))
	for at := start; !at.After(until); at = at.Add(time.Minute) {
		now := wall(at.In(times.zone))
		for left := before.Add(time.Minute); left.Before(now); left = left.Add(time.Minute) {
			if named(left) && !times.hourly { // the wall left it out
				add(at)
			}
		}
		if named(now) && (times.hourly || !shown[now]) {
			add(at)
		}
		shown[now], before = true, now
	}
	slices.SortFunc(list, time.Time.Compare)
	return list
}

func drawField(t *rapid.T, name string, low, high int) string {
	n := func(label string) string { return fmt.Sprint(rapid.IntRange(low, high).Draw(t, name+label)) }
	switch rapid.IntRange(0, 3).Draw(t, name) {
	case 0:
		return n(" at")
	case 1:
		return n(" one") + "," + n(" other")
	case 2:
		return fmt.Sprintf("*/%d", rapid.IntRange(1, 20).Draw(t, name+" step"))
	}
	return "*"
}

// The ticks are those that a look at the wall at every minute finds, in every zone and
// around every turn of the clock.
func TestTicks(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		turn := rapid.SampledFrom(turns).Draw(t, "turn")
		expression := strings.Join([]string{drawField(t, "minute", 0, 59), drawField(t, "hour", 0, 4), "*", "*", rapid.SampledFrom([]string{"*", "*", "0", "1-5"}).Draw(t, "weekday")}, " ")
		times, err := Parse(expression, turn.zone)
		if err != nil {
			t.Fatal(err)
		}
		day, _ := time.Parse(time.DateOnly, turn.at)
		from := day.Add(time.Duration(rapid.IntRange(0, 40*60).Draw(t, "from")) * time.Minute)
		until := from.Add(8 * time.Hour)
		var got []time.Time
		for at := times.Next(from); !at.After(until); at = times.Next(at) {
			if len(got) > 0 && !at.After(got[len(got)-1]) {
				t.Fatalf("%s comes after %s", at, got[len(got)-1])
			}
			got = append(got, at.UTC())
		}
		if want := expected(times, from, until); !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%s in %s from %s:\n got %s\nwant %s", expression, turn.zone, from, got, want)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		"0 0 30 2 *": "never comes", "0 0 31 4,6 *": "never comes", "": "has 0 fields", "* * * *": "has 4 fields",
		"0 * * * * *": "without seconds", "@every 1h": "no fixed time", "CRON_TZ=UTC * * * * *": "time_zone", "TZ=": "time_zone",
		"60 * * * *": "no cron expression", "* 24 * * *": "no cron expression", "*/0 * * * *": "no cron expression", "@fortnightly": "no cron expression",
		"a b c d e": "no cron expression", strings.Repeat("1,", 200): "characters",
	} {
		if _, err := Parse(expression, "UTC"); err == nil || !strings.HasPrefix(err.Error(), "cron: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", expression, err, want)
		}
	}
	for _, zone := range []string{"", "Local", "Mars/Olympus", "../etc/passwd", "CEST"} {
		if _, err := Parse("* * * * *", zone); err == nil || !strings.HasPrefix(err.Error(), "time_zone: ") {
			t.Errorf("%q: %v", zone, err)
		}
	}
	leap, err := Parse("0 0 29 2 *", "UTC")
	if err != nil {
		t.Fatal(err)
	}
	if got := leap.Next(time.Date(2097, 1, 1, 0, 0, 0, 0, time.UTC)); got.Year() != 2104 {
		t.Errorf("February 29th after 2097: %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"30 6 * * 1-5", "@daily", "TZ=", "*/5 1,2 ? JAN MON", "1-0 * * * *", "@every 1s"} {
		f.Add(seed, "Europe/Berlin")
	}
	at := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, expression, zone string) {
		times, err := Parse(expression, zone)
		if err != nil {
			return
		}
		if next := times.Next(at); !next.After(at) {
			t.Errorf("%q in %q: %s after %s", expression, zone, next, at)
		}
	})
}
