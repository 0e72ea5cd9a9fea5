package githubjobs

import (
	"cmp"
	"reflect"
	"slices"
	"time"
)

// Facts says of facts that they are of this attempt.
func (n Name) Facts(f Facts) Facts {
	if f.ID = n.ID; n.Attempt > 1 {
		f.Attempt = n.Attempt
	}
	return f
}

// Order is an attempt of a job that is to be brought to GitHub.
type Order struct {
	Spec    Spec
	Attempt int       // 0 is the first, as is 1
	At      time.Time // when it was wanted: the date of its commit
	// Asked: somebody wants it; else the job's own policy does, or it is the first.
	Asked bool
	// Drop is what ends the attempt instead of its push, for whoever pushes to store; nil
	// where it is to be pushed.
	Drop *Dispatch
}

// Name names the attempt.
func (o Order) Name() Name { return Name{o.Spec.ID, max(o.Attempt, 1)} }

// NewOrder is the first attempt of a job.
func NewOrder(s Spec) Order { return Order{Spec: s, Attempt: 1, At: s.CreatedAt} }

// NewOrders are the first attempts of jobs.
func NewOrders(specs ...Spec) []Order {
	orders := make([]Order, len(specs))
	for i, s := range specs {
		orders[i] = NewOrder(s)
	}
	return orders
}

// Name names the attempt that the facts are of: where they are of several, the present one.
func (f Facts) Name() Name { return Name{f.ID, f.present()} }

// Present are the facts of the present attempt.
func (f Facts) Present() Facts { return f.Of(f.present()) }

// Of are the facts of one attempt, with those of the job that bear on it.
func (f Facts) Of(attempt int) Facts {
	f = f.whole()
	one := f
	if attempt > 1 {
		one = Facts{}
		if i, found := f.place(attempt); found {
			one = f.Later[i]
		}
		one.ID, one.Spec, one.Attempt, one.Hold, one.Deadline, one.Complete = f.ID, f.Spec, attempt, f.Hold, f.Deadline, f.Complete
	}
	one.Cancel, one.Later = f.cancelOf(attempt), nil
	return one
}

// whole brings facts of a later attempt to where Merge keeps them.
func (f Facts) whole() Facts {
	if f.Attempt < 2 {
		f.Attempt = 0
		return f
	}
	job := Facts{ID: f.ID, Spec: f.Spec, Hold: f.Hold, Cancel: f.Cancel, Deadline: f.Deadline, Complete: f.Complete, Later: f.Later}
	f.ID, f.Spec, f.Hold, f.Cancel, f.Deadline, f.Complete, f.Later = "", nil, nil, nil, nil, time.Time{}, nil
	if !reflect.DeepEqual(f, Facts{Attempt: f.Attempt}) {
		job.Later = joinLater(job.Later, []Facts{f})
	}
	return job
}

func (f Facts) place(attempt int) (i int, found bool) {
	return slices.BinarySearchFunc(f.Later, attempt, func(l Facts, n int) int { return cmp.Compare(l.Attempt, n) })
}

// joinLater joins two lists of later attempts, each in the order of their numbers.
func joinLater(a, b []Facts) []Facts {
	if len(b) == 0 {
		return a
	}
	all := slices.Clone(a)
	for _, one := range b {
		i, found := slices.BinarySearchFunc(all, one.Attempt, func(l Facts, n int) int { return cmp.Compare(l.Attempt, n) })
		if found {
			all[i] = join(all[i], one)
		} else {
			all = slices.Insert(all, i, one)
		}
	}
	return all
}

// begun says whether there is an attempt, or somebody wants one. A branch alone is none:
// it may carry no job.
func (f Facts) begun() bool {
	return len(f.Created)+len(f.Runs)+len(f.Pulls) > 0 || f.Result != nil || f.Asked != nil || f.Dispatch != nil
}

// present is the number of the attempt that decides the job: the newest. What an earlier
// one does from then on changes nothing.
func (f Facts) present() int {
	if f.Attempt > 1 && len(f.Later) == 0 {
		return f.Attempt
	}
	for _, one := range slices.Backward(f.Later) {
		if one.begun() {
			return one.Attempt
		}
	}
	return 1
}

// numbers are the attempts that have begun.
func (f Facts) numbers() (list []int) {
	f = f.whole()
	if f.begun() || f.Branch != nil {
		list = append(list, 1)
	}
	for _, one := range f.Later {
		if one.begun() {
			list = append(list, one.Attempt)
		}
	}
	return list
}

// Branches are the branches of the job that exist, as far as is known, with their heads.
func (f Facts) Branches() map[Name]string {
	f = f.whole()
	heads := map[Name]string{}
	add := func(one Facts, attempt int) {
		if b := one.Branch; b != nil && !b.Deleted {
			heads[Name{f.ID, attempt}] = b.Head
		}
	}
	add(f, 1)
	for _, one := range f.Later {
		add(one, one.Attempt)
	}
	return heads
}

// cancelOf is the request to cancel that bears on an attempt; nil for none.
func (f Facts) cancelOf(attempt int) *CancelFact {
	c := f.Cancel
	if c == nil {
		return nil
	}
	for _, one := range f.Later {
		if one.Attempt <= attempt && one.Asked != nil && !one.Asked.At.Before(c.At) {
			return nil // it was asked for in spite of the request
		}
	}
	switch of := c.of(); {
	case of == attempt:
		return c
	case of != 0 && (of > attempt || c.Expired), of == 0 && attempt < f.present():
		return nil
	}
	// GitHub was not asked about this attempt yet.
	return &CancelFact{By: c.By, Why: c.Why, At: c.At}
}

// of is the attempt that GitHub was asked about; 0 while it was not.
func (c CancelFact) of() int {
	if c.Of == 0 && (c.Expired || c.Answer != "" || c.Run != 0) {
		return 1
	}
	return c.Of
}
