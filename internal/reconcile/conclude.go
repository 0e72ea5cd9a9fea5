package reconcile

import (
	"context"
	"errors"

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
	r.soon = false
	for after := ""; ; {
		page, err := r.Store.Active(ctx, r.Project, after, activePage)
		if err != nil {
			return err
		}
		for _, f := range page {
			after = f.ID
			attempt, ended, ok := f.Unsettled()
			switch {
			case ok && ended.Before(read.At):
				facts = append(facts, githubjobs.Facts{ID: f.ID, Settled: []githubjobs.Settled{attempt}})
			case ok && ended.Sub(read.At) < githubjobs.SlowStart:
				r.soon = true
			}
		}
		if len(page) < activePage {
			break
		}
	}
	if len(facts) == 0 {
		return nil
	}
	if err := r.Store.MergeFacts(ctx, r.Project, facts...); err != nil {
		return stored(err)
	}
	return nil
}
