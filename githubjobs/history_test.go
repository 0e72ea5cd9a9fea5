package githubjobs

import (
	"fmt"
	"slices"
	"time"
)

// history is the life of one job as GitHub would live it. pick decides what happens:
// it returns a number below n. Every change is told as news, as a webhook would tell
// it; snapshot is what a read of GitHub tells at the end.
type history struct {
	pick func(n int) int
	news []event

	second         int           // GitHub's clock
	server, runner time.Duration // how far the others' clocks are ahead of it
	forgotten      bool          // GitHub cannot tell all of it again
	byHand         bool
	limit          int              // of attempts that follow the first by themselves
	held           DependencyPolicy // empty: the job depends on none

	*life         // of the attempt that something happens to
	lives []*life // of all attempts, in their order
}

// life is what GitHub has of one attempt.
type life struct {
	number         int
	commits        int
	creation, head string
	headAt         time.Time
	deleted        bool
	deletedAt      time.Time
	pushed         bool
	runs           []RunFact
	result         *ResultFact
	bringing       bool // the next commit brings the result onto a newer base
	updates        []UpdateFact
	pulls          []PullFact
	strays         []PullFact // lead to another branch
	gates          []GateFact
}

// event is one piece of news, and what caused it.
type event struct {
	facts  Facts
	cause  string
	at     time.Time
	byHand bool // it tells of what a person did, apart from the job's own runs
}

func newHistory(pick func(n int) int) *history {
	h := &history{pick: pick}
	h.server, h.runner, h.limit = h.skew(), h.skew(), h.pick(3)
	if h.chance(15) {
		h.held = DependencyPolicies()[h.pick(2)]
	}
	h.begin()
	h.live()
	for len(h.lives) < 4 && h.again() {
		h.attemptAgain()
	}
	return h
}

// begin makes the life of one more attempt, which has not been pushed.
func (h *history) begin() {
	h.life = &life{number: len(h.lives) + 1}
	h.creation, h.head = h.commitName(), h.commitName()
	h.lives = append(h.lives, h.life)
}

// commitName is the next commit of the attempt.
func (h *history) commitName() string {
	if h.number > 1 {
		return fmt.Sprintf("%d.c%d", h.number, h.commits)
	}
	return fmt.Sprintf("c%d", h.commits)
}

// again says whether the job is attempted once more: by its policy, once GitHub was
// read, or because somebody asks for it.
func (h *history) again() bool {
	if !h.pushed {
		return false
	}
	h.tick(1)
	h.read()
	f := merged(h.news)
	if _, _, next := viewOf(f).judge(at(h.second)); !next.IsZero() {
		h.second = max(h.second, int(next.Sub(epoch)/time.Second)+1)
		return true
	}
	if j := Reduce(f, at(h.second)); j.Status == StatusFailed && f.AskAgain(at(h.second)) == nil && h.chance(30) {
		asked := Facts{ID: "a", Attempt: h.number + 1, Asked: &AskedFact{By: "x", At: at(h.second)}}
		h.news = append(h.news, event{asked, "asked", at(h.second), false})
		return true
	}
	return false
}

// attemptAgain is the life of a later attempt. Meanwhile something may happen to the
// earlier ones, which counts no more.
func (h *history) attemptAgain() {
	h.begin()
	h.pushIt()
	h.attempt(RunFact{ID: int64(7 + 10*h.number), Attempt: 1})
	for range h.pick(5) {
		now := h.life
		h.life = h.lives[h.pick(len(h.lives))]
		if len(h.runs) > 0 {
			h.person()
		}
		h.life = now
	}
}

func (h *history) skew() time.Duration { return time.Duration(h.pick(5)-2) * 40 * time.Second }

// tick lets time pass, sometimes none: times have seconds, and many are equal.
func (h *history) tick(least int) time.Time {
	h.second += least + h.pick(3)
	return at(h.second)
}

func (h *history) tell(cause string, f Facts) {
	f.ID, f.Attempt = "a", h.number
	h.news = append(h.news, event{f, cause, at(h.second), h.byHand})
	if h.pushed && h.chance(10) {
		h.read()
	}
}

// read is news of a read of GitHub, which tells of what people did, too.
func (h *history) read() {
	h.news = append(h.news, event{h.snapshot(), "read", at(h.second), slices.ContainsFunc(h.news, func(e event) bool { return e.byHand })})
}

func (h *history) chance(percent int) bool { return h.pick(100) < percent }

func (h *history) branch() *BranchFact {
	if h.deleted {
		return &BranchFact{Head: h.head, Deleted: true, At: h.deletedAt, Seen: at(h.second)}
	}
	return &BranchFact{Head: h.head, Moved: h.head != h.creation, At: h.headAt, Seen: at(h.second)}
}

func (h *history) spec() *Spec {
	retry := &Retry{BackoffLimit: h.limit, BackoffSeconds: 1}
	s := &Spec{Version: 1, ID: "a", Kind: KindReport, Base: "main", CreatedAt: at(0), Retry: retry.normal()}
	if h.held != "" {
		s.DependsOn, s.OnDependencyFailure, s.ConcurrencyKey = []string{"b"}, h.held, "k"
	}
	return s
}

func (h *history) live() {
	if h.chance(5) {
		h.tell("push refused", Facts{Spec: h.spec(), Dispatch: &Dispatch{Refused: "a rule", At: at(0)}})
		h.forgotten = true
		return
	}
	h.tell("accepted", Facts{Spec: h.spec()})
	if h.held != "" && !h.hold() {
		return
	}
	h.pushIt()
	if h.chance(10) { // no run starts
		if h.chance(50) {
			h.deleteBranch()
		}
		return
	}
	h.attempt(RunFact{ID: 7, Attempt: 1})
	for range h.pick(5) {
		h.person()
	}
}

// hold is what a job lives through that waits for another one, and then for its turn. It
// says whether it is pushed in the end.
func (h *history) hold() bool {
	look := func(f HoldFact) {
		f.At = h.tick(0)
		h.tell("look", Facts{Hold: &f})
	}
	look(HoldFact{After: []string{"b"}})
	if h.chance(40) {
		look(HoldFact{Unmet: "b has failed."})
		h.tell("dropped", Facts{Dispatch: &Dispatch{Dropped: true, Unmet: "b has failed.", At: at(h.second)}})
		h.forgotten = true
		return false
	}
	look(HoldFact{Met: true})
	look(HoldFact{Met: true, Queued: true, After: []string{"d"}})
	look(HoldFact{Met: true, Queued: true, Open: true})
	return true
}

// pushIt is the push of the attempt, as the server tells of it, and GitHub.
func (h *history) pushIt() {
	h.headAt = at(h.second).Add(h.server)
	h.tell("pushed", Facts{Dispatch: &Dispatch{At: at(h.second)}, Created: []string{h.creation}, Branch: &BranchFact{Head: h.creation, At: h.headAt}})
	h.pushed = true
	h.tell("pushed", Facts{Spec: h.spec(), Created: []string{h.creation}, Branch: h.branch()})
}

func (h *history) setRun(cause string, r RunFact) {
	r.At, r.URL = at(h.second), "https://hub/run/7"
	i := slices.IndexFunc(h.runs, func(other RunFact) bool { return other.ID == r.ID })
	if i < 0 {
		h.runs, i = append(h.runs, r), len(h.runs)
	}
	h.runs[i] = r
	h.tell(cause, Facts{Runs: []RunFact{r}})
}

// attempt is one attempt of the job's run, from its request to its end.
func (h *history) attempt(r RunFact) {
	cause := "started"
	if len(h.runs) > 0 {
		cause = "re-run"
	}
	defer func(byHand bool) { h.byHand = byHand }(h.byHand)
	h.byHand = false
	r.HeadSHA, r.StartedAt = h.creation, h.tick(1)
	step := func(status, conclusion string) {
		r.Status, r.Conclusion = status, conclusion
		h.setRun(cause, r)
		cause = "run"
		h.tick(0)
	}
	step([]string{"requested", "queued"}[h.pick(2)], "")
	switch h.pick(12) {
	case 0:
		step("completed", []string{"cancelled", "startup_failure", "stale", "skipped"}[h.pick(4)])
		return
	case 1:
		step("waiting", "")
		h.tick(1)
		step("queued", "")
	case 2:
		step("completed", "action_required")
		if h.chance(20) {
			return
		}
		h.tick(1)
		step("queued", "")
	}
	if h.chance(5) {
		return // it waits for a runner at the end of the history
	}
	step("in_progress", "")
	if h.chance(5) {
		return // a zombie
	}
	step("completed", h.work(r))
}

// work is what the agent does in a run; it returns the run's conclusion.
func (h *history) work(r RunFact) (conclusion string) {
	if h.chance(10) {
		return []string{"failure", "timed_out", "cancelled"}[h.pick(3)] // no result
	}
	res := Result{Version: 1, ID: "a", RunID: r.ID, Attempt: r.Attempt, Outcome: OutcomeSuccess, FilesTotal: h.pick(4)}
	if h.deleted || h.chance(25) {
		res.Outcome, res.FilesTotal = []Outcome{OutcomeFailure, OutcomeTimedOut, OutcomeCanceled, OutcomeError}[h.pick(4)], 0
	}
	if res.Outcome == OutcomeError {
		res.Refused = []Reason{"", ReasonPolicyDenied, ReasonSecretMissing}[h.pick(3)]
	}
	if h.deleted {
		return "failure" // the branch cannot be pushed to
	}
	h.commit(h.runner, &res)
	switch {
	case res.Outcome != OutcomeSuccess:
		return "failure"
	case res.FilesTotal == 0:
		return "success"
	case h.chance(15):
		res.Problem = &Problem{Reason: []Reason{ReasonPRForbidden, ReasonPolicyDenied}[h.pick(2)], Message: "because"}
		h.commit(h.runner, &res)
		return "failure"
	}
	h.openPull()
	if h.chance(5) {
		return "failure" // the step after it broke
	}
	for h.chance(15) {
		h.bring(h.runner)
	}
	if h.chance(50) {
		h.gate("action_required")
		return "success"
	}
	h.mergePull("merged by the gate")
	h.gate("success")
	if h.chance(80) {
		h.deleteBranch()
	}
	if h.chance(5) {
		return "failure"
	}
	return "success"
}
