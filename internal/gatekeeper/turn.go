package gatekeeper

import (
	"cmp"
	"slices"
	"time"
)

// turnFor is how long one pull request keeps others from being brought onto the base: so long
// its checks may take there.
const turnFor = 30 * time.Minute

// turn is the pull request of a base that is brought onto it, and merged there before the next
// one is. Each merge moves the base: were all of them brought onto it at once, each of N merges
// would cost the checks of all that are left.
type turn struct {
	id    string // of the job
	since time.Time
}

// holder is whose turn it is on a base, nil where it is nobody's; over says that it has had its time.
func (b *book) holder(base string, now time.Time) (e *entry, over bool) {
	t := b.turns[base]
	if e = b.entries[t.id]; e == nil || e.seen == "" || e.base != base {
		return nil, false
	}
	return e, now.Sub(t.since) >= turnFor
}

// firstParked is who has waited the longest for the turn, but for one.
func (b *book) firstParked(base, but string) *entry {
	var all []*entry
	for _, e := range b.entries {
		if e.base == base && e.parked && e.seen != "" && e.id != but {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(x, y *entry) int { return cmp.Compare(x.due, y.due) })
}

// take takes the turn for a pull request that only lacks checks, or commits of its base
// (behind). It returns the number of the one that goes first, or 0. Who is behind waits for
// its turn then.
func (b *book) take(e *entry, behind bool, now time.Time) (first int) {
	holder, over := b.holder(e.base, now)
	switch {
	case holder != nil && holder != e && !over:
		e.parked = behind
		return holder.pull
	case holder == e && over:
		if next := b.firstParked(e.base, e.id); next != nil {
			b.leave(e)
			e.parked = behind
			return next.pull
		}
	case holder == e:
		return 0
	}
	b.turns[e.base] = turn{e.id, now}
	return 0
}

// judged ends a judgement: who is not ready to be merged once its checks have ended gives the turn
// to the next one, and who waits for it is judged then.
func (b *book) judged(e *entry, ready bool) {
	if !ready {
		b.leave(e)
	}
	if e.parked {
		b.makeDue(e, false)
	}
}

// holders are the pull requests whose turn it is, by base.
func (b *book) holders(now time.Time) map[string]int {
	pulls := map[string]int{}
	for base := range b.turns {
		if e, over := b.holder(base, now); e != nil && !over {
			pulls[base] = e.pull
		}
	}
	return pulls
}

// leave gives the turn to the next one.
func (b *book) leave(e *entry) {
	if b.turns[e.base].id == e.id {
		delete(b.turns, e.base)
	}
}

// waits says whether an entry is parked while it is another one's turn.
func (b *book) waits(e *entry, now time.Time) bool {
	if !e.parked {
		return false
	}
	holder, over := b.holder(e.base, now)
	return holder != nil && holder != e && !over
}
