package githubjobs

import "time"

// Facts are what is known of one job. Each fact comes from one source, says when
// it was true at that source, and never from when it reached us. Facts from
// webhooks and from reads of the API are the same facts.
//
// Merge joins facts; it is commutative, associative and idempotent, so that
// webhooks may come twice, late, out of order or never.
//
// A source tells of one attempt of a job at a time, and says in Attempt of which. Merge
// keeps the first attempt in the fields themselves, and each later one in Later.
type Facts struct {
	ID   string `json:"id,omitempty"`
	Spec *Spec  `json:"spec,omitempty"`
	// Attempt is the one that all facts but the spec, Hold, Cancel and Deadline are of, which
	// are the job's; 0 is the first, as is 1.
	Attempt int `json:"attempt,omitempty"`
	// Later are the attempts after the first, by number. They hold neither id nor spec.
	Later []Facts `json:"later,omitempty"`
	// Created are the SHAs of the commits that carry the spec and so start runs of the
	// job: one, unless somebody created the branch anew on another base.
	Created []string    `json:"created,omitempty"`
	Branch  *BranchFact `json:"branch,omitempty"`
	Runs    []RunFact   `json:"runs,omitempty"` // one for each run and attempt, oldest first
	Lost    []LostRun   `json:"lost,omitempty"` // runs that GitHub does not know any more, by id
	// Settled are the attempts of which GitHub was read after their end: no news of what
	// they made is on its way.
	Settled []Settled  `json:"settled,omitempty"`
	Pulls   []PullFact `json:"pulls,omitempty"` // one for each pull request, oldest first
	// Undos are pull requests that take back what the job has merged, oldest first. They are the
	// job's, and stand with the first attempt.
	Undos  []PullFact  `json:"undos,omitempty"`
	Result *ResultFact `json:"result,omitempty"` // of the newest attempt
	// Updates are commits that bring results onto newer commits of the base, by SHA.
	Updates []UpdateFact `json:"updates,omitempty"`
	Gates   []GateFact   `json:"gates,omitempty"` // the newest verdict on each head, by SHA

	// The server's own facts, which GitHub does not tell again.
	Asked    *AskedFact    `json:"asked,omitempty"` // who wants the attempt; nil where the job's policy does
	Dispatch *Dispatch     `json:"dispatch,omitempty"`
	Hold     *HoldFact     `json:"hold,omitempty"`     // of the last look
	Cancel   *CancelFact   `json:"cancel,omitempty"`   // the last request to cancel the job
	Deadline *DeadlineFact `json:"deadline,omitempty"` // the last that was set
	Findings *Findings     `json:"findings,omitempty"` // of the last look for what keeps the job
	Opened   *OpenFact     `json:"opened,omitempty"`   // the last try to open the pull request
	Retired  *RetiredFact  `json:"retired,omitempty"`  // the branch, when nothing needed it any more
	Stirred  *StirredFact  `json:"stirred,omitempty"`  // when the pull request is to be judged anew

	// Complete is until when all is known that GitHub tells of the job, by GitHub's clock:
	// what is missing then has not happened. Zero where who reduces the facts does not
	// know it. It belongs to the reader and not to the job: it is not stored and not merged.
	Complete time.Time `json:"-"`
}

// Dispatch is the server's own fact: what came of pushing the job.
type Dispatch struct {
	Refused string `json:"refused,omitempty"` // why GitHub refused the push for good; empty when it did not
	// Dropped: the job was ended before, and will never be pushed.
	Dropped bool `json:"dropped,omitempty"`
	// Unmet says for which job it was dropped that it depends on; empty when it was cancelled.
	Unmet string    `json:"unmet,omitempty"`
	At    time.Time `json:"at"`
}

// AskedFact is a request for one more attempt.
type AskedFact struct {
	By  string    `json:"by"`            // who asked, for people
	Why string    `json:"why,omitempty"` // in the words of who asked
	At  time.Time `json:"at"`
}

// CancelFact is a request to cancel the job, and what GitHub said to it. It is about
// whichever attempt is the present one, and about those that would follow by policy; an
// attempt that was asked for later is not cancelled by it.
type CancelFact struct {
	By  string `json:"by"`            // who asked, for people
	Why string `json:"why,omitempty"` // in the words of who asked
	// Expired: nobody asked; the task had not begun when it had to. See Spec.StartBy.
	Expired bool      `json:"expired,omitempty"`
	At      time.Time `json:"at"`
	// Of is the attempt of the job that GitHub was asked about, or that had not begun in
	// time; 0 stands for the first. Nothing is said of it before GitHub was asked.
	Of      int   `json:"of,omitempty"`
	Run     int64 `json:"run,omitempty"`     // the run that was to be cancelled; 0 when none was known
	Attempt int   `json:"attempt,omitempty"` // of that run
	// Answer is empty until GitHub has answered.
	Answer     CancelAnswer `json:"answer,omitempty"`
	Detail     string       `json:"detail,omitempty"` // GitHub's words, when it refused
	AnsweredAt time.Time    `json:"answered_at,omitzero"`
}

// CancelAnswer is what GitHub said to a request to cancel a run.
type CancelAnswer string

const (
	CancelAccepted CancelAnswer = "accepted" // 202: the run will end; it has not ended yet
	CancelRefused  CancelAnswer = "refused"  // 409: the run has ended, or GitHub has lost hold of it
	CancelForced   CancelAnswer = "forced"   // 202 to force-cancel: the run ends whatever its steps want
	// CancelGivenUp is our own verdict: GitHub cannot end the run, or starts none. The branch
	// was deleted, so that nothing can be delivered any more.
	CancelGivenUp CancelAnswer = "given_up"
)

// DeadlineFact says by when a job should have ended. It ends nothing by itself.
type DeadlineFact struct {
	Until time.Time `json:"until"`
	At    time.Time `json:"at"` // when it was set
}

// BranchFact is the job's branch as a push, a deletion or a read of refs showed it.
type BranchFact struct {
	Head    string `json:"head,omitempty"` // SHA; empty when only the deletion is known
	Deleted bool   `json:"deleted,omitempty"`
	// Moved: the head is not the creation commit any more. It decides between heads
	// that were seen in the same second.
	Moved bool `json:"moved,omitempty"`
	// At is the committer date of the head; of a deletion, about when it happened.
	At time.Time `json:"at"`
	// Seen is when GitHub, by its own clock, saw the branch like this: the time of
	// the push, or of the read. It orders the heads of a branch, for the dates in
	// commits come from the clocks of those who made them. It is zero in what the
	// server knows from its own push of the creation, before which there is nothing.
	Seen time.Time `json:"seen,omitzero"`
	// Read: GitHub was asked, and all that the commits up to Head tell is known. A
	// webhook tells of the commits of one push, and may be the second of two.
	Read bool `json:"read,omitempty"`
}

// RunFact is one attempt of one workflow run of the job's own workflow.
type RunFact struct {
	ID         int64     `json:"id"`
	Attempt    int       `json:"attempt"`
	Status     string    `json:"status"`               // GitHub's: requested, queued, pending, waiting, in_progress, completed
	Conclusion string    `json:"conclusion,omitempty"` // GitHub's, when completed
	HeadSHA    string    `json:"head_sha"`
	URL        string    `json:"url"` // html_url
	StartedAt  time.Time `json:"started_at,omitzero"`
	At         time.Time `json:"at"` // updated_at
}

// LostRun is a run that was known and that GitHub does not know any more: it had
// ended, and somebody deleted it.
type LostRun struct {
	ID int64     `json:"id"`
	At time.Time `json:"at"` // when GitHub was first asked for it in vain
}

// Settled names an attempt of a run; its zero value a job whose branch was deleted
// before one was known.
type Settled struct {
	Run     int64 `json:"run"`
	Attempt int   `json:"attempt"`
}

// PullFact is one pull request from the job's branch in the job's own repository.
type PullFact struct {
	Number   int       `json:"number"`
	URL      string    `json:"url"` // html_url
	Open     bool      `json:"open"`
	Merged   bool      `json:"merged"`
	MergedAt time.Time `json:"merged_at,omitzero"`
	MergeSHA string    `json:"merge_sha,omitempty"`
	HeadSHA  string    `json:"head_sha"`
	Draft    bool      `json:"draft,omitempty"`
	Base     string    `json:"base,omitempty"` // the branch that it is to be merged into
	// ToDefault: that is the repository's default branch.
	ToDefault bool      `json:"to_default,omitempty"`
	At        time.Time `json:"at"` // updated_at
}

// ResultFact is a result commit.
type ResultFact struct {
	SHA     string    `json:"sha"`
	Result  Result    `json:"result"`
	Log     string    `json:"log"`
	Summary string    `json:"summary,omitempty"`
	At      time.Time `json:"at"` // committer date
}

// GateFact is the merge gate's verdict, from its check run on the head commit.
type GateFact struct {
	HeadSHA    string `json:"head_sha"`
	Conclusion string `json:"conclusion"` // success: merged or to be merged; anything else: not
	Title      string `json:"title"`
	Summary    string `json:"summary,omitempty"`
	// Code says what is in the way, where the gate can tell; see Diagnosis.
	Code DiagnosisCode `json:"code,omitempty"`
	At   time.Time     `json:"at"` // completed_at
}

// StirredFact says that something has happened on GitHub on which the verdict on the pull
// request may depend, and which is no fact of the job: a check has ended, somebody has
// reviewed the pull request or labelled it. It changes nothing but that.
type StirredFact struct {
	By string    `json:"by"` // the event, for people
	At time.Time `json:"at"` // when the server heard of it
}
