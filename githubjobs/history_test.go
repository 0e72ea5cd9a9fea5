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

// commit pushes a commit onto the branch, a result or a person's.
func (h *history) commit(clock time.Duration, res *Result) {
	h.tick(1)
	h.commits++
	h.head = h.commitName()
	if next := at(h.second).Add(clock); next.After(h.headAt) || h.commits == 1 {
		h.headAt = next
	} else {
		h.headAt = h.headAt.Add(time.Second) // one dates a commit after the one below it
	}
	f := Facts{Branch: h.branch()}
	if res != nil {
		h.result = &ResultFact{SHA: h.head, Result: *res, At: h.headAt}
		f.Result = h.result
	}
	h.tell("commit", f)
	if p := h.pull(); p != nil && p.Open {
		p.HeadSHA = h.head
		h.setPull("commit", *p)
	}
}

// pull is the newest pull request.
func (h *history) pull() *PullFact {
	if len(h.pulls) == 0 {
		return nil
	}
	return &h.pulls[len(h.pulls)-1]
}

func (h *history) setPull(cause string, p PullFact) {
	p.At, p.Base = h.tick(1), "main"
	if p.Merged {
		p.MergedAt, p.MergeSHA = p.At, "m"
	}
	*h.pull() = p
	h.tell(cause, Facts{Pulls: []PullFact{p}})
}

func (h *history) openPull() {
	if p := h.pull(); p != nil && p.Open {
		return // the one that an earlier attempt opened
	}
	h.pulls = append(h.pulls, PullFact{})
	number := len(h.pulls) + 10*(h.number-1)
	h.setPull("pull request opened", PullFact{Number: number, URL: fmt.Sprint("https://hub/pull/", number), Open: true, HeadSHA: h.head})
}

func (h *history) mergePull(cause string) {
	p := *h.pull()
	p.Open, p.Merged = false, true
	h.setPull(cause, p)
}

func (h *history) gate(conclusion string) {
	g := GateFact{HeadSHA: h.pull().HeadSHA, Conclusion: conclusion, Title: "Verdict.", At: h.tick(1)}
	h.gates = append(slices.DeleteFunc(h.gates, func(other GateFact) bool { return other.HeadSHA == g.HeadSHA }), g)
	h.tell("verdict", Facts{Gates: []GateFact{g}})
}

func (h *history) deleteBranch() {
	h.deletedAt, h.deleted = h.tick(1), true
	if p := h.pull(); p == nil || p.HeadSHA != h.head {
		h.forgotten = true
	}
	h.tell("branch deleted", Facts{Branch: h.branch()})
	if p := h.pull(); p != nil && p.Open {
		p.Open = false
		h.setPull("branch deleted", *p)
	}
}

// person does something by hand, as far as GitHub lets.
func (h *history) person() {
	h.byHand = true
	defer func() { h.byHand = false }()
	p, last := h.pull(), h.runs[len(h.runs)-1]
	open, merged := p != nil && p.Open, p != nil && p.Merged
	ended := h.runs[0].Status == "completed" && last.Status == "completed"
	switch h.pick(9) {
	case 0:
		if ended && !h.deleted {
			h.attempt(RunFact{ID: h.runs[0].ID, Attempt: h.runs[0].Attempt + 1})
		}
	case 1:
		if open {
			p.Open = false
			h.setPull("pull request closed", *p)
		}
	case 2:
		if p != nil && !open && !merged && !h.deleted {
			p.Open, p.HeadSHA = true, h.head
			h.setPull("pull request reopened", *p)
		}
	case 3:
		if open {
			h.mergePull("merged by a person")
		}
	case 4:
		if ended && !h.deleted {
			h.deleteBranch()
		}
	case 5:
		if ended && !h.deleted {
			h.commit(h.skew(), nil)
			h.tick(1)
			run := RunFact{ID: last.ID + 1, Attempt: 1, HeadSHA: h.head, Status: "queued"}
			h.setRun("commit", run)
			run.Status, run.Conclusion = "completed", "skipped"
			h.setRun("commit", run)
		}
	case 7:
		if ended && h.deleted && !merged {
			h.restore()
		}
	case 8: // a pull request to another branch
		if !h.deleted {
			h.strays = append(h.strays, PullFact{Number: 100*h.number + len(h.strays), Merged: true, MergedAt: h.tick(1), HeadSHA: h.head, Base: "next", At: at(h.second)})
			h.tell("another pull request", Facts{Pulls: h.strays[len(h.strays)-1:]})
		}
	case 6:
		if r := h.result; ended && r != nil && r.Result.Problem != nil && p == nil && !h.deleted {
			h.openPull()
		}
	}
}

// restore creates the branch anew at its creation commit, which starts a run.
func (h *history) restore() {
	h.tick(1)
	h.head, h.deleted, h.forgotten = h.creation, false, true
	h.tell("re-run", Facts{Spec: h.spec(), Created: []string{h.creation}, Branch: h.branch()})
	h.attempt(RunFact{ID: h.runs[len(h.runs)-1].ID + 1, Attempt: 1})
}

// snapshot is what a complete read of GitHub tells, with the server's own facts,
// which are not lost with news.
func (h *history) snapshot() (f Facts) {
	for _, e := range h.news {
		f = Merge(f, Facts{ID: "a", Attempt: e.facts.Attempt, Dispatch: e.facts.Dispatch, Asked: e.facts.Asked})
	}
	for _, l := range h.lives {
		if l.pushed {
			f = Merge(f, h.snapshotOf(l))
		}
	}
	return f
}

// snapshotOf is what a read tells of one attempt.
func (h *history) snapshotOf(l *life) Facts {
	defer func(now *life) { h.life = now }(h.life)
	h.life = l
	f := Facts{ID: "a", Attempt: h.number, Runs: slices.Clone(h.runs), Pulls: slices.Concat(h.pulls, h.strays)}
	p := h.pull()
	f.Spec, f.Branch, f.Result, f.Created = h.spec(), h.branch(), h.result, []string{h.creation}
	f.Branch.Read = true
	if len(h.runs) == 0 && h.deleted && at(h.second).After(h.deletedAt) {
		f.Settled = []Settled{{}}
	}
	for _, r := range h.runs {
		if r.Status == "completed" && at(h.second).After(r.At) && !h.deleted {
			f.Settled = append(f.Settled, Settled{r.ID, r.Attempt})
		}
	}
	if h.deleted && p != nil {
		f.Branch = &BranchFact{Head: p.HeadSHA, Deleted: true, At: p.At, Seen: at(h.second)}
	}
	if p != nil && p.Open {
		for _, g := range h.gates {
			if g.HeadSHA == p.HeadSHA {
				f.Gates = []GateFact{g}
			}
		}
	}
	return f
}
