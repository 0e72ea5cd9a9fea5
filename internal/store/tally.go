package store

import (
	"cmp"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// The counters that a store keeps beside those that are named after a status.
const (
	CountWaiting    = "waiting"    // jobs accepted and not pushed
	CountActive     = "active"     // jobs that are not at an end
	CountDeliveries = "deliveries" // received and not processed
	lastDelivery    = "last_delivery"
)

// Stored is what a store has of a job before a write: the facts, and the columns
// that are counted. The zero value stands for a job that has no row.
type Stored struct {
	Facts    []byte
	Accepted bool
	Known    bool
	Waiting  bool
	Active   bool
	Status   githubjobs.Status
	Reason   githubjobs.Reason
	Groups   string // JSON list of the batch and the labels that the job is found by, as in Query; empty for none

	batch    batchTerms // of a row that is to be written; no store keeps them
	unsigned bool       // likewise
}

// Stored returns the row as what the next write will find.
func (r Row) Stored(accepted bool) Stored {
	return Stored{Facts: r.Facts, Accepted: accepted, Known: r.Known, Waiting: r.Waiting, Active: r.Active, Status: r.Status, Reason: r.Reason, Groups: r.Groups, batch: r.batch, unsigned: r.unsigned}
}

// Tally gathers by how much the writes of one transaction change the counters. A
// store adds it to its counters in the same transaction, so that totals are read
// and never counted.
type Tally struct {
	by      map[Counter]int64
	newest  map[Counter]int64
	batches map[BatchKey]*BatchChange
}

// NewTally returns an empty tally.
func NewTally() Tally {
	return Tally{map[Counter]int64{}, map[Counter]int64{}, map[BatchKey]*BatchChange{}}
}

// Counter names one counter of a project: a status, one of the Count constants, or
// the time of the last delivery.
type Counter struct{ Project, Name string }

// Change is what a transaction does to a counter: N is added to it or, for a time in
// milliseconds, stands there if it is the later one.
type Change struct {
	Counter
	N    int64
	Time bool
}

// Job counts the change of one job.
func (t Tally) Job(project string, before, after Stored) {
	t.count(project, before, -1)
	t.count(project, after, 1)
	t.countBatch(project, before, after)
}

func (t Tally) count(project string, s Stored, by int64) {
	if !s.Known { // a branch without a spec is no job
		return
	}
	t.Add(project, string(s.Status), by)
	if s.Waiting {
		t.Add(project, CountWaiting, by)
	}
	if s.Active {
		t.Add(project, CountActive, by)
	}
}

// Add changes one counter.
func (t Tally) Add(project, name string, by int64) {
	t.by[Counter{project, name}] += by
}

// Delivered notes when a delivery was received, in milliseconds.
func (t Tally) Delivered(project string, at int64) {
	c := Counter{project, lastDelivery}
	t.newest[c] = max(t.newest[c], at)
}

// Changes lists what is to be done in one order for all writers, so that no two of
// them wait for each other.
func (t Tally) Changes() (list []Change) {
	for c, by := range t.by {
		if by != 0 {
			list = append(list, Change{c, by, false})
		}
	}
	for c, at := range t.newest {
		list = append(list, Change{c, at, true})
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// AddCounter adds what a counter says, or one shard of it, to the field of c that it
// stands for.
func (c *Counts) AddCounter(name string, n int64) {
	switch name {
	case CountWaiting:
		c.Waiting += int(n)
	case CountActive:
		c.Active += int(n)
	case CountDeliveries:
		c.Deliveries += int(n)
	case lastDelivery:
		if at := time.UnixMilli(n).UTC(); n != 0 && at.After(c.LastDelivery) {
			c.LastDelivery = at
		}
	default:
		if c.Status == nil {
			c.Status = map[githubjobs.Status]int{}
		}
		c.Status[githubjobs.Status(name)] += int(n)
		c.Jobs += int(n)
	}
}
