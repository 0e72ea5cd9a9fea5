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

// conclude takes from a complete read what it says by what it does not say: a run that
// GitHub does not know any more was deleted; a run that had failed before the read has
// left nothing but what was read; and a branch that was gone before it has had no run.
func (r *Reconciler) conclude(ctx context.Context, read hub.Reading) error {
	if read.At.IsZero() {
		return nil
	}
	var facts []githubjobs.Facts
	for id, run := range read.Lost {
		f, err := r.Store.Facts(ctx, r.Project, id)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		if lost, ok := f.Missing(run, read.At); ok {
			r.Log.Warn("GitHub does not know a run any more that had not ended: it was deleted", "job_id", id, "run_id", run)
			facts = append(facts, githubjobs.Facts{ID: id, Lost: []githubjobs.LostRun{lost}})
		}
	}
	r.soon, r.looked = false, r.Now()
	err := r.eachUnsettled(ctx, func(id string, attempt githubjobs.Settled, ended time.Time) {
		switch {
		case ended.Before(read.At):
			facts = append(facts, githubjobs.Facts{ID: id, Settled: []githubjobs.Settled{attempt}})
		case ended.Sub(read.At) < githubjobs.SlowStart:
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
// told since the last read. It looks once in an interval.
func (r *Reconciler) look(ctx context.Context) bool {
	now := r.Now()
	if r.soon || now.Sub(r.looked) < r.Interval {
		return r.soon
	}
	r.looked = now
	err := r.eachUnsettled(ctx, func(string, githubjobs.Settled, time.Time) { r.soon = true })
	if err != nil && ctx.Err() == nil {
		r.Log.Warn("looking for jobs whose end is not certain failed; the next read settles them", "error", err)
	}
	return r.soon
}

// eachUnsettled visits the active jobs of which a read settles how they have ended.
func (r *Reconciler) eachUnsettled(ctx context.Context, visit func(id string, attempt githubjobs.Settled, ended time.Time)) error {
	for after := ""; ; {
		page, err := r.Store.Active(ctx, r.Project, after, activePage)
		if err != nil {
			return err
		}
		for _, f := range page {
			after = f.ID
			if attempt, ended, ok := f.Unsettled(); ok {
				visit(f.ID, attempt, ended)
			}
		}
		if len(page) < activePage {
			return nil
		}
	}
}
