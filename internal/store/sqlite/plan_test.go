package sqlite

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

// Every listing enters an index where the page begins, and reads it in order: no
// table is scanned and nothing is sorted.
func TestListingPlans(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "a.db"), nil)
	defer s.Close()
	const n = 4000 // its plans are the same for any number
	// One in ten is a report, another one a prompt; three in a hundred timed out, three in a thousand run.
	_, err := s.write.tx.conn.ExecContext(t.Context(), `
		WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < $2 - 1)
		INSERT INTO jobs SELECT 'p', 'job-' || i, 1, 1, 0, 0, iif(i % 1000 IN (0, 1, 3), 'running', iif(i % 100 IN (2, 10, 13), 'failed', 'merged')),
			iif(i % 1000 IN (0, 1, 3), 'running', iif(i % 100 IN (2, 10, 13), 'timed_out', 'merged')), iif(i % 10 = 0, 'report', iif(i % 10 = 3, 'prompt', 'command')), 'title',
			$1 - i * 1000, $1, 0, '', 0, 0, '{}', 0, '[]', 0, '' FROM n`, millis(storetest.Now), n)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{`'label=all'`, `'label=third'`, fmt.Sprintf(`'batch=b-' || i / %d`, n/100)} {
		_, err := s.write.tx.conn.ExecContext(t.Context(), `WITH numbered AS (SELECT *, CAST(substr(id, 5) AS INTEGER) AS i FROM jobs)
			INSERT INTO job_groups SELECT project, `+name+`, id, status, reason, kind, created_at FROM numbered WHERE `+name+` <> 'label=third' OR i % 3 = 0`)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range storetest.Queries(n) {
		statement, args, err := q.Select("p", indexedBy)
		if err != nil {
			t.Fatal(err)
		}
		plan := explained(t, s, statement, args)
		begins := "SEARCH f USING INDEX jobs_list"
		if q.Batch != "" || len(q.Labels) > 0 { // which have all that is asked for
			begins = "SEARCH f USING COVERING INDEX job_groups_list"
		}
		if !strings.HasPrefix(plan, begins) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "B-TREE") {
			t.Errorf("%+v: %s", q, plan)
		}
		// As many columns of the index are entered as there are filters.
		for column, filter := range map[string]string{"status": string(q.Status), "reason": string(q.Reason), "kind": string(q.Kind)} {
			if (filter != "") != strings.Contains(plan, column+"=?") {
				t.Errorf("%+v: %s", q, plan)
			}
		}
		if page, err := s.List(t.Context(), "p", q); err != nil || len(page.Jobs) == 0 && q.Batch == "" {
			t.Errorf("%+v: %d jobs, %v", q, len(page.Jobs), err)
		}
	}
}

func explained(t *testing.T, s *Store, statement string, args []any) string {
	t.Helper()
	rows, err := s.read.QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	var plan []string
	err = each(rows, func() error {
		var a, b, c int
		var detail string
		err := rows.Scan(&a, &b, &c, &detail)
		plan = append(plan, detail)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(plan, "; ")
}
