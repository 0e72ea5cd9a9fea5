package githubjobs

import "time"

// Oddity is something about a job on GitHub that does not go away by itself.
type Oddity string

const (
	// BranchWithoutRun: the branch has been there for longer than SlowStart, and
	// GitHub shows no run of the job's workflow on it.
	BranchWithoutRun Oddity = "branch_without_run"
	// RunWithoutBranch: a run has not ended, and the branch that it would deliver to
	// is gone.
	RunWithoutBranch Oddity = "run_without_branch"
	// ZombieRun: GitHub shows a run as not ended beyond every limit that it sets.
	ZombieRun Oddity = "zombie_run"
)

// Oddities lists every oddity.
func Oddities() []Oddity { return []Oddity{BranchWithoutRun, RunWithoutBranch, ZombieRun} }

// ZombieAfter is GitHub's longest limit for a run in progress: five days, on
// self-hosted runners. The limit in the queue is NeverStarted.
const ZombieAfter = 5 * 24 * time.Hour

// Oddity says what is odd about a job; empty when nothing is.
func (f Facts) Oddity(now time.Time) Oddity {
	if f.Spec == nil {
		return ""
	}
	f = f.Present()
	run := f.run()
	if run == nil {
		v := viewOf(f)
		if f.Branch != nil && !f.Branch.Deleted && f.Result == nil && len(f.Pulls) == 0 && now.Sub(v.pushedAt()) > SlowStart {
			return BranchWithoutRun
		}
		return ""
	}
	limit := NeverStarted
	if run.Status == "in_progress" {
		limit = ZombieAfter
	}
	switch {
	case run.Status == "completed" || run.Status == "waiting":
		return "" // a person may take up to 30 days to approve
	case now.Sub(later(run.StartedAt, run.At)) > limit:
		return ZombieRun
	case f.Branch != nil && f.Branch.Deleted:
		return RunWithoutBranch
	}
	return ""
}
