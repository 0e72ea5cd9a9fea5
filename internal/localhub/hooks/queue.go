package hooks

import (
	"context"
	"time"
)

// maxInFlight is how many deliveries to one hook are made at the same time. GitHub makes many at once too, and promises no order.
const maxInFlight = 32

// queue holds the deliveries to one hook that wait for their turn, oldest first. Each hook has its own, so that a receiver that is slow, or hangs,
// holds up nobody but itself.
type queue struct {
	waiting []message
	workers int // at most maxInFlight
}

// send queues a stored delivery; one that a fault holds back joins the queue later, behind those that have come meanwhile.
func (d *Deliverer) send(m message) {
	hold := d.hold(m)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy++
	if hold == 0 {
		d.enqueue(m)
		return
	}
	ctx := d.ctx
	d.inFlight.Go(func() {
		select {
		case <-time.After(hold):
		case <-ctx.Done():
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.enqueue(m)
	})
}

// enqueue puts a delivery last, and sees to it that somebody makes it. The caller holds mu.
func (d *Deliverer) enqueue(m message) {
	q := d.queues[m.hook.ID]
	if q == nil {
		q = &queue{}
		d.queues[m.hook.ID] = q
	}
	q.waiting = append(q.waiting, m)
	if q.workers == maxInFlight {
		return
	}
	q.workers++
	ctx := d.ctx
	d.inFlight.Go(func() { d.work(ctx, q) })
}

// work makes deliveries until none waits.
func (d *Deliverer) work(ctx context.Context, q *queue) {
	for {
		m, ok := d.next(q)
		if !ok {
			return
		}
		d.deliver(ctx, m)
		d.done(1)
	}
}

// next takes the oldest delivery off the queue; without one its worker is dismissed.
func (d *Deliverer) next(q *queue) (m message, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(q.waiting) == 0 {
		q.workers--
		return message{}, false
	}
	m, q.waiting = q.waiting[0], q.waiting[1:]
	return m, true
}
