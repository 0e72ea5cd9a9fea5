package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// activePage is how many active jobs are looked at together.
const activePage = 500

// lag is how far GitHub's lists may be behind what has happened.
const lag = 5 * time.Second

// settleEvery is how often at least active jobs are looked through for some whose end a
// read would settle.
const settleEvery = time.Minute

// conclude takes from a complete read what it says by what it does not say: a run that
// GitHub does not know any more was deleted; a run that had ended before the read has
// left nothing but what was read; and a branch that was gone before it has had no run.
func (r *Reconciler) conclude(ctx context.Context, read hub.Reading) error {
	if read.At.IsZero() {
		return nil
	}
	var facts []githubjobs.Facts
	for of, run := range read.Lost {
		f, err := r.Store.Facts(ctx, r.Project, of.ID)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		if lost, ok := f.Of(of.Attempt).Missing(run, read.At); ok {
			r.Log.Warn("GitHub does not know a run any more that had not ended: it was deleted", "job_id", of.ID, "run_id", run)
			facts = append(facts, of.Facts(githubjobs.Facts{Lost: []githubjobs.LostRun{lost}}))
		}
	}
	r.soon, r.looked = false, r.Now()
	err := r.eachUnsettled(ctx, func(of githubjobs.Name, u githubjobs.Unsettled) {
		switch {
		case u.Ended.Add(lag).Before(read.At) && (u.Verdict == "" || r.verdicts[of] == u.Verdict):
			facts = append(facts, of.Facts(githubjobs.Facts{Settled: []githubjobs.Settled{u.Attempt}}))
		case fresh(u, read.At):
			r.soon = true
		}
	})
	if err != nil || len(facts) == 0 {
		return err
	}
	if err := r.Store.MergeFacts(ctx, r.Project, facts...); err != nil {
		return stored(err)
	}
	return nil
}

// look says whether a read would settle how a job has ended, of which webhooks have
// told since the last read. It looks once in an interval, or in a minute.
func (r *Reconciler) look(ctx context.Context) bool {
	now := r.Now()
	if r.soon || now.Sub(r.looked) < min(r.Interval, settleEvery) {
		return r.soon
	}
	r.looked = now
	err := r.eachUnsettled(ctx, func(_ githubjobs.Name, u githubjobs.Unsettled) { r.soon = r.soon || fresh(u, now) })
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("looking for jobs whose end is not certain failed; the next read settles them", "error", err)
	}
	return r.soon
}

// fresh says that a read soon is worth it: later, time settles the end as well.
func fresh(u githubjobs.Unsettled, now time.Time) bool {
	return now.Sub(u.Ended).Abs() < githubjobs.SlowDelivery
}

// eachUnsettled visits the active jobs of which a read settles how they have ended.
func (r *Reconciler) eachUnsettled(ctx context.Context, visit func(of githubjobs.Name, u githubjobs.Unsettled)) error {
	for after := ""; ; {
		page, err := r.Store.Active(ctx, r.Project, after, activePage)
		if err != nil {
			return err
		}
		for _, f := range page {
			after = f.ID
			if u, ok := f.Unsettled(); ok {
				visit(f.Name(), u)
			}
		}
		if len(page) < activePage {
			return nil
		}
	}
}
