package reconcile

import (
	"context"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

const (
	// maxHealed bounds the damaged jobs that are read from GitHub after one read of the
	// repository; each takes three to five requests.
	maxHealed = 10
	// maxDamaged bounds the jobs that are remembered to be damaged.
	maxDamaged = 1000
	// healAgain is after how long a damaged job is read again that stays damaged.
	healAgain = time.Hour
	// healSoon is after how long one is read again that could not be read.
	healSoon = time.Minute
)

// Damaged tells that what is stored of a job cannot be read. It is read from GitHub
// after the next read of the repository, which is asked for. It never blocks.
func (r *Reconciler) Damaged(id string) {
	r.mu.Lock()
	_, known := r.damaged[id]
	if !known && len(r.damaged) < maxDamaged {
		r.damaged[id] = time.Time{}
	}
	r.mu.Unlock()
	if !known {
		r.ReadNow()
	}
}

// heal reads damaged jobs from GitHub, one by one. One that can't be read makes the read of
// the repository no less complete, and keeps no other from being read, unless GitHub asks to
// wait; it is tried again after a later read.
func (r *Reconciler) heal(ctx context.Context) {
	ids := r.toHeal()
	for i, id := range ids {
		err := r.healOne(ctx, id)
		if err == nil {
			continue
		}
		if ctx.Err() != nil {
			return
		}
		r.Log.Error("what is stored of a job cannot be read, and reading it from GitHub failed; it will be tried again", "job_id", id, "error", err)
		if hub.RetryAfter(err) > 0 {
			for _, left := range ids[i:] {
				r.healed(left, r.Now())
			}
			return
		}
		r.healed(id, r.Now().Add(healSoon))
	}
}

func (r *Reconciler) healOne(ctx context.Context, id string) error {
	f, err := r.Hub.Facts(ctx, id)
	if err != nil {
		return err
	}
	if f.Spec == nil {
		r.Log.Error("what is stored of a job cannot be read, and GitHub does not know the job any more", "job_id", id)
		return nil
	}
	if err := r.Store.MergeFacts(ctx, r.Project, f); err != nil {
		return stored(err)
	}
	r.healed(id, time.Time{})
	r.Log.Warn("what was stored of a job could not be read; it was read from GitHub", "job_id", id)
	return nil
}

// healed forgets a job, or notes when it is to be read again.
func (r *Reconciler) healed(id string, again time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if delete(r.damaged, id); !again.IsZero() {
		r.damaged[id] = again
	}
}

func (r *Reconciler) toHeal() (ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.Now()
	for id, due := range r.damaged {
		if len(ids) < maxHealed && !now.Before(due) {
			ids = append(ids, id)
			r.damaged[id] = now.Add(healAgain)
		}
	}
	return ids
}
