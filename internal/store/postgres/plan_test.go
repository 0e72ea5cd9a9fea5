package postgres

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

var removed = regexp.MustCompile(`Rows Removed by \w+: (\d+)`)

// Every listing reads an index in order, and little more of it than the page: no
// table is scanned, and nothing is sorted but, at times, what a batch has of the jobs.
func TestListingPlans(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, db, nil)
	defer s.Close()
	const n = 20_000
	// Rows are as wide as those of real jobs. One in ten is a report, another one a prompt; three in a hundred timed out, three in a thousand run.
	admin(t, db, `INSERT INTO jobs SELECT 'p', 'job-' || i, true, true, false, false,
			CASE WHEN i % 1000 IN (0, 1, 3) THEN 'running' WHEN i % 100 IN (2, 10, 13) THEN 'failed' ELSE 'merged' END,
			CASE WHEN i % 1000 IN (0, 1, 3) THEN 'running' WHEN i % 100 IN (2, 10, 13) THEN 'timed_out' ELSE 'merged' END,
			CASE i % 10 WHEN 0 THEN 'report' WHEN 3 THEN 'prompt' ELSE 'command' END, 'title', $1::bigint - i * 1000, $1, false, '', false, 0, repeat('x', 1500), i, 0, '[]', 0
		FROM generate_series(0, $2 - 1) i`, millis(storetest.Now), n)
	for _, name := range []string{`'label=all'`, `'label=third'`, fmt.Sprintf(`'batch=b-' || version / %d`, n/100)} {
		admin(t, db, `INSERT INTO job_groups SELECT project, `+name+`, id, status, reason, kind, created_at FROM jobs WHERE `+name+` <> 'label=third' OR version % 3 = 0`)
	}
	admin(t, db, `ANALYZE jobs, job_groups`)
	now := millis(storetest.Now)
	for index, q := range map[string]struct {
		query string
		args  []any
	}{
		"jobs_waiting": {waitingQuery, []any{"p", 100}},
		"jobs_due":     {dueQuery, []any{"p", 100, now}},
		"jobs_active":  {activeQuery, []any{"p", 100, ""}},
		"jobs_ended":   {endedQuery, []any{"p", now, 100}},
		"jobs_active ": {staleQuery, []any{"p"}},
		"jobs_updated": {knownQuery, []any{"p", now + 1}},
		"jobs_live":    {knownQuery, []any{"p", now + 1}},
		"job_groups_l": {membersQuery, []any{"p", 2, "label=all", now - 1000, "job-1"}},
		"ends_project": {endsQuery, []any{"p", 2}},
		"receipts_due": {unsignedQuery, []any{"p", 0, 2}},
	} {
		if plan := explained(t, s, q.query, q.args); !strings.Contains(plan, strings.TrimSpace(index)) || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%s: %s", q.query, plan)
		}
	}
	for _, q := range storetest.Queries(n) {
		statement, args, err := q.Select("p", nil)
		if err != nil {
			t.Fatal(err)
		}
		plan := explained(t, s, statement, args)
		wasted := 0
		for _, m := range removed.FindAllStringSubmatch(plan, -1) {
			n, _ := strconv.Atoi(m[1])
			wasted += n
		}
		if !strings.Contains(plan, "Index Scan") || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") && q.Batch == "" || wasted > n/50 {
			t.Errorf("%+v:\n%s", q, plan)
		}
	}
}

func explained(t *testing.T, s *Store, statement string, args []any) string {
	t.Helper()
	rows, err := s.pool.Query(context.Background(), `EXPLAIN (ANALYZE, TIMING OFF) `+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(line + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
