package githubjobs

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// gone are the ways in which GitHub tells of a deletion: by a push, by the event of the
// deletion, by a read.
func gone(b BranchFact, when time.Time) []BranchFact {
	return []BranchFact{
		{Head: b.Head, Deleted: true, At: when, Seen: when},
		{Deleted: true, At: when, Seen: when},
		{Head: b.Head, Deleted: true, At: when, Seen: when, Read: true},
	}
}

// checkRetired holds that the deletion of a branch changes nothing that is told of its job.
func checkRetired(t interface{ Fatalf(string, ...any) }, f, retired Facts) {
	fact := *retired.Retired
	present := retired.Name() == f.Name()
	for _, when := range []time.Time{fact.At, fact.At.Add(time.Hour), fact.At.Add(100 * time.Hour)} {
		want := Reduce(f, when)
		known := Merge(f, retired)
		for _, b := range append(gone(fact.Branch, fact.At), fact.Branch) {
			got := Reduce(Merge(known, Facts{ID: f.ID, Attempt: retired.Attempt, Branch: &b}), when)
			if present && got.Evidence.BranchDeleted != b.Deleted {
				t.Fatalf("the branch is told to be deleted: %t, want %t", got.Evidence.BranchDeleted, b.Deleted)
			}
			if got.Evidence.BranchDeleted = want.Evidence.BranchDeleted; !reflect.DeepEqual(got, want) {
				t.Fatalf("its branch %+v was deleted:\ngot  %s\nwant %s\nof %s", b, encoded(got), encoded(want), encoded(f))
			}
		}
	}
}

func TestRetiringChangesNoStatus(t *testing.T) {
	t.Parallel()
	retired := 0
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t)
		wait := rapid.SampledFrom([]time.Duration{0, time.Minute, time.Hour, 30 * time.Hour, 100 * time.Hour}).Draw(t, "wait")
		for known := range h.news { // few histories are at their end, and those not with all that came later
			f := merged(h.news[:known+1])
			for _, one := range f.Retire(Retention{}, at(h.second).Add(wait)) {
				retired++
				checkRetired(t, f, one)
			}
		}
	})
	if retired == 0 {
		t.Error("no branch was to be deleted")
	}
}

// Every combination of what decides a job, with the branch at its creation or its result.
func TestRetireEveryCombination(t *testing.T) {
	t.Parallel()
	keep := Retention{Branch: 3 * time.Hour, Key: 50 * time.Hour}
	retired := map[Reason]int{}
	for _, run := range machineRuns() {
		for _, pull := range []string{"none", "open", "blocked", "closed", "merged"} {
			for _, result := range []string{"no result", "success", "no changes", "failure", "problem", "result before"} {
				for _, head := range []string{"c", "r", "a person's"} {
					for _, request := range []string{"", "key"} {
						f := machineFacts("there", run, pull, result)
						f.Created, f.Branch.Head = []string{"c"}, head
						f.Spec = &Spec{ID: "a", Request: request, CreatedAt: at(0)}
						for i := range f.Runs {
							f.Runs[i].HeadSHA = "c"
						}
						for _, hours := range []int{1, 4, 30, 100} {
							now := at(3600 * hours)
							list := f.Retire(keep, now)
							job := Reduce(f, now)
							keyed := request != "" && pull == "none"
							switch {
							case len(list) == 0:
								continue
							case !job.Terminal, pull == "open", pull == "blocked", head == "a person's", head == "r" && f.Result == nil && pull == "none", hours < 3, keyed && hours < 50, f.Unfinished() != 0:
								t.Fatalf("after %d hours the branch of %s was to be deleted: %s", hours, encoded(job), encoded(f))
							}
							retired[job.Reason]++
							checkRetired(t, f, list[0])
						}
					}
				}
			}
		}
	}
	for _, reason := range []Reason{ReasonPRClosed, ReasonMerged, ReasonNoChanges, ReasonTaskFailed, ReasonAgentError, ReasonNeverStarted, ReasonCanceled} {
		if retired[reason] == 0 {
			t.Errorf("no branch of a job that is %s was to be deleted: %v", reason, retired)
		}
	}
}

func TestRetire(t *testing.T) {
	t.Parallel()
	keep := Retention{Branch: time.Hour, Key: 10 * time.Hour}
	ended := func() Facts {
		return Facts{ID: "a", Spec: &Spec{ID: "a", CreatedAt: at(0)}, Created: []string{"c"}, Runs: []RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: "c", At: at(60)}},
			Branch: &BranchFact{Head: "c", At: at(0), Seen: at(1)}}
	}
	hour := 60 + 3600
	for name, c := range map[string]struct {
		change func(*Facts)
		second int
		want   bool
	}{
		"its time is over":              {func(*Facts) {}, hour, true},
		"GitHub was read since":         {func(f *Facts) { f.Complete = at(hour) }, 2 * hour, true},
		"GitHub was not read since":     {func(f *Facts) { f.Complete = at(hour - 1) }, 2 * hour, false},
		"its time is not over":          {func(*Facts) {}, hour - 1, false},
		"an idempotency key":            {func(f *Facts) { f.Spec.Request = "k" }, hour, false},
		"the key's time is over":        {func(f *Facts) { f.Spec.Request = "k" }, 10 * hour, true},
		"a pull request keeps the key":  {func(f *Facts) { f.Spec.Request = "k"; f.Pulls = []PullFact{{Number: 1, HeadSHA: "c", At: at(30)}} }, hour, true},
		"another run goes on":           {func(f *Facts) { f.Runs = append(f.Runs, RunFact{ID: 8, Attempt: 1, Status: "queued", HeadSHA: "x"}) }, hour, false},
		"a run waits for approval":      {func(f *Facts) { f.Runs[0].Conclusion = "action_required" }, hour, false},
		"a pull request by a person":    {func(f *Facts) { f.Pulls = []PullFact{{Number: 1, Open: true, HeadSHA: "c", Base: "next"}} }, hour, false},
		"a person has pushed":           {func(f *Facts) { f.Branch.Head, f.Branch.Moved = "p", true }, hour, false},
		"it is gone":                    {func(f *Facts) { f.Branch.Deleted = true }, hour, false},
		"it was tried and did not work": {func(f *Facts) { f.Retired = &RetiredFact{Branch: *f.Branch, At: at(100)} }, hour, true},
		"a person has restored it":      {func(f *Facts) { f.Retired = &RetiredFact{Branch: *f.Branch, At: at(100), Done: true} }, hour, false},
		"no job":                        {func(f *Facts) { f.Spec = nil }, hour, false},
		"asked to cancel later":         {func(f *Facts) { f.Cancel = &CancelFact{At: at(120)} }, hour, false},
	} {
		f := ended()
		c.change(&f)
		list := f.Retire(keep, at(c.second))
		if len(list) == 1 != c.want || c.want && (list[0].Retired.Branch != *f.Branch || list[0].Retired.Done || !list[0].Retired.At.Equal(at(c.second))) {
			t.Errorf("%s: %s", name, encoded(list))
		}
	}
}

// Each attempt has a branch of its own; all go when the job has ended.
func TestRetireAttempts(t *testing.T) {
	t.Parallel()
	attempt := func(n int, open bool) Facts {
		head := string(rune('a' + n))
		f := Facts{ID: "a", Attempt: n, Created: []string{head}, Branch: &BranchFact{Head: head, At: at(n)}, Runs: []RunFact{{ID: int64(n), Attempt: 1, Status: "completed", Conclusion: "cancelled", HeadSHA: head, At: at(n * 100)}}}
		if open {
			f.Pulls = []PullFact{{Number: n, Open: true, HeadSHA: head, At: at(n)}}
		}
		return f
	}
	job := func(last Facts, request string) Facts {
		return Merge(Merge(Merge(Facts{ID: "a", Spec: &Spec{ID: "a", Request: request, CreatedAt: at(0)}}, attempt(1, false)), attempt(2, true)), last)
	}
	keep := Retention{Branch: time.Hour, Key: 10 * time.Hour}
	running := attempt(3, false)
	running.Runs[0].Status, running.Runs[0].Conclusion = "in_progress", ""
	// The second attempt was believed to be dead, and may come back as long as it runs: the
	// branch of the third tells it then that it comes too late.
	zombie := Facts{ID: "a", Attempt: 2, Runs: []RunFact{{ID: 2, Attempt: 2, Status: "in_progress", HeadSHA: "c", At: at(200)}}}
	for name, c := range map[string]struct {
		facts  Facts
		second int
		want   []int
	}{
		"one before the present one runs again":    {Merge(job(attempt(3, false), ""), zombie), 300 + 3600, []int{1}},
		"one has an open pull request":             {job(attempt(3, false), ""), 300 + 3600, []int{1, 3}},
		"a pull request of any remembers the key":  {job(attempt(3, false), "k"), 300 + 3600, []int{1, 3}},
		"the time is counted from the end of all":  {job(attempt(3, false), ""), 299 + 3600, nil},
		"the present one runs, and keeps the rest": {job(running, ""), 300 + 3600, nil},
	} {
		var got []int
		for _, one := range c.facts.Retire(keep, at(c.second)) {
			got = append(got, max(one.Attempt, 1))
			checkRetired(t, c.facts, one)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
