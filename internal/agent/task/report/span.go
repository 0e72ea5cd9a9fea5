package report

import (
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// span is a day, an ISO week or a calendar month in UTC.
type span struct {
	Period   githubjobs.Period
	From, To time.Time // To is the first moment that is no part of it
}

// newSpan is the span of the period in which the day (YYYY-MM-DD) is.
func newSpan(period githubjobs.Period, day string) (span, error) {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return span{}, fmt.Errorf("config.date: %q is not a day; write it as YYYY-MM-DD", day)
	}
	switch period {
	case githubjobs.Weekly:
		at = at.AddDate(0, 0, -(int(at.Weekday())+6)%7)
	case githubjobs.Monthly:
		at = at.AddDate(0, 0, 1-at.Day())
	}
	s := span{Period: period, From: at}
	s.To = s.step(1)
	return s, nil
}

// begun is an error for a span that lies in the future, where nothing has happened.
func (s span) begun(now time.Time) error {
	if now.Before(s.From) {
		return fmt.Errorf("config.date: the %s that begins on %s has not begun; it was %s (UTC) when the job was created",
			s.noun(), s.From.Format(time.DateOnly), now.UTC().Format("2006-01-02 15:04"))
	}
	return nil
}

// step is the beginning of the span that comes n spans later.
func (s span) step(n int) time.Time {
	switch s.Period {
	case githubjobs.Weekly:
		return s.From.AddDate(0, 0, 7*n)
	case githubjobs.Monthly:
		return s.From.AddDate(0, n, 0)
	}
	return s.From.AddDate(0, 0, n)
}

func (s span) previous() span { return span{s.Period, s.step(-1), s.From} }

func (s span) contains(t time.Time) bool { return !t.Before(s.From) && t.Before(s.To) }

// name is that of the report's files, without extension. Such names sort by time.
func (s span) name() string {
	switch s.Period {
	case githubjobs.Weekly:
		year, week := s.From.ISOWeek()
		return fmt.Sprintf("weekly-%04d-W%02d", year, week)
	case githubjobs.Monthly:
		return s.From.Format("monthly-2006-01")
	}
	return s.From.Format("daily-2006-01-02")
}

// title is how people call it.
func (s span) title() string {
	switch s.Period {
	case githubjobs.Weekly:
		year, week := s.From.ISOWeek()
		return fmt.Sprintf("Week %d of %d", week, year)
	case githubjobs.Monthly:
		return s.From.Format("January 2006")
	}
	return s.From.Format("2 January 2006")
}

// when says it within a sentence.
func (s span) when() string {
	switch s.Period {
	case githubjobs.Weekly:
		return fmt.Sprintf("in the week from %s to %s", s.From.Format("Monday 2 January"), s.To.AddDate(0, 0, -1).Format("Monday 2 January 2006"))
	case githubjobs.Monthly:
		return "in " + s.From.Format("January 2006")
	}
	return "on " + s.From.Format("Monday, 2 January 2006")
}

func (s span) noun() string {
	return map[githubjobs.Period]string{githubjobs.Daily: "day", githubjobs.Weekly: "week", githubjobs.Monthly: "month"}[s.Period]
}

// buckets is how many bars a chart of it has: the hours of a day, the days of a
// week or a month.
func (s span) buckets() int {
	if s.Period == githubjobs.Daily {
		return 24
	}
	return int(s.To.Sub(s.From).Hours() / 24)
}

// bucket is the bar in which t is.
func (s span) bucket(t time.Time) int {
	if s.Period == githubjobs.Daily {
		return t.UTC().Hour()
	}
	return int(t.Sub(s.From).Hours() / 24)
}

// bucketName is what stands below a bar; most have nothing.
func (s span) bucketName(i int) string {
	switch {
	case s.Period == githubjobs.Daily && i%6 == 0:
		return fmt.Sprintf("%02d:00", i)
	case s.Period == githubjobs.Weekly:
		return s.From.AddDate(0, 0, i).Format("Mon")
	case s.Period == githubjobs.Monthly && i%7 == 0:
		return fmt.Sprint(i + 1)
	}
	return ""
}
