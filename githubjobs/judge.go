package githubjobs

import (
	"fmt"
	"slices"
	"time"
)

// ToJudge is what of a job its pull request is judged by.
type ToJudge struct {
	Spec Spec
	Of   Name
	// JobSHA is the creation commit, Run the run that it started and that has ended.
	JobSHA string
	Run    RunFact
	Pull   PullFact
	Told   *GateFact // the last verdict on its head; nil where there is none
	// Brought says that its head was brought onto a newer base before.
	Brought bool
	// Seen is equal for as long as nothing is learnt that may change the verdict.
	Seen string
}

// ToJudge is what there is to judge about the job: an open pull request that delivers it, of a
// run that has ended. ok is false where there is none.
func (f Facts) ToJudge(now time.Time) (t ToJudge, ok bool) {
	v := viewOf(f)
	reason, _, _ := v.judge(now)
	if !slices.Contains(Judged(), reason) || f.Spec == nil || v.pull == nil || v.run == nil {
		return ToJudge{}, false
	}
	if _, unlabelled := v.openBy(now); unlabelled {
		return ToJudge{}, false // one of its labels may be to hold it
	}
	t = ToJudge{Spec: *f.Spec, Of: f.Name(), JobSHA: v.run.HeadSHA, Run: *v.run, Pull: *v.pull, Told: v.gate(), Brought: v.updated(v.pull.HeadSHA)}
	stirred := time.Time{}
	if v.Stirred != nil {
		stirred = v.Stirred.At
	}
	t.Seen = fmt.Sprint(t.Of, t.Run.ID, t.Run.Attempt, t.Pull.Number, t.Pull.HeadSHA, t.Pull.Base, t.Pull.At.UnixNano(), stirred.UnixNano())
	return t, true
}

// Judged are the reasons of jobs that have an open pull request which waits for the gate, or
// for a person.
func Judged() []Reason { return []Reason{ReasonPROpen, ReasonMergeBlocked} }
