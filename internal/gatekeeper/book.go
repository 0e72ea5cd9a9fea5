package gatekeeper

import (
	"context"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/gate"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/store"
)

// book is what the leader keeps in mind of the open pull requests. It may be lost.
type book struct {
	entries map[string]*entry // by job
	bases   map[string]*base
	unseen  map[string]putOff // bases that could not be looked at
	turns   map[string]turn   // by base
	opened  bool              // all that was open when the lead began is in it
	order   int               // of what is due
}

// entry is one job with an open pull request.
type entry struct {
	id      string
	updated time.Time     // of the row that was looked at last
	anew    time.Time     // when that is looked at again though it is the same, while there is nothing to judge; else see conclude
	waited  time.Duration // from the last judgement to anew; see conclude
	seen    string        // what of its facts is judged or to be judged; see githubjobs.ToJudge
	base    string
	pull    int
	stays   bool      // the verdict is the same after a push to the base that brings no other policy
	parked  bool      // it is to be judged when it is its turn; see turn
	due     int       // a place in the order of what is to be judged; 0: nothing is
	urgent  bool      // it is due for a reason of its own
	again   time.Time // when it is to be judged although nothing happens; zero for never
	failed  putOff    // a judgement that failed; others are judged meanwhile
}

// base is a branch that pull requests are for.
type base struct {
	head     string
	document string
	changed  bool // the rules are others than when the lead began
	enabled  bool
	looked   time.Time
}

func newBook() book {
	return book{entries: map[string]*entry{}, bases: map[string]*base{}, unseen: map[string]putOff{}, turns: map[string]turn{}}
}

// putOff is something that has failed for a reason that may pass, and when it is tried again.
type putOff struct {
	failures int // in a row
	at       time.Time
}

// after is the state after one more failure: later each time, and never earlier than GitHub
// asked for.
func (p putOff) after(now time.Time, err error) putOff {
	return putOff{p.failures + 1, now.Add(max(min(retryMin<<min(p.failures, 10), retryMax), hub.RetryAfter(err)))}
}

// makeDue puts an entry in the order. What has happened is a reason to judge at once where a
// judgement has failed.
func (b *book) makeDue(e *entry, urgent bool) {
	e.failed.at = time.Time{}
	if e.due == 0 || urgent && !e.urgent {
		b.order++
		e.due = b.order
	}
	e.urgent = e.urgent || urgent
	e.parked = e.parked && !urgent
}

// conclude notes when a pull request is judged again that was not merged. What waits for something
// is judged again though nothing is heard of that: a webhook may be lost, or there is none. It is so
// later each time, and never before what has happened to others.
func (e *entry) conclude(r gate.Report, now time.Time) {
	e.again, e.stays, e.anew = r.Again, r.Stays, time.Time{}
	if r.Waits {
		e.waited = min(max(2*e.waited, remindMin), remindMax)
		e.anew = now.Add(e.waited)
	}
}

// before says whether an entry that is due goes before another: what has happened to one before
// what concerns all, then what has not failed, then what was due first.
func (e *entry) before(other *entry) bool {
	failed, otherFailed := e.failed.failures > 0, other.failed.failures > 0
	switch {
	case e.urgent != other.urgent:
		return e.urgent
	case failed != otherFailed:
		return otherFailed
	}
	return e.due < other.due
}

// next is the entry that is to be judged first; due is how many there are. Where there is none,
// wait is how long it takes until time makes one due.
func (b *book) next(now time.Time) (first *entry, urgent bool, due int, wait time.Duration) {
	wait = lookEvery
	for _, e := range b.entries {
		if !e.again.IsZero() && !e.again.After(now) {
			e.again = time.Time{}
			b.makeDue(e, true)
		}
		if e.seen != "" && !e.anew.IsZero() && !e.anew.After(now) {
			e.anew = time.Time{}
			b.makeDue(e, false)
		}
		switch {
		case b.waits(e, now):
		case e.due != 0 && e.failed.at.After(now):
			due++
			wait = min(wait, e.failed.at.Sub(now))
		case e.due != 0:
			due++
			if first == nil || e.before(first) {
				first = e
			}
		case !e.again.IsZero():
			wait = min(wait, e.again.Sub(now))
		}
	}
	return first, first != nil && first.urgent, due, wait
}

// look brings the book up to date with the store and the bases.
func (k *Gatekeeper) look(ctx context.Context) error {
	open := map[string]time.Time{}
	for _, reason := range githubjobs.Judged() {
		q := store.Query{Reason: reason, Limit: store.MaxPage}
		for more := true; more; more = q.After != "" {
			page, err := k.Store.List(ctx, k.Project, q)
			if err != nil {
				return err
			}
			for _, j := range page.Jobs {
				open[j.ID] = j.UpdatedAt
			}
			q.After = page.Next
		}
	}
	for id := range k.book.entries {
		if _, still := open[id]; !still {
			delete(k.book.entries, id)
		}
	}
	for id, updated := range open {
		if err := k.enter(ctx, id, updated); err != nil {
			return err
		}
	}
	k.book.opened = true
	return k.watch(ctx)
}

// enter notes a job whose row says that it has an open pull request.
func (k *Gatekeeper) enter(ctx context.Context, id string, updated time.Time) error {
	e, now := k.book.entries[id], k.Now()
	if e != nil && e.updated.Equal(updated) && (e.seen != "" || now.Before(e.anew)) {
		return nil
	}
	f, err := k.Store.Facts(ctx, k.Project, id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
		return nil
	}
	if err != nil {
		return err
	}
	if e == nil {
		e = &entry{id: id}
		k.book.entries[id] = e
	}
	e.updated = updated
	t, ok := f.ToJudge(now)
	if !ok {
		e.seen, e.due, e.urgent, e.again, e.parked = "", 0, false, time.Time{}, false
		e.anew = now.Add(watchEvery) // time alone may change that, and reads of GitHub
		return nil
	}
	e.pull = t.Pull.Number
	if e.base = t.Spec.Base; t.Seen != e.seen {
		e.seen, e.waited = t.Seen, 0
		k.book.makeDue(e, k.book.opened || t.Brought) // whose turn it was goes on
	}
	return nil
}

// watch looks where the bases of open pull requests stand, and what their rules are. A base
// that can't be looked at keeps no other from that, and no pull request from being judged.
func (k *Gatekeeper) watch(ctx context.Context) error {
	moved, now := k.takeMoved(), k.Now()
	wanted := map[string]bool{}
	for _, e := range k.book.entries {
		wanted[e.base] = wanted[e.base] || e.seen != "" && e.base != ""
	}
	for name, is := range wanted {
		b, failed := k.book.bases[name], k.book.unseen[name]
		due := b == nil || moved[name] || failed.failures > 0 || now.Sub(b.looked) >= watchEvery
		if !is || !due || failed.at.After(now) {
			continue
		}
		err := k.watchOne(ctx, name, b)
		if err == nil {
			delete(k.book.unseen, name)
			continue
		}
		failed = failed.after(now, err)
		k.book.unseen[name] = failed // it is not forgotten
		if ctx.Err() != nil || hub.RetryAfter(err) > 0 {
			for name := range moved {
				k.Wake(name) // likewise
			}
			return err
		}
		k.Log.Error("looking where a base stands failed; it will be tried again", "branch", name, "error", err, "again_in", failed.at.Sub(now))
	}
	return nil
}

// watchOne takes three requests, which are free of quota while the branch stands still.
func (k *Gatekeeper) watchOne(ctx context.Context, name string, before *base) error {
	now := base{looked: k.Now()}
	head, document, err := k.Hub.WatchedFileAt(ctx, policy.Path, name)
	switch {
	case errors.Is(err, hub.ErrNotFound), errors.Is(err, hub.ErrInvalid):
	case err != nil:
		return err
	}
	now.head, now.document = head, string(document)
	if p, err := policy.Parse(document); err == nil {
		now.enabled = p.Merge.Enabled
	}
	if before != nil {
		now.changed = before.changed || before.document != now.document
	}
	if before != nil && before.head != now.head {
		k.book.move(name, before.document != now.document)
	}
	k.book.bases[name] = &now
	return nil
}

// move makes due what a push to a base may change: all of it where the rules are others now. Who
// waits for the turn goes on waiting, and whose turn it is goes first.
func (b *book) move(base string, rules bool) {
	for _, e := range b.entries {
		switch {
		case e.base != base || e.seen == "":
		case rules:
			e.parked = false
			b.makeDue(e, false)
		case !e.stays:
			b.makeDue(e, b.turns[base].id == e.id)
		}
	}
}

// idle says that a repository whose rules merge nothing was always like that: the last step of
// the run has said so, and there is nothing to judge.
func (b *base) idle() bool { return b != nil && !b.enabled && !b.changed }
