package event

import "sync/atomic"

// Receipt tells when all who have taken the events of a change have made something durable of them, so that nobody needs to be told again.
// Its methods do nothing for nil.
type Receipt struct {
	open    atomic.Int32
	settled func()
}

// NewReceipt is held by the publisher, who gives it back when the events are published. settled is called once, by the last one who gives it back.
func NewReceipt(settled func()) *Receipt {
	r := &Receipt{settled: settled}
	r.open.Store(1)
	return r
}

// Take is called by a subscriber, for each event that it keeps in memory.
func (r *Receipt) Take() {
	if r != nil {
		r.open.Add(1)
	}
}

// Give is called when that event can't be lost any more.
func (r *Receipt) Give() {
	if r != nil && r.open.Add(-1) == 0 {
		r.settled()
	}
}
