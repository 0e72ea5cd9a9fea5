package githubjobs

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// Merge joins what two sources know of the same job. Which of two versions of one
// fact wins is a total order on their content alone: a later attempt before an
// earlier one, then an end before a state that leads to it, then the later time;
// of a branch, what GitHub saw later by its own clock. Where all of this is equal the encoded bytes decide, so that no order of arrival can.
//
// Facts of a later attempt come to stand in Later; see Facts.
func Merge(a, b Facts) Facts {
	a, b = a.whole(), b.whole()
	m := join(a, b)
	m.Later = joinLater(a.Later, b.Later)
	return m
}

// join joins facts of the same attempt.
func join(a, b Facts) Facts {
	return Facts{
		ID:       max(a.ID, b.ID),
		Attempt:  max(a.Attempt, b.Attempt),
		Spec:     newest(a.Spec, b.Spec, Spec.rank),
		Created:  slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Created, b.Created)))),
		Branch:   newest(a.Branch, b.Branch, BranchFact.rank),
		Runs:     union(a.Runs, b.Runs, RunFact.order, RunFact.rank),
		Lost:     union(a.Lost, b.Lost, LostRun.order, LostRun.rank),
		Settled:  union(a.Settled, b.Settled, Settled.order, Settled.rank),
		Pulls:    union(a.Pulls, b.Pulls, PullFact.order, PullFact.rank),
		Undos:    union(a.Undos, b.Undos, PullFact.order, PullFact.rank),
		Result:   newest(a.Result, b.Result, ResultFact.rank),
		Updates:  union(a.Updates, b.Updates, UpdateFact.order, UpdateFact.rank),
		Gates:    union(a.Gates, b.Gates, GateFact.order, GateFact.rank),
		Asked:    newest(a.Asked, b.Asked, AskedFact.rank),
		Dispatch: newest(a.Dispatch, b.Dispatch, Dispatch.rank),
		Hold:     newest(a.Hold, b.Hold, HoldFact.rank),
		Cancel:   newest(a.Cancel, b.Cancel, CancelFact.rank),
		Deadline: newest(a.Deadline, b.Deadline, DeadlineFact.rank),
		Findings: newest(a.Findings, b.Findings, Findings.rank),
		Opened:   newest(a.Opened, b.Opened, OpenFact.rank),
		Retired:  newest(a.Retired, b.Retired, RetiredFact.rank),
		Stirred:  newest(a.Stirred, b.Stirred, StirredFact.rank),
	}
}

// rank is a place in the order of the versions of one fact: the first number that
// differs decides.
type rank []int64

// at appends a time. Seconds and their fraction stand apart, since nanoseconds alone
// cannot count from the zero time, which comes first.
func (r rank) at(t time.Time) rank { return append(r, t.Unix(), int64(t.Nanosecond())) }

// A spec is written once; where two differ the older one was there first. One
// without a time is older than none.
func (s Spec) rank() rank {
	if s.CreatedAt.IsZero() {
		return rank{0}
	}
	return rank{1, -s.CreatedAt.Unix(), -int64(s.CreatedAt.Nanosecond())}
}

// A push that went through is never taken back by a refusal that came later.
func (d Dispatch) rank() rank {
	return rank{bit(d.Refused == "" && !d.Dropped), bit(d.Dropped)}.at(d.At)
}

func (a AskedFact) rank() rank { return rank{}.at(a.At) }

func (c CancelFact) rank() rank {
	return append(rank{}.at(c.At), rank{bit(c.Answer != "")}.at(c.AnsweredAt)...)
}

func (s StirredFact) rank() rank { return rank{}.at(s.At) }

func (d DeadlineFact) rank() rank { return rank{}.at(d.At) }

func (f Findings) rank() rank { return rank{}.at(f.At) }

// GitHub's own clock orders what was seen of a branch; what nobody saw, the server's
// push, comes first. Within one second a branch moves from its creation commit upwards
// to its end. The dates of commits come from several clocks, and decide only then.
func (b BranchFact) rank() rank {
	stage := bit(b.Moved)
	if b.Deleted {
		stage = 2
	}
	return append(append(rank{}.at(b.Seen), stage), append(rank{}.at(b.At), bit(b.Deleted), bit(b.Head != ""), bit(b.Read))...)
}

func (r RunFact) order(other RunFact) int {
	return cmp.Or(cmp.Compare(r.ID, other.ID), cmp.Compare(r.Attempt, other.Attempt))
}

// waiting are the states of a run that no runner has taken, which may follow one
// another in many ways; of two at the same time the later in this list counts.
var waiting = []string{"requested", "queued", "pending", "waiting"}

func (r RunFact) rank() rank {
	stage := int64(0)
	switch {
	case r.waitsForApproval():
		r.Status = "waiting"
	case r.Status == "in_progress":
		stage = 1
	case r.Status == "completed":
		stage = 2
	}
	return append(rank{stage}.at(r.At), int64(slices.Index(waiting, r.Status)))
}

// waitsForApproval: GitHub says completed of a run that nobody has approved, and
// goes on with the same attempt when somebody does.
func (r RunFact) waitsForApproval() bool {
	return r.Status == "waiting" || r.Status == "completed" && r.Conclusion == "action_required"
}

func (l LostRun) order(other LostRun) int { return cmp.Compare(l.ID, other.ID) }

// The first time is nearest to the deletion.
func (l LostRun) rank() rank { return rank{-l.At.Unix(), -int64(l.At.Nanosecond())} }

func (s Settled) order(other Settled) int {
	return cmp.Or(cmp.Compare(s.Run, other.Run), cmp.Compare(s.Attempt, other.Attempt))
}

func (s Settled) rank() rank { return nil }

func (p PullFact) order(other PullFact) int { return cmp.Compare(p.Number, other.Number) }

func (p PullFact) rank() rank { return append(rank{bit(p.Merged)}.at(p.At), bit(!p.Open)) }

// rank puts the newest run first, as Facts.run does.
func (r ResultFact) rank() rank {
	return rank{bit(r.Result.RunID != 0), r.Result.RunID, int64(r.Result.Attempt), bit(r.Result.Problem != nil)}.at(r.At)
}

func (g GateFact) order(other GateFact) int { return cmp.Compare(g.HeadSHA, other.HeadSHA) }

func (g GateFact) rank() rank { return rank{}.at(g.At) }

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// newest returns the version that stands higher in the total order.
func newest[T any](a, b *T, rank func(T) rank) *T {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case compare(*a, *b, rank) < 0:
		return b
	}
	return a
}

func compare[T any](a, b T, rank func(T) rank) int {
	if c := slices.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	return strings.Compare(encoded(a), encoded(b))
}

// encoded is the canonical form of a fact; facts hold nothing that JSON cannot.
func encoded(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// union joins two lists and sorts them; order is 0 for versions of the same thing,
// of which the newest stays.
func union[T any](a, b []T, order func(x, y T) int, rank func(T) rank) []T {
	all := slices.Concat(a, b)
	slices.SortFunc(all, func(x, y T) int {
		if c := order(x, y); c != 0 {
			return c
		}
		return compare(y, x, rank)
	})
	return slices.CompactFunc(all, func(x, y T) bool { return order(x, y) == 0 })
}
