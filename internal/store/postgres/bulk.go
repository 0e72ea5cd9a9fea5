package postgres

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
)

// Many new jobs are written by a few statements: one for each job takes three times as long.
const (
	bulkFrom = 50    // jobs; fewer are written one by one
	bulkSize = 1_000 // jobs in one statement, which must come to its end within the time that the session gives it
)

const (
	insertJobs = `INSERT INTO jobs (project, id, accepted, known, waiting, active, status, reason, kind, title,
			created_at, updated_at, live, head, deleted, open_run, facts, version, due_at, group_names, priority, later)
		SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[], $6::boolean[], $7::text[], $8::text[], $9::text[], $10::text[],
			$11::bigint[], $12::bigint[], $13::boolean[], $14::text[], $15::boolean[], $16::bigint[], $17::text[], $18::bigint[], $19::bigint[], $20::text[], $21::int[], $22::text[])
		ON CONFLICT DO NOTHING`
	insertGroups = `INSERT INTO job_groups (project, id, status, reason, kind, created_at, name)
		SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])`
)

// putNew stages the rows of new jobs, which have these names.
func (b *batch) putNew(names []jobName) (list []statement, err error) {
	for part := range slices.Chunk(names, bulkSize) {
		var c columns
		for _, n := range part {
			if err := c.add(n, b.jobs[n]); err != nil {
				return nil, err
			}
		}
		list = append(list, statement{query: insertJobs, args: c.jobs(), affected: func(rows int64) error {
			if rows < int64(len(part)) {
				return errRace
			}
			return nil
		}})
		if len(c.group.id) > 0 {
			list = append(list, statement{query: insertGroups, args: c.groups()})
		}
	}
	return list, nil
}

// columns are rows of jobs and of their groups, column by column.
type columns struct {
	project, id, status, reason, kind, title, head, facts, groupNames, later []string
	accepted, known, waiting, active, live, deleted                          []bool
	created, updated, run, version, due                                      []int64
	priority                                                                 []int32

	group struct {
		project, id, status, reason, kind, name []string
		created                                 []int64
	}
}

func (c *columns) add(n jobName, j *job) error {
	r := j.row
	c.project, c.id, c.accepted, c.known, c.waiting = append(c.project, n.project), append(c.id, n.id), append(c.accepted, j.now.Accepted), append(c.known, r.Known), append(c.waiting, r.Waiting)
	c.active, c.status, c.reason, c.kind, c.title = append(c.active, r.Active), append(c.status, string(r.Status)), append(c.reason, string(r.Reason)), append(c.kind, string(r.Kind)), append(c.title, r.Title)
	c.created, c.updated, c.live, c.head, c.deleted = append(c.created, millis(r.CreatedAt)), append(c.updated, millis(r.UpdatedAt)), append(c.live, r.Live), append(c.head, r.News.Head), append(c.deleted, r.News.Deleted)
	c.run, c.facts, c.version, c.due = append(c.run, r.News.Run), append(c.facts, string(r.Facts)), append(c.version, rand.Int64()), append(c.due, millis(r.DueAt))
	c.groupNames, c.priority, c.later = append(c.groupNames, r.Groups), append(c.priority, int32(r.Priority)), append(c.later, r.Later)
	if r.Groups == "" {
		return nil
	}
	var names []string
	if err := json.Unmarshal([]byte(r.Groups), &names); err != nil {
		return err
	}
	g := &c.group
	for _, name := range names {
		g.project, g.id, g.status, g.reason = append(g.project, n.project), append(g.id, n.id), append(g.status, string(r.Status)), append(g.reason, string(r.Reason))
		g.kind, g.created, g.name = append(g.kind, string(r.Kind)), append(g.created, millis(r.CreatedAt)), append(g.name, name)
	}
	return nil
}

// jobs are the arguments of insertJobs.
func (c *columns) jobs() []any {
	return []any{c.project, c.id, c.accepted, c.known, c.waiting, c.active, c.status, c.reason, c.kind, c.title,
		c.created, c.updated, c.live, c.head, c.deleted, c.run, c.facts, c.version, c.due, c.groupNames, c.priority, c.later}
}

// groups are the arguments of insertGroups.
func (c *columns) groups() []any {
	g := c.group
	return []any{g.project, g.id, g.status, g.reason, g.kind, g.created, g.name}
}
