package schedule

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on every machine, also where none are installed

	"github.com/robfig/cron/v3"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Times are the ticks of a cron expression in a time zone. An expression speaks of the
// clock on the wall, which is turned twice a year:
//
//   - A tick in the hour that is left out comes once, when the clock is turned.
//   - A tick in the hour that comes twice comes the first time.
//   - An expression that names every hour of the day means the time that passes: it has
//     no tick in an hour that is left out, and one in each of two that are shown alike.
type Times struct {
	spec   *cron.SpecSchedule // is asked about a clock that is never turned
	zone   *time.Location
	hourly bool // every hour of the day is named
}

const (
	maxCron   = 200 // bytes of an expression
	everyHour = 1<<24 - 1
	// maxTurn is well above what any clock is turned back by.
	maxTurn = 4 * time.Hour
	// away from a turn of the clock its offset is that before or after it.
	away = 48 * time.Hour
	// searched is how far ahead robfig/cron looks for a tick.
	searched = 5 * 365 * 24 * time.Hour
)

// reference is a day after which everything comes that ever does: February 29th included.
var reference = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Parse reads a cron expression: five fields (minute, hour, day of the month, month, day
// of the week) or one of @hourly, @daily, @weekly, @monthly, @yearly. zone is an IANA name.
func Parse(expression, zone string) (Times, error) {
	location, err := parseZone(zone)
	if err != nil {
		return Times{}, err
	}
	if err := refuse(expression); err != nil {
		return Times{}, &githubjobs.FieldError{Field: "cron", Message: err.Error()}
	}
	parsed, err := cron.ParseStandard(expression)
	if err != nil {
		return Times{}, &githubjobs.FieldError{Field: "cron", Message: fmt.Sprintf("%q is no cron expression: %s", expression, err)}
	}
	spec, ok := parsed.(*cron.SpecSchedule)
	if !ok || spec.Next(reference).IsZero() {
		return Times{}, &githubjobs.FieldError{Field: "cron", Message: fmt.Sprintf("%q names a day that never comes", expression)}
	}
	return Times{spec: spec, zone: location, hourly: spec.Hour&everyHour == everyHour}, nil
}

func parseZone(name string) (*time.Location, error) {
	location, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		return nil, &githubjobs.FieldError{Field: "time_zone", Message: fmt.Sprintf("%q is no time zone; give an IANA name such as Europe/Berlin, or UTC", name)}
	}
	return location, nil
}

// refuse says what the library would take and is not meant here.
func refuse(expression string) error {
	fields := strings.Fields(expression)
	switch {
	case len(expression) > maxCron:
		return fmt.Errorf("has %d characters; at most %d are taken", len(expression), maxCron)
	case strings.Contains(expression, "TZ="):
		return errors.New("names a time zone; name it in time_zone")
	case strings.HasPrefix(expression, "@every"):
		return errors.New("@every counts from no fixed time; write five fields, as in */15 * * * *")
	case strings.HasPrefix(expression, "@"), len(fields) == 5:
		return nil
	case len(fields) == 6:
		return errors.New("has six fields; there are five, without seconds: minute, hour, day of the month, month, day of the week")
	}
	return fmt.Errorf("has %d fields; write five: minute, hour, day of the month, month, day of the week, as in 30 6 * * 1-5", len(fields))
}

// Next is the first tick after a time.
func (t Times) Next(after time.Time) (next time.Time) {
	for shown := t.ask(t.from(after)); !shown.IsZero(); shown = t.ask(shown) {
		first, second, exists := instants(shown, t.zone)
		switch {
		case !next.IsZero() && !first.Before(next): // so is all that is shown later
			return next
		case !t.hourly && first.After(after):
			return first
		case !t.hourly || !exists:
			continue
		case !first.After(after):
			first = second
		}
		if first.After(after) && (next.IsZero() || first.Before(next)) {
			next = first
		}
	}
	return next
}

// from is what the wall shows at a time, or, where it is about to be turned back, what
// it shows for the second time before that.
func (t Times) from(after time.Time) time.Time {
	at := after.In(t.zone)
	if _, end := at.ZoneBounds(); t.hourly && !end.IsZero() && end.Sub(at) < maxTurn {
		return wall(at).Add(-maxTurn)
	}
	return wall(at)
}

// ask is the next reading of the wall that the expression names.
func (t Times) ask(shown time.Time) time.Time {
	next := t.spec.Next(shown)
	if next.IsZero() { // one February 29th in a century is left out
		next = t.spec.Next(shown.Add(searched))
	}
	return next
}

// wall is what a clock shows, as a time in UTC, where clocks are never turned.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// instants are when a clock in the zone shows a reading: once, or twice where it is
// turned back, else second is zero. Where it is turned over the reading it does not exist,
// and first is when it is turned.
func instants(shown time.Time, zone *time.Location) (first, second time.Time, exists bool) {
	before, after := shown.Add(-offset(shown.Add(-away), zone)), shown.Add(-offset(shown.Add(away), zone))
	if before.Equal(after) { // no clock is turned twice in four days
		return before, time.Time{}, true
	}
	early, late := wall(before.In(zone)).Equal(shown), wall(after.In(zone)).Equal(shown)
	switch {
	case early && late:
		return before, after, true
	case early:
		return before, time.Time{}, true
	case late:
		return after, time.Time{}, true
	}
	turned, _ := before.In(zone).ZoneBounds()
	return turned.UTC(), time.Time{}, false
}

func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}
