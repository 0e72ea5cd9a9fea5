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
	if q.After == "" {
		return nil
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

// Index names the index that holds the jobs of the query in their order. Every store
// has one for each combination of filters.
func (q Query) Index() string {
	name := "jobs_list"
	switch { // a reason says the status too
	case q.Reason != "":
		name += "_reason"
	case q.Status != "":
		name += "_status"
	}
	if q.Kind != "" {
		name += "_kind"
	}
	return name
}

// Select is the statement that lists one job more than the page holds, in SQL that
// SQLite and PostgreSQL both read. It reads id, status, reason, kind, title,
// created_at, updated_at; times are in milliseconds. table is the table of jobs,
// with what else the database wants to be told there.
func (q Query) Select(table, project string) (statement string, args []any, err error) {
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
	add(`SELECT id, status, reason, kind, title, created_at, updated_at FROM `+table+` WHERE project = ? AND known`, project)
	switch {
	case q.Reason != "":
		add(` AND reason = ?`, string(q.Reason))
	case q.Status != "":
		add(` AND status = ?`, string(q.Status))
	}
	if q.Kind != "" {
		add(` AND kind = ?`, string(q.Kind))
	}
	if !q.Since.IsZero() {
		add(` AND created_at >= ?`, ceilMillis(q.Since))
	}
	q.above(add)
	add(` ORDER BY created_at DESC, id DESC LIMIT ?`, q.limit()+1)
	return where.String(), args, nil
}

// above adds the upper bound: of the time and the cursor only the one that is lower,
// since a database enters the index at one of them and reads on to the other.
func (q Query) above(add func(string, ...any)) {
	at, id, err := q.After.position()
	cursor := q.After != "" && err == nil
	switch {
	case cursor && (q.Until.IsZero() || at < ceilMillis(q.Until)):
		add(` AND (created_at, id) < (?, ?)`, at, id)
	case !q.Until.IsZero():
		add(` AND created_at < ?`, ceilMillis(q.Until))
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
