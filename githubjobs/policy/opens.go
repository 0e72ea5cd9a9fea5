package policy

import "time"

// horizon is how far ahead an opening is looked for: a window of one day a week can be
// left out once by a turn of the clock.
const horizon = 16 // days

func (d Days) has(day time.Weekday) bool { return len(d) == 0 || d[day] }

// contains says whether the window is open at t.
func (w Window) contains(t time.Time) bool {
	local := t.In(w.TimeZone.Location())
	day, minute := local.Weekday(), local.Hour()*60+local.Minute()
	switch h := w.Hours; {
	case h.From == h.To:
		return w.Days.has(day)
	case h.From < h.To:
		return w.Days.has(day) && h.From <= minute && minute < h.To
	default:
		return w.Days.has(day) && minute >= h.From || w.Days.has((day+6)%7) && minute < h.To
	}
}

// next is the first time after t at which one of the windows opens, and the zone of that
// window; zero where none does before the horizon.
func next(windows []Window, t time.Time) (opens time.Time, zone *time.Location) {
	for _, w := range windows {
		for _, at := range w.starts(t) {
			if at.After(t) && w.contains(at) && (opens.IsZero() || at.Before(opens)) {
				opens, zone = at, w.TimeZone.Location()
			}
		}
	}
	return opens, zone
}

// starts are the times around and after t at which the window may open: whenever its
// clock shows its first minute, by each offset that the zone has about then; and
// whenever that clock is turned, which may be into the middle of it.
func (w Window) starts(t time.Time) (all []time.Time) {
	location := w.TimeZone.Location()
	offsets := map[int]bool{}
	end := t.AddDate(0, 0, horizon)
	for at := t.AddDate(0, 0, -2); at.Before(end); {
		_, offset := at.In(location).Zone()
		offsets[offset] = true
		_, turn := at.In(location).ZoneBounds()
		if turn.IsZero() {
			break
		}
		all = append(all, turn)
		at = turn
	}
	local := t.In(location)
	for day := -1; day <= horizon; day++ {
		shown := time.Date(local.Year(), local.Month(), local.Day()+day, 0, w.Hours.From, 0, 0, time.UTC)
		for offset := range offsets {
			all = append(all, shown.Add(-time.Duration(offset)*time.Second))
		}
	}
	return all
}
