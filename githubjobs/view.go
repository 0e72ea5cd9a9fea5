package githubjobs

import (
	"slices"
	"time"
)

// view is the part of the facts that the present attempt of a job consists of.
type view struct {
	Facts
	run    *RunFact    // newest attempt of the job's run
	result *ResultFact // of that attempt
	pull   *PullFact   // of those that deliver the job the merged one, else the newest
	stray  *PullFact   // the newest that delivers nothing; see Facts.delivers
	lost   *LostRun    // set when GitHub does not know the run any more, and its end is not known

	forGood bool // see mergedForGood
	gone    bool // the server has deleted the branch, which stands here as it was before

	number int       // of the attempt, from 1
	from   time.Time // when an attempt after the first was wanted

	known time.Time // until then what is missing has not happened; set by decide
}

// viewOf is the view of the present attempt.
func viewOf(f Facts) view {
	n := f.present()
	v := viewOfOne(f.Of(n), n)
	v.from = f.wantedAt(n)
	return v
}

// wantedAt is when an attempt after the first was to begin: when somebody asked for it,
// else when the backoff after the one before was over. It is zero where that is not known.
func (f Facts) wantedAt(attempt int) time.Time {
	if attempt < 2 || f.Spec == nil {
		return time.Time{}
	}
	one := f.Of(attempt)
	if one.Asked != nil {
		return one.Asked.At
	}
	if before := f.Of(attempt - 1); before.begun() {
		return viewOfOne(before, attempt-1).over().Add(f.Spec.Backoff(attempt - 1))
	}
	return time.Time{}
}

// viewOfOne is the view of facts of one attempt.
func viewOfOne(f Facts, number int) view {
	gone := f.retired()
	if gone { // which says nothing about the job
		f.Branch = &f.Retired.Branch
	}
	v := view{Facts: f, result: f.Result, run: f.run(), gone: gone, number: number}
	v.findPulls()
	switch {
	case v.run == nil || v.result == nil:
	case v.result.olderThan(*v.run):
		v.result = nil
	case v.result.newerThan(*v.run):
		v.run = nil // the attempt that the result is of has a run that is not known yet
	}
	if v.run != nil {
		v.lost = f.lost(*v.run)
	}
	if v.forGood = v.mergedForGood(); v.forGood {
		if v.result = nil; f.Result != nil && f.standsFor(v.pull.HeadSHA, f.Result.SHA) {
			v.result = f.Result
		}
	}
	return v
}

func (v *view) findPulls() {
	for i, p := range v.Pulls {
		switch {
		case !v.delivers(p):
			v.stray = &v.Pulls[i]
		case v.pull == nil || !v.pull.Merged:
			v.pull = &v.Pulls[i]
		}
	}
}

// delivers says whether a pull request is one that the job's result is merged by: it
// leads to the base that the spec names, or to the repository's default branch where
// it names none, and its head is not the creation commit, which holds nothing. Anybody
// may open others from the job's branch.
func (f Facts) delivers(p PullFact) bool {
	if f.isCreation(p.HeadSHA) {
		return false
	}
	switch {
	case f.Spec == nil || p.Base == "":
		return true // it is not known where it should lead to, or where it does
	case f.Spec.Base == "":
		return p.ToDefault
	}
	return p.Base == f.Spec.Base
}

// isCreation says whether a commit is one that carries the spec.
func (f Facts) isCreation(sha string) bool {
	origins := f.origins()
	return sha != "" && slices.Contains(origins, sha)
}

// origins are the commits whose runs are those of the job. While none is known it is
// the head of the oldest run, passing over those of later commits.
func (f Facts) origins() []string {
	if len(f.Created) > 0 {
		return f.Created
	}
	for _, r := range f.Runs {
		moved := f.Branch != nil && f.Branch.Moved && f.Branch.Head == r.HeadSHA
		if !moved && (f.Result == nil || f.Result.SHA != r.HeadSHA) && !f.updated(r.HeadSHA) {
			return []string{r.HeadSHA}
		}
	}
	return nil
}

// run is the newest attempt of the job: the last of the newest run that GitHub started
// on a creation commit. A re-run keeps the id of its run; a branch that is created
// anew starts another. Whatever else somebody pushes there starts runs too, which do
// nothing and are passed over.
func (f Facts) run() (run *RunFact) {
	origins := f.origins()
	for i, r := range f.Runs { // in the order of ids and attempts
		if slices.Contains(origins, r.HeadSHA) {
			run = &f.Runs[i]
		}
	}
	return run
}

// lost is set when GitHub does not know a run any more that had not ended when it was
// last told of, and has told nothing of it since.
func (f Facts) lost(run RunFact) *LostRun {
	for i, l := range f.Lost {
		if l.ID == run.ID && run.Status != "completed" && !run.At.After(l.At) {
			return &f.Lost[i]
		}
	}
	return nil
}

// Unfinished is the id of the job's run while that is not known to have ended; else 0.
func (f Facts) Unfinished() int64 {
	f = f.Present()
	if run := f.run(); run != nil && run.Status != "completed" && f.lost(*run) == nil {
		return run.ID
	}
	return 0
}

// Missing makes a fact of a run that GitHub did not know when it was asked for it; ok
// is false when the run had ended anyway, or is so new that GitHub may not show it yet.
func (f Facts) Missing(run int64, asked time.Time) (lost LostRun, ok bool) {
	f = f.Present()
	r := f.run()
	if r == nil || f.Unfinished() != run || asked.Sub(r.At) <= SlowStart {
		return LostRun{}, false
	}
	return LostRun{ID: run, At: asked}, true
}

// ReadTo says whether the facts hold what the commits up to a head tell. A webhook
// tells only of the commits of its own push, and another may have been lost.
func (f Facts) ReadTo(head string) bool {
	f = f.Present()
	switch {
	case f.Spec == nil || f.Branch == nil || head == "":
		return false
	case f.Branch.Read && f.Branch.Head == head, f.Result != nil && f.standsFor(head, f.Result.SHA):
		return true
	}
	return f.isCreation(head)
}

// Unsettled is what a read of GitHub would settle about how a job has ended.
type Unsettled struct {
	Attempt Settled
	Ended   time.Time // a read that began later settles it
	// Verdict is the head of an open pull request on which no verdict is known; it has to
	// be asked for besides.
	Verdict string
}

// Unsettled is the present attempt of a job whose run has ended, or whose branch is gone
// without one, while news of what came before may be on the way. Once GitHub was read
// after that time it is settled; ok is false when there is nothing to settle.
func (f Facts) Unsettled() (u Unsettled, ok bool) {
	v := viewOf(f)
	there := v.Branch != nil && !v.Branch.Deleted
	switch {
	case v.settled():
		return Unsettled{}, false
	case v.run == nil && v.result == nil:
		if v.Branch == nil || there {
			return Unsettled{}, false
		}
		return Unsettled{Ended: v.Branch.At}, true
	case v.run == nil || v.run.Status != "completed" || v.run.waitsForApproval():
		return Unsettled{}, false
	case !there && v.pull == nil:
		return Unsettled{}, false // what was on a branch that is gone may be told by webhooks alone
	}
	u = Unsettled{Attempt: Settled{v.run.ID, v.run.Attempt}, Ended: v.run.At}
	if v.pull != nil && v.pull.Open && v.gate() == nil {
		u.Verdict = v.pull.HeadSHA
	}
	return u, true
}

// settled says that GitHub was read after the end of the present attempt, or after the
// branch was deleted where none is known.
func (v view) settled() bool {
	attempt := Settled{}
	if v.run != nil {
		attempt = Settled{v.run.ID, v.run.Attempt}
	}
	return slices.Contains(v.Settled, attempt)
}

// olderThan says whether the result belongs to an attempt before this one.
func (r ResultFact) olderThan(run RunFact) bool {
	if r.Result.RunID == 0 {
		return false // written by an agent outside a run
	}
	return r.Result.RunID < run.ID || r.Result.RunID == run.ID && r.Result.Attempt < run.Attempt
}

// newerThan says whether the result belongs to an attempt after this one.
func (r ResultFact) newerThan(run RunFact) bool {
	return r.Result.RunID > run.ID || r.Result.RunID == run.ID && r.Result.Attempt > run.Attempt
}

// again says that there was an attempt before the present one.
func (v view) again() bool {
	if v.run == nil {
		return false
	}
	before := func(r RunFact) bool { return r.ID < v.run.ID && slices.Contains(v.origins(), r.HeadSHA) }
	return v.run.Attempt > 1 || slices.ContainsFunc(v.Runs, before) || v.Result != nil && v.Result.olderThan(*v.run)
}

// mergedForGood: the pull request of an earlier attempt was merged, which opened it
// because it had succeeded. No later attempt takes that back.
func (v view) mergedForGood() bool {
	if v.pull == nil || !v.pull.Merged || !v.again() {
		return false
	}
	return v.result == nil || !v.standsFor(v.pull.HeadSHA, v.result.SHA)
}

// endedAt is when the job was last seen to move.
func (v view) endedAt() time.Time {
	if at, ok := v.moved(); ok {
		return at
	}
	return v.pull.MergedAt
}

// moved is when the run, or the result of one that is not known, was last seen to move.
func (v view) moved() (at time.Time, ok bool) {
	switch {
	case v.lost != nil:
		return v.lost.At, true
	case v.run != nil:
		return v.run.At, true
	case v.result != nil:
		return v.resultAt(), true
	}
	return time.Time{}, false
}

// resultAt is when the result came to GitHub, by GitHub's clock where that is known.
func (v view) resultAt() time.Time {
	if b := v.Branch; b != nil && b.Head == v.result.SHA {
		return later(v.result.At, b.Seen)
	}
	return v.result.At
}
