package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on every machine, also where none are installed

	"gopkg.in/yaml.v3"
)

// Window is a time at which merges may happen, by the clock on the wall of its zone.
// An hour that a turn of that clock leaves out is no part of it, one that comes twice
// is twice. The zero value is always open.
type Window struct {
	Days Days `yaml:"days"`
	// Hours that end before they begin reach into the next day; they belong to the day on
	// which they begin.
	Hours    Hours `yaml:"hours"`
	TimeZone Zone  `yaml:"time_zone"`
}

// Days are days of the week; none means every day.
type Days map[time.Weekday]bool

// Hours are minutes since midnight, From included and To not; both 0 mean the whole day.
type Hours struct{ From, To int }

// Zone is a time zone; the zero value is UTC.
type Zone struct{ location *time.Location }

const (
	maxWindows = 50
	wholeDay   = 24 * 60
)

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} // as in time.Weekday

// UnmarshalYAML implements yaml.Unmarshaler: days and ranges such as mon-fri, one or a list.
func (d *Days) UnmarshalYAML(value *yaml.Node) error {
	items := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		items = value.Content
	}
	bad := func(n *yaml.Node) error {
		return fmt.Errorf("line %d: %q is no day; write days as mon, tue, wed, thu, fri, sat, sun or a range like mon-fri", n.Line, n.Value)
	}
	*d = Days{}
	for _, item := range items {
		first, last, isRange := strings.Cut(strings.ToLower(item.Value), "-")
		if !isRange {
			last = first
		}
		from, to := slices.Index(weekdays, strings.TrimSpace(first)), slices.Index(weekdays, strings.TrimSpace(last))
		if item.Kind != yaml.ScalarNode || from < 0 || to < 0 {
			return bad(item)
		}
		for ; from != to; from = (from + 1) % 7 {
			(*d)[time.Weekday(from)] = true
		}
		(*d)[time.Weekday(to)] = true
	}
	if len(*d) == 0 {
		return fmt.Errorf("line %d: days names no day; leave it out for every day", value.Line)
	}
	return nil
}

// UnmarshalYAML implements yaml.Unmarshaler: 09:00-17:30.
func (h *Hours) UnmarshalYAML(value *yaml.Node) error {
	bad := fmt.Errorf("line %d: %q are no hours; write them like 09:00-17:30, with 24:00 for the end of the day", value.Line, value.Value)
	first, last, ok := strings.Cut(value.Value, "-")
	from, fine := minutes(first)
	to, good := minutes(last)
	if value.Kind != yaml.ScalarNode || !ok || !fine || !good || from == wholeDay {
		return bad
	}
	if from == to {
		return fmt.Errorf("line %d: the hours %q begin and end at the same time; leave them out for the whole day", value.Line, value.Value)
	}
	*h = Hours{from, to}
	return nil
}

func minutes(clock string) (int, bool) {
	h, m, ok := strings.Cut(strings.TrimSpace(clock), ":")
	hours, err := strconv.ParseUint(h, 10, 8)
	mins, err2 := strconv.ParseUint(m, 10, 8)
	total := int(hours)*60 + int(mins)
	return total, ok && err == nil && err2 == nil && len(h) <= 2 && len(m) == 2 && mins < 60 && total <= wholeDay
}

// UnmarshalYAML implements yaml.Unmarshaler: an IANA name.
func (z *Zone) UnmarshalYAML(value *yaml.Node) error {
	location, err := time.LoadLocation(value.Value)
	if err != nil || value.Kind != yaml.ScalarNode || value.Value == "" || value.Value == "Local" {
		return fmt.Errorf("line %d: %q is no time zone; give an IANA name such as Europe/Berlin, or UTC", value.Line, value.Value)
	}
	z.location = location
	return nil
}

// Location is the zone, for the library of the language.
func (z Zone) Location() *time.Location {
	if z.location == nil {
		return time.UTC
	}
	return z.location
}

func validateWindows(windows []Window) error {
	switch {
	case windows != nil && len(windows) == 0:
		return errors.New("merge.windows is an empty list, so that nothing could ever be merged; leave it out")
	case len(windows) > maxWindows:
		return fmt.Errorf("merge.windows has %d windows; at most %d are taken", len(windows), maxWindows)
	}
	return nil
}

func (m MergeRules) judgeWindow(v View) Finding {
	switch {
	case len(m.Windows) == 0:
		return judge(RuleWindow, true, "")
	case v.Now.IsZero():
		return v.unknown(RuleWindow, "the time is not known")
	}
	for _, w := range m.Windows {
		if w.contains(v.Now) {
			return judge(RuleWindow, true, "")
		}
	}
	opens, zone := next(m.Windows, v.Now)
	if opens.IsZero() {
		return judge(RuleWindow, false, "no merge window of merge.windows opens within two weeks")
	}
	f := judge(RuleWindow, false, fmt.Sprintf("the merge window is closed; it opens on %s (%s)", opens.In(zone).Format("Monday 2006-01-02 at 15:04 MST"), opens.UTC().Format(time.RFC3339)))
	f.Awaits, f.Opens = AwaitWindow, opens.UTC()
	return f
}
