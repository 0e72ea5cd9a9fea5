package hooks

import (
	"cmp"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// reorderWithin is how late a reordered delivery may come where the fault does not say.
const reorderWithin = time.Second

func (d *Deliverer) struck(kind faults.Kind, m message) bool {
	if !d.Faults.Any() {
		return false
	}
	_, ok := d.Faults.Strike(kind, d.occasion(m))
	return ok
}

// occasion is what a fault sees of a delivery.
func (d *Deliverer) occasion(m message) faults.Occasion {
	o := faults.Occasion{Hook: m.hook.ID, Event: m.delivery.Event}
	if m.delivery.Action != "" {
		o.Event += "." + m.delivery.Action
	}
	d.Payloads.DB.View(func(tx *state.Tx) {
		repo, _ := tx.Repositories.Get(m.delivery.RepositoryID)
		o.Repository = repo.FullName()
	})
	return o
}

// hold is how long a delivery is held back while others go ahead of it.
func (d *Deliverer) hold(m message) (hold time.Duration) {
	if !d.Faults.Any() {
		return 0
	}
	o := d.occasion(m)
	if hit, ok := d.Faults.Strike(faults.DelayDelivery, o); ok {
		hold = time.Duration(hit.Delay)
	}
	if hit, ok := d.Faults.Strike(faults.ReorderDelivery, o); ok {
		within := cmp.Or(time.Duration(hit.Delay), reorderWithin)
		hold += within/2 + time.Duration(hit.Int64N(int64(within)/2+1))
	}
	return hold
}
