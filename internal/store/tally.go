package store

import (
	"cmp"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// The counters that a store keeps beside those that are named after a status.
const (
	CountWaiting    = "waiting"    // jobs accepted and not pushed
	CountActive     = "active"     // jobs that are not at an end
	CountDeliveries = "deliveries" // received and not processed
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
}

// Stored returns the row as what the next write will find.
func (r Row) Stored(accepted bool) Stored {
	return Stored{Facts: r.Facts, Accepted: accepted, Known: r.Known, Waiting: r.Waiting, Active: r.Active, Status: r.Status}
}

// Tally gathers by how much the writes of one transaction change the counters. A
// store adds it to its counters in the same transaction, so that totals are read
// and never counted.
type Tally map[Counter]int64

// Counter names one counter of a project: a status, or one of the Count constants.
type Counter struct{ Project, Name string }

// Change is a Counter and what is added to it.
type Change struct {
	Counter
	By int64
}

// Job counts the change of one job.
func (t Tally) Job(project string, before, after Stored) {
	t.count(project, before, -1)
	t.count(project, after, 1)
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
	t[Counter{project, name}] += by
}

// Changes lists what is not zero in one order for all writers, so that no two of
// them wait for each other.
func (t Tally) Changes() (list []Change) {
	for c, by := range t {
		if by != 0 {
			list = append(list, Change{c, by})
		}
	}
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Project, b.Project), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// SetCounter sets the field of c that a counter stands for.
func (c *Counts) SetCounter(name string, n int) {
	switch name {
	case CountWaiting:
		c.Waiting = n
	case CountActive:
		c.Active = n
	case CountDeliveries:
		c.Deliveries = n
	default:
		if c.Status == nil {
			c.Status = map[githubjobs.Status]int{}
		}
		if n != 0 {
			c.Status[githubjobs.Status(name)] = n
		}
		c.Jobs += n
	}
}
