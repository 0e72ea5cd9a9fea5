package hooks

import (
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// keepFor is how long deliveries stay on record, as on GitHub.
const keepFor = 3 * 24 * time.Hour

// store gives new deliveries their ids and writes them.
func (d *Deliverer) store(all []message) error {
	return d.Payloads.DB.Update(func(tx *state.Tx) error {
		for i := range all {
			m := &all[i]
			m.delivery.ID = tx.Deliveries.NextID()
			m.delivery.URL = m.hook.URL
			m.delivery.DeliveredAt = d.Now().UTC()
			m.delivery.RequestHeaders = headers(m.hook, m.delivery, m.body)
			tx.Deliveries.Put(m.delivery)
			tx.PutBlob(state.BlobRequest, m.delivery.ID, m.body)
		}
		return nil
	})
}

// known tells whether an earlier process has stored a delivery of this event to the hook.
func (d *Deliverer) known(h state.Hook, e event.Event) (found bool) {
	action := ""
	if p, ok := e.(event.PullRequest); ok {
		action = p.Action
	}
	d.Payloads.DB.View(func(tx *state.Tx) {
		for v := range tx.Deliveries.Newest(h.ID) {
			found = found || v.Change == e.Told().Change && v.Event == e.Name() && v.Action == action
		}
	})
	return found
}

// unfinished are the deliveries that an earlier process has stored and not made, without their bodies.
func (d *Deliverer) unfinished() (left []message) {
	d.Payloads.DB.View(func(tx *state.Tx) {
		for _, v := range tx.Deliveries.All() {
			if h, ok := tx.Hooks.Get(v.HookID); ok && !v.Done {
				left = append(left, message{hook: h, delivery: v})
			}
		}
	})
	return left
}

// resume queues what an earlier process has left. What was on its way when that was killed may come twice, with the same GUID.
func (d *Deliverer) resume() error {
	for _, m := range d.left {
		var err error
		if m.body, err = d.Payloads.DB.Blob(state.BlobRequest, m.delivery.ID); err != nil {
			return fmt.Errorf("webhook deliveries of an earlier start: %w", err)
		}
		if m.body == nil { // forgotten
			d.done(1)
			continue
		}
		d.mu.Lock()
		d.enqueue(m)
		d.mu.Unlock()
	}
	d.left = nil
	return nil
}

// forget takes old deliveries off the record.
func (d *Deliverer) forget() {
	err := d.Payloads.DB.Update(func(tx *state.Tx) error {
		for _, v := range tx.Deliveries.All() {
			if d.Now().Sub(v.DeliveredAt) > keepFor {
				tx.Deliveries.Delete(v.ID)
				tx.PutBlob(state.BlobRequest, v.ID, nil)
				tx.PutBlob(state.BlobResponse, v.ID, nil)
			}
		}
		return nil
	})
	if err != nil {
		d.Log.Error("old webhook deliveries not removed", "error", err)
	}
}
