package webhook

import (
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	retryMax = 10 * time.Second // between two tries of one delivery
	// mostPutOff bounds the deliveries that are put off: where more fail, it is not by them.
	mostPutOff = 256
)

// putOff is a delivery that could not be processed, and when that is tried again. Others are
// processed meanwhile.
type putOff struct {
	failures int // in a row
	at       time.Time
}

// due leaves out what is put off, and forgets what has been processed meanwhile, if the list is whole.
func (r *Receiver) due(list []store.Delivery, whole bool) []store.Delivery {
	kept := map[string]putOff{}
	now := r.Now()
	list = slices.DeleteFunc(list, func(d store.Delivery) bool {
		p, known := r.putOffs[d.GUID]
		if known {
			kept[d.GUID] = p
		}
		return known && p.at.After(now)
	})
	if whole {
		r.putOffs = kept
	}
	return list
}

// tried notes whether a delivery could be processed.
func (r *Receiver) tried(d store.Delivery, err error) {
	p, known := r.putOffs[d.GUID]
	switch {
	case err == nil:
		delete(r.putOffs, d.GUID)
	case known || len(r.putOffs) < mostPutOff:
		r.putOffs[d.GUID] = putOff{p.failures + 1, r.Now().Add(min(retryDelay<<min(p.failures, 10), retryMax))}
	}
}
