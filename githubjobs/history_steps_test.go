package githubjobs

import (
	"fmt"
	"slices"
	"time"
)

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
	if h.bringing {
		h.updates = append(h.updates, UpdateFact{SHA: h.head, Result: h.result.SHA})
		f.Updates = h.updates[len(h.updates)-1:]
	}
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

// bring brings the result onto a newer base, as the merge gate does.
func (h *history) bring(clock time.Duration) {
	h.bringing = true
	h.commit(clock, nil)
	h.bringing = false
}

// skipped is the run that a push onto the branch starts, whose job has nothing to do.
func (h *history) skipped(id int64) {
	h.tick(1)
	run := RunFact{ID: id, Attempt: 1, HeadSHA: h.head, Status: "queued"}
	h.setRun("commit", run)
	run.Status, run.Conclusion = "completed", "skipped"
	h.setRun("commit", run)
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
	switch h.pick(10) {
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
			h.skipped(last.ID + 1)
		}
	case 9: // the server does, after the run
		if r := h.result; ended && open && r != nil && r.Result.Outcome == OutcomeSuccess && !h.deleted && h.head == p.HeadSHA {
			h.bring(h.server)
			h.skipped(last.ID + 1)
			h.gate("neutral")
			if h.chance(50) {
				h.mergePull("merged by a person")
			}
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
	f.Spec, f.Branch, f.Result, f.Created, f.Updates = h.spec(), h.branch(), h.result, []string{h.creation}, slices.Clone(h.updates)
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
