package postgres

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

type jobName struct{ project, id string }

func (a jobName) compare(b jobName) int {
	return cmp.Or(cmp.Compare(a.project, b.project), cmp.Compare(a.id, b.id))
}

// names lists the jobs of all writes in the order in which every server locks them.
func names(writes []*write) (list []jobName) {
	for _, one := range writes {
		list = append(list, one.jobs...)
	}
	slices.SortFunc(list, jobName.compare)
	return slices.Compact(list)
}

// batch is what one transaction has read, and is to write. What one write stages the
// next one finds.
type batch struct {
	now        time.Time
	damage     *store.Damage
	begun      bool // the transaction
	names      []jobName
	jobs       map[jobName]*job       // all that were locked
	schedules  map[scheduleName]int64 // the revisions of those that were locked
	statements []statement
	swept      map[jobName]store.Swept // what is left of jobs that are to be accepted
	tally      store.Tally
	accepted   map[string]bool // projects of which a job was accepted, is to be cancelled, or has ended while others may wait for it
}

// job is one job of a batch.
type job struct {
	exists  bool         // there is a row, and it is locked
	before  store.Stored // as it was read
	live    bool         // likewise
	updated int64        // likewise
	now     store.Stored // with what was staged
	row     *store.Row   // to be written; nil when nothing is
	remove  bool         // the row, unless something is to be written
}

// statement is one statement of a pipeline.
type statement struct {
	query    string
	args     []any
	rows     func(pgx.Rows) error // called for each row, where there are rows
	affected func(n int64) error  // told how many rows were written
	order    string               // of the rows that it locks, the same on every server
}

func (s statement) visit(results pgx.BatchResults) error {
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := s.rows(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// errRace: another server inserted a job while this one was about to.
var errRace = errors.New("another server stored the same job at the same time")

var begin = statement{query: `BEGIN`}

// lock begins the transaction, and locks and reads the rows that the writes need. Where
// they need none the transaction begins with what it writes.
func lock(ctx context.Context, conn *pgxpool.Conn, now time.Time, damage *store.Damage, writes []*write) (*batch, error) {
	b := &batch{now: now, damage: damage, names: names(writes), jobs: map[jobName]*job{}, schedules: map[scheduleName]int64{}, swept: map[jobName]store.Swept{}, tally: store.NewTally(), accepted: map[string]bool{}}
	locks := slices.Concat(b.lockJobs(), b.lockSchedules(writes), b.readSwept(writes))
	if len(locks) == 0 {
		return b, nil
	}
	b.begun = true
	return b, pipeline(ctx, conn, append([]statement{begin}, locks...))
}

func (b *batch) lockJobs() []statement {
	if len(b.names) == 0 {
		return nil
	}
	projects, ids := make([]string, len(b.names)), make([]string, len(b.names))
	for i, n := range b.names {
		b.jobs[n], projects[i], ids[i] = &job{}, n.project, n.id
	}
	return []statement{{rows: b.scan, args: []any{projects, ids}, query: `
		SELECT j.project, j.id, j.facts, j.accepted, j.known, j.waiting, j.active, j.status, j.reason, j.group_names, j.live, j.updated_at
		FROM jobs j WHERE (j.project, j.id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
		ORDER BY j.project, j.id FOR UPDATE`}}
}

func (b *batch) scan(rows pgx.Rows) error {
	var n jobName
	var s store.Stored
	var live bool
	var updated int64
	err := rows.Scan(&n.project, &n.id, &s.Facts, &s.Accepted, &s.Known, &s.Waiting, &s.Active, &s.Status, &s.Reason, &s.Groups, &live, &updated)
	if err == nil {
		*b.jobs[n] = job{exists: true, before: s, now: s, live: live, updated: updated}
	}
	return err
}

// queue stages a statement. It is run in the given order, whatever batch it is in,
// so that servers which write the same rows never wait for each other in a circle.
// affected, if there is one, is told how many rows were written.
func (b *batch) queue(order, query string, args []any, affected func(n int64) error) {
	b.statements = append(b.statements, statement{query: query, args: args, affected: affected, order: order})
}

// stage joins facts to their jobs: all of them, or none when one cannot be. Damaged
// jobs are spared.
func (b *batch) stage(project string, facts []githubjobs.Facts) error {
	rows := map[string]store.Row{}
	for _, f := range facts {
		stored := b.jobs[jobName{project, f.ID}].now
		if row, ok := rows[f.ID]; ok {
			stored = row.Stored(stored.Accepted)
		}
		row, changed, err := store.MergeRow(stored, f, b.now)
		if err := b.damage.Spared(project, f.ID, err); err != nil {
			return err
		}
		if changed {
			rows[f.ID] = row
		}
		if f.Cancel != nil && f.Cancel.Answer == "" || f.Asked != nil { // the leader has something to do
			b.accepted[project] = true
		}
	}
	for id, row := range rows {
		j := b.jobs[jobName{project, id}]
		if !bytes.Equal(row.Facts, j.now.Facts) {
			j.set(row, j.now.Accepted)
		}
	}
	return nil
}

func (j *job) set(row store.Row, accepted bool) {
	j.row, j.now = &row, row.Stored(accepted)
}

// write writes the rows that were staged, and runs the other statements.
func (b *batch) write(ctx context.Context, conn *pgxpool.Conn) error {
	puts, err := b.putJobs()
	if err != nil {
		return err
	}
	slices.SortStableFunc(b.statements, func(x, y statement) int { return cmp.Compare(x.order, y.order) })
	if puts = append(puts, b.statements...); len(puts) == 0 {
		return nil
	}
	if !b.begun {
		puts, b.begun = slices.Insert(puts, 0, begin), true
	}
	return pipeline(ctx, conn, puts)
}

// putJobs writes the jobs that were staged, and counts them.
func (b *batch) putJobs() (puts []statement, err error) {
	var fresh, rest []jobName
	for _, n := range b.names {
		j := b.jobs[n]
		if j.row == nil && j.remove {
			b.tally.Job(n.project, j.before, store.Stored{})
			puts = append(puts, j.sweep(n, b.now)...)
		}
		if j.row == nil {
			continue
		}
		b.tally.Job(n.project, j.before, j.now)
		if rest = append(rest, n); !j.exists {
			fresh = append(fresh, n)
		}
	}
	if len(fresh) >= bulkFrom {
		rest = slices.DeleteFunc(rest, func(n jobName) bool { return !b.jobs[n].exists })
		var bulk []statement
		bulk, err = b.putNew(fresh)
		puts = append(puts, bulk...)
	}
	for _, n := range rest {
		j := b.jobs[n]
		puts = append(append(puts, j.put(n)), j.putGroups(n)...)
		if store.Ended(j.before, j.now) {
			puts = append(puts, b.putEnd(n, j.row.Key))
		}
	}
	return append(puts, b.putUnsigned()...), err
}

const (
	insertJob = `INSERT INTO jobs (project, id, accepted, known, waiting, active, status, reason, kind, title,
			created_at, updated_at, live, head, deleted, open_run, facts, version, due_at, group_names, priority, later)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) ON CONFLICT DO NOTHING`
	updateJob = `UPDATE jobs SET (accepted, known, waiting, active, status, reason, kind, title,
			created_at, updated_at, live, head, deleted, open_run, facts, version, due_at, group_names, priority, later)
		= ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) WHERE project = $1 AND id = $2`
)

func (j *job) put(n jobName) statement {
	r := j.row
	s := statement{query: updateJob, args: []any{
		n.project, n.id, j.now.Accepted, r.Known, r.Waiting, r.Active, string(r.Status), string(r.Reason), string(r.Kind), r.Title,
		millis(r.CreatedAt), millis(r.UpdatedAt), r.Live, r.News.Head, r.News.Deleted, r.News.Run, string(r.Facts), rand.Int64(), millis(r.DueAt), r.Groups, r.Priority, r.Later,
	}}
	if !j.exists {
		s.query = insertJob
	}
	s.affected = func(rows int64) error {
		if rows == 0 {
			return errRace
		}
		return nil
	}
	return s
}

// putGroups writes what of the job's groups is not there as it should be.
func (j *job) putGroups(n jobName) (list []statement) {
	r := j.row
	if j.before.Groups == "" && r.Groups == "" {
		return nil
	}
	names := cmp.Or(r.Groups, "[]")
	if j.before.Groups != "" && j.before.Groups != r.Groups {
		list = append(list, statement{args: []any{n.project, n.id, names},
			query: `DELETE FROM job_groups WHERE project = $1 AND id = $2 AND name NOT IN (SELECT json_array_elements_text($3::text::json))`})
	}
	return append(list, statement{args: []any{n.project, n.id, string(r.Status), string(r.Reason), string(r.Kind), millis(r.CreatedAt), names}, query: `
		INSERT INTO job_groups AS g (project, id, status, reason, kind, created_at, name) SELECT $1, $2, $3, $4, $5, $6, json_array_elements_text($7::text::json)
		ON CONFLICT (project, id, name) DO UPDATE SET status = excluded.status, reason = excluded.reason, kind = excluded.kind, created_at = excluded.created_at
		WHERE (g.status, g.reason, g.kind, g.created_at) IS DISTINCT FROM (excluded.status, excluded.reason, excluded.kind, excluded.created_at)`})
}

// commit adds the tally to the counters and the batches, and makes everything durable.
func (b *batch) commit(ctx context.Context, conn *pgxpool.Conn, shard int) error {
	changes := b.tally.BatchChanges()
	if !b.begun && len(changes) == 0 {
		return nil
	}
	var end []statement
	if !b.begun {
		end = append(end, begin)
	}
	for _, c := range b.tally.Changes() {
		end = append(end, statement{args: []any{c.Project, c.Name, shard, c.N, c.Time}, query: `
			INSERT INTO counters AS c (project, name, shard, n) VALUES ($1, $2, $3, $4)
			ON CONFLICT (project, name, shard) DO UPDATE SET n = CASE WHEN $5 THEN greatest(c.n, excluded.n) ELSE c.n + excluded.n END`})
	}
	end = append(end, batchStatements(changes)...)
	for project := range b.accepted {
		end = append(end, statement{query: announce, args: []any{project}})
	}
	return pipeline(ctx, conn, append(end, statement{query: `COMMIT`}))
}
