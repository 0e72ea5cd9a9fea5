package githubjobs

import (
	"maps"
	"slices"
	"time"
)

// Retention says how long the branch of a job is kept after the job's end.
type Retention struct {
	// Branch is for every job.
	Branch time.Duration
	// Key is for jobs with an idempotency key and without a pull request, where it is
	// longer: nothing on GitHub but the branch remembers the key of such a job.
	Key time.Duration
}

// RetiredFact is the server's own: nothing needs the branch of an attempt any more, and the server
// deletes it. That says nothing about the job.
type RetiredFact struct {
	Branch BranchFact `json:"branch"` // as it was then
	At     time.Time  `json:"at"`
	Done   bool       `json:"done,omitempty"` // GitHub has deleted it
}

func (r RetiredFact) rank() rank { return append(rank{}.at(r.At), bit(r.Done)) }

// Retire are the branches of the job that may be deleted, each as a RetiredFact of its
// attempt. They may once the job has ended, and was left alone for as long as it has to be
// kept, as far as GitHub is known; and each of them while no run of it goes on, no pull request from it is open, and
// all that it holds is known. A branch that a person has pushed to, or has restored, is that
// person's. While a run of an attempt goes on, the branches of later ones stay, too.
func (f Facts) Retire(keep Retention, now time.Time) (list []Facts) {
	heads := f.Branches()
	if f.Spec == nil || len(heads) == 0 {
		return nil
	}
	least := keep.Branch
	if f.Spec.Request != "" && !f.hasPull() {
		least = max(least, keep.Key)
	}
	known := now // until then nothing has happened to the job that is not known
	if !f.Complete.IsZero() && f.Complete.Before(now) {
		known = f.Complete
	}
	if known.Sub(f.stoodStill()) < least || !Reduce(f, now).Terminal {
		return nil
	}
	for _, name := range slices.SortedFunc(maps.Keys(heads), func(a, b Name) int { return a.Attempt - b.Attempt }) {
		one := f.Of(name.Attempt)
		if one.running() {
			break // the branches of later attempts keep this one from delivering
		}
		if !one.spent() {
			continue
		}
		list = append(list, Facts{ID: f.ID, Attempt: name.Attempt, Retired: &RetiredFact{Branch: *one.Branch, At: now}})
	}
	return list
}

// hasPull says whether there is a pull request of any attempt.
func (f Facts) hasPull() bool {
	return slices.ContainsFunc(f.numbers(), func(n int) bool { return len(f.Of(n).Pulls) > 0 })
}

// spent says whether nothing needs the branch of an attempt whose job has ended.
func (f Facts) spent() bool {
	b := f.Branch
	if b.Head == "" || !f.holds(b.Head) || f.goesOn() {
		return false
	}
	restored := f.Retired != nil && f.Retired.Done && f.Retired.Branch.Head == b.Head // or the news of its end is on the way
	return !restored
}

// holds says whether a commit of the branch is known to be the job's: its creation, its
// result, or what a pull request keeps.
func (f Facts) holds(head string) bool {
	if f.isCreation(head) || f.updated(head) || f.Result != nil && f.Result.SHA == head {
		return true
	}
	for _, p := range f.Pulls {
		if p.HeadSHA == head {
			return true
		}
	}
	return false
}

// running says whether a run from the branch has not ended.
func (f Facts) running() bool {
	return slices.ContainsFunc(f.Runs, func(r RunFact) bool {
		return (r.Status != "completed" || r.waitsForApproval()) && f.lost(r) == nil
	})
}

// goesOn says whether a run from the branch has not ended, or a pull request is open.
func (f Facts) goesOn() bool {
	if f.running() {
		return true
	}
	for _, p := range f.Pulls {
		if p.Open {
			return true
		}
	}
	return false
}

// stoodStill is when the last thing happened to the job that is known.
func (f Facts) stoodStill() (at time.Time) {
	for _, n := range f.numbers() {
		at = later(at, viewOfOne(f.Of(n), n).stoodStill())
	}
	if f.Cancel != nil {
		at = later(later(at, f.Cancel.At), f.Cancel.AnsweredAt)
	}
	return at
}

func (v view) stoodStill() time.Time {
	at := v.pushedAt()
	if v.run == nil && v.result == nil {
		at = at.Add(NeverStarted)
	}
	for _, r := range v.Runs {
		at = later(at, r.At)
	}
	for _, l := range v.Lost {
		at = later(at, l.At)
	}
	for _, p := range v.Pulls {
		at = later(at, p.At)
	}
	if v.Result != nil {
		at = later(at, v.Result.At)
	}
	if v.Asked != nil {
		at = later(at, v.Asked.At)
	}
	return at
}

// retired says that the branch is gone because the server has deleted it.
func (f Facts) retired() bool {
	r, b := f.Retired, f.Branch
	return r != nil && b != nil && b.Deleted && (b.Head == "" || b.Head == r.Branch.Head)
}
