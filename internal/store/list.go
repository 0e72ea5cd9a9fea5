package store

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// How many jobs one page of a listing holds.
const (
	DefaultPage = 50
	MaxPage     = 1000
)

// ErrQuery: a Query asks for what cannot be; the text says what is wrong.
var ErrQuery = errors.New("the query is not valid")

// Query says which jobs are listed. The zero value lists all, the newest first.
type Query struct {
	Status githubjobs.Status // empty for all
	Reason githubjobs.Reason // empty for all
	Kind   githubjobs.Kind   // empty for all
	Batch  string            // empty for all
	Labels []string          // jobs that have all of them
	Since  time.Time         // created at this time or later, to the millisecond; zero for no bound
	Until  time.Time         // created before this time; zero for no bound
	After  Cursor            // where the page before ended; empty for the first page
	Limit  int               // 1 to MaxPage; 0 means DefaultPage
}

// Page is a part of a listing.
type Page struct {
	Jobs []Listed
	Next Cursor // goes on behind this page; empty when this is the last
}

// Listed is a job in a listing: the columns that jobs are found by. A state that is
// reached by the passing of time alone is seen here after the next Refresh; Facts
// gives the job as it is.
type Listed struct {
	ID        string
	Status    githubjobs.Status
	Reason    githubjobs.Reason
	Kind      githubjobs.Kind
	Title     string
	Attempt   int // the present one, from 1
	CreatedAt time.Time
	UpdatedAt time.Time // when the store learnt the newest of the facts
}

// Cursor is a place in a listing, opaque to callers. It names the last job that was
// seen and not a number of jobs, so that it stays right while jobs come and go, and
// finding it costs the same anywhere. It fits any query of the same project.
type Cursor string

func newCursor(l Listed) Cursor {
	return Cursor(base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%s", l.CreatedAt.UnixMilli(), l.ID)))
}

// position is the creation time in milliseconds and the id of the last job seen.
func (c Cursor) position() (millis int64, id string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(string(c))
	at, id, ok := strings.Cut(string(raw), ".")
	millis, numErr := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || numErr != nil || !githubjobs.ValidID(id) {
		return 0, "", fmt.Errorf("%w: %.80q is not a cursor that a listing gave", ErrQuery, string(c))
	}
	return millis, id, nil
}

// Validate says what is wrong with the query; its error wraps ErrQuery.
func (q Query) Validate() error {
	switch {
	case q.Status != "" && !slices.Contains(githubjobs.Statuses(), q.Status):
		return fmt.Errorf("%w: there is no status %.80q", ErrQuery, string(q.Status))
	case q.Reason != "" && q.Reason.Validate() != nil:
		return fmt.Errorf("%w: there is no reason %.80q", ErrQuery, string(q.Reason))
	case q.Status != "" && q.Reason != "" && q.Reason.Status() != q.Status:
		return fmt.Errorf("%w: reason %s belongs to status %s, not %s", ErrQuery, q.Reason, q.Reason.Status(), q.Status)
	case q.Kind != "" && !slices.Contains(githubjobs.Kinds(), q.Kind):
		return fmt.Errorf("%w: there is no kind %.80q", ErrQuery, string(q.Kind))
	case q.Limit < 0 || q.Limit > MaxPage:
		return fmt.Errorf("%w: a page of %d jobs; give 1 to %d", ErrQuery, q.Limit, MaxPage)
	}
	if err := q.validateGroups(); err != nil || q.After == "" {
		return err
	}
	_, _, err := q.After.position()
	return err
}

func (q Query) limit() int {
	if q.Limit == 0 {
		return DefaultPage
	}
	return q.Limit
}

// table is where the jobs of the query are found in order, and the index that holds
// them so: every store has one for each combination of filters. Of a batch and several
// labels the first one is entered, and the others are looked up job by job.
func (q Query) table() (table, index string) {
	table = "jobs"
	if len(groups(q.Batch, q.Labels)) > 0 {
		table = "job_groups"
	}
	index = table + "_list"
	switch { // a reason says the status too
	case q.Reason != "":
		index += "_reason"
	case q.Status != "":
		index += "_status"
	}
	if q.Kind != "" {
		index += "_kind"
	}
	return table, index
}

// Select is the statement that lists one job more than the page holds, in SQL that
// SQLite and PostgreSQL both read. It reads id, status, reason, kind, title,
// created_at, updated_at, later; times are in milliseconds. hint says, for the name of an
// index, what the database wants to be told behind a table; nil for nothing.
func (q Query) Select(project string, hint func(index string) string) (statement string, args []any, err error) {
	if err := q.Validate(); err != nil {
		return "", nil, err
	}
	var where strings.Builder
	add := func(condition string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where.WriteString(condition)
	}
	q.from(add, project, hint)
	switch {
	case q.Reason != "":
		add(` AND f.reason = ?`, string(q.Reason))
	case q.Status != "":
		add(` AND f.status = ?`, string(q.Status))
	}
	if q.Kind != "" {
		add(` AND f.kind = ?`, string(q.Kind))
	}
	if !q.Since.IsZero() {
		add(` AND f.created_at >= ?`, ceilMillis(q.Since))
	}
	q.above(add)
	add(` ORDER BY f.created_at DESC, f.id DESC LIMIT ?`, q.limit()+1)
	return where.String(), args, nil
}

// from adds all down to the filters, which are columns of f: of the job, or of its
// group that is entered.
func (q Query) from(add func(string, ...any), project string, hint func(index string) string) {
	table, index := q.table()
	if hint != nil {
		index = hint(index)
	} else {
		index = ""
	}
	const columns = `SELECT j.id, j.status, j.reason, j.kind, j.title, j.created_at, j.updated_at, j.later FROM `
	names := groups(q.Batch, q.Labels)
	if len(names) == 0 {
		add(strings.ReplaceAll(columns, "j.", "f.")+table+` AS f `+index+` WHERE f.project = ? AND f.known`, project)
		return
	}
	// CROSS JOIN keeps SQLite from beginning with the jobs.
	add(columns+table+` AS f `+index+` CROSS JOIN jobs AS j WHERE f.project = ? AND f.name = ? AND j.project = f.project AND j.id = f.id`, project, names[0])
	for _, name := range names[1:] {
		add(` AND EXISTS (SELECT 1 FROM job_groups AS o WHERE o.project = f.project AND o.id = f.id AND o.name = ?)`, name)
	}
}

// above adds the upper bound: of the time and the cursor only the one that is lower,
// since a database enters the index at one of them and reads on to the other.
func (q Query) above(add func(string, ...any)) {
	at, id, err := q.After.position()
	cursor := q.After != "" && err == nil
	switch {
	case cursor && (q.Until.IsZero() || at < ceilMillis(q.Until)):
		add(` AND (f.created_at, f.id) < (?, ?)`, at, id)
	case !q.Until.IsZero():
		add(` AND f.created_at < ?`, ceilMillis(q.Until))
	}
}

// ceilMillis rounds up: creation times are whole milliseconds.
func ceilMillis(t time.Time) int64 {
	return t.Add(time.Millisecond - 1).UnixMilli()
}

// Page makes the page of what Select found.
func (q Query) Page(found []Listed) Page {
	if len(found) <= q.limit() {
		return Page{Jobs: found}
	}
	found = found[:q.limit()]
	return Page{Jobs: found, Next: newCursor(found[len(found)-1])}
}
