package githubjobs

import (
	"testing"
	"time"
)

func TestOddity(t *testing.T) {
	t.Parallel()
	spec := &Spec{ID: "a"}
	there, gone := &BranchFact{Head: "c", At: at(0)}, &BranchFact{Head: "c", Deleted: true, At: at(0)}
	day := 24 * time.Hour
	for name, c := range map[string]struct {
		facts Facts
		after time.Duration
		want  Oddity
	}{
		"nothing is known":               {Facts{}, day, ""},
		"a branch by hand":               {Facts{Branch: there}, day, ""},
		"just pushed":                    {Facts{Spec: spec, Branch: there}, time.Minute, ""},
		"pushed, and no run":             {Facts{Spec: spec, Branch: there}, 4 * time.Minute, BranchWithoutRun},
		"pushed late, and no run":        {Facts{Spec: spec, Branch: there, Dispatch: &Dispatch{At: at(600)}}, 11 * time.Minute, ""},
		"no run, branch gone":            {Facts{Spec: spec, Branch: gone}, day, ""},
		"no run, but a result":           {Facts{Spec: spec, Branch: there, Result: resultFact(OutcomeSuccess, 0)}, day, ""},
		"queued":                         {Facts{Spec: spec, Branch: there, Runs: []RunFact{run(1, "queued", "", 0)}}, 23 * time.Hour, ""},
		"queued for more than a day":     {Facts{Spec: spec, Branch: there, Runs: []RunFact{run(1, "queued", "", 0)}}, 25 * time.Hour, ZombieRun},
		"in progress for two days":       {Facts{Spec: spec, Branch: there, Runs: []RunFact{run(1, "in_progress", "", 0)}}, 2 * day, ""},
		"in progress for six days":       {Facts{Spec: spec, Branch: there, Runs: []RunFact{run(1, "in_progress", "", 0)}}, 6 * day, ZombieRun},
		"a person is waited for":         {Facts{Spec: spec, Branch: there, Runs: []RunFact{run(1, "waiting", "", 0)}}, 20 * day, ""},
		"in progress, branch gone":       {Facts{Spec: spec, Branch: gone, Runs: []RunFact{run(1, "in_progress", "", 0)}}, time.Minute, RunWithoutBranch},
		"ended, branch gone":             {Facts{Spec: spec, Branch: gone, Runs: []RunFact{run(1, "completed", "failure", 0)}}, 30 * day, ""},
		"a later attempt is in progress": {Facts{Spec: spec, Branch: there, Runs: []RunFact{run(1, "completed", "failure", 0), run(2, "queued", "", 3600)}}, day, ""},
	} {
		if got := c.facts.Oddity(at(0).Add(c.after)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
