package githubjobs

import (
	"slices"
	"strings"
	"time"
)

// OpenWithin is how old a result may be whose pull request the server opens: what nobody
// has opened for so long, nobody expects any more. One that is open is labelled however old it is.
const OpenWithin = 24 * time.Hour

// OpenFact is what came of the server's try to open the pull request of a result that the
// workflow was not allowed to open.
type OpenFact struct {
	Result string `json:"result"` // SHA of the result commit
	// Refused says why the server could not open it either, or would not; empty when it is open.
	Refused string `json:"refused,omitempty"`
	// Lacks says what the pull request lacks that the job had asked for; empty for nothing.
	Lacks string    `json:"lacks,omitempty"`
	At    time.Time `json:"at"`
}

func (o OpenFact) rank() rank { return rank{}.at(o.At) }

// forbidden says whether the workflow has delivered everything but the pull request, which
// it was not allowed to open.
func (v view) forbidden() bool {
	if v.result == nil {
		return false
	}
	r := v.result.Result
	return r.Outcome == OutcomeSuccess && r.Problem != nil && r.Problem.Reason == ReasonPRForbidden && r.FilesTotal > 0
}

// tried is what came of the server's try to open the pull request; nil before it.
func (v view) tried() *OpenFact {
	if o := v.Opened; o != nil && v.result != nil && o.Result == v.result.SHA {
		return o
	}
	return nil
}

// openBy says from when on the server is to open the pull request, or to label the one that was
// opened in place of the workflow: a server may have died in between. ok is false when it is not to.
func (v view) openBy(now time.Time) (due time.Time, ok bool) {
	if !v.forbidden() {
		return time.Time{}, false
	}
	moved := v.Branch != nil && (v.Branch.Deleted || v.gone || v.Branch.Head != v.result.SHA)
	if moved || v.tried() != nil {
		return time.Time{}, false
	}
	if v.pull != nil {
		return v.result.At, v.unlabelled()
	}
	return v.result.At, now.Sub(v.result.At) <= OpenWithin
}

// opens says that nothing else has become of a job with this reason than that its pull request is
// to be opened, or was.
func (r Reason) opens() bool {
	return !r.Status().Terminal() || r == ReasonPRForbidden || slices.Contains(Judged(), r)
}

// unlabelled says that the pull request may lack labels that the job asks for.
func (v view) unlabelled() bool {
	return v.pull.Open && v.pull.HeadSHA == v.result.SHA && v.Spec != nil && len(v.Spec.Pull().Labels) > 0
}

// unopened decides a job whose pull request the workflow was not allowed to open, and which
// has none.
func (v view) unopened() (Reason, string) {
	why := v.result.Result.Problem.Message
	switch o := v.tried(); {
	case o != nil && o.Refused != "":
		return ReasonPRForbidden, strings.TrimSuffix(why, ".") + ". " + inFull("The server could not open it either", o.Refused)
	case o == nil && v.known.Sub(v.endedAt()) <= SlowDelivery:
		return ReasonPublishing, "The repository lets no workflow open pull requests, so the server opens it."
	}
	return ReasonPRForbidden, why
}

// lacking says what the pull request lacks that the job had asked for.
func (v view) lacking() string {
	lacks := ""
	if o := v.tried(); o != nil {
		lacks = o.Lacks
	} else if v.result != nil {
		lacks = v.result.Result.Lacks
	}
	if lacks == "" {
		return ""
	}
	return " " + lacks
}

// ToOpen is a pull request that the server is to open.
type ToOpen struct {
	Spec   Spec
	Of     Name
	Result Result // with its log and its summary
	SHA    string // of the result commit
	Run    RunFact
}

// ToOpen is the pull request that the server is to open for the job's present attempt, by
// the step StepOpenPull.
func (f Facts) ToOpen() ToOpen {
	v := viewOf(f)
	t := ToOpen{Of: f.Name()}
	if v.Spec != nil {
		t.Spec = *v.Spec
	}
	if v.result != nil {
		t.Result, t.SHA = v.result.Result, v.result.SHA
		t.Result.Log, t.Result.Summary = v.result.Log, v.result.Summary
	}
	if v.run != nil {
		t.Run = *v.run
	}
	return t
}
