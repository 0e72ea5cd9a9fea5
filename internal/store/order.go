package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Order is how the jobs that are held back are found by what they wait for.
type Order interface {
	// Members returns what is known of the jobs of a group, the oldest first, from the one
	// behind the given place on; the zero Place is before all.
	Members(ctx context.Context, project string, group Group, after Place, limit int) ([]githubjobs.Facts, error)
	// Ends lists the jobs that have ended and that others may wait for, in the order in
	// which that was stored. Each is listed until Forget.
	Ends(ctx context.Context, project string, limit int) ([]End, error)
	// Forget takes ends from the list.
	Forget(ctx context.Context, project string, ends ...End) error
}

// ErrDependency: a job depends on one that is not known. It is a *DependencyError.
var ErrDependency = errors.New("the job depends on one that is not known")

// DependencyError names the job that is not known.
type DependencyError struct{ ID string }

func (e *DependencyError) Error() string { return fmt.Sprintf("%s: %s", ErrDependency, e.ID) }

// Is implements the test for ErrDependency.
func (e *DependencyError) Is(target error) bool { return target == ErrDependency }

// Group names the active jobs that stand in one relation to another job, or to a
// concurrency key.
type Group string

// Dependents are the jobs that are held back until that one is done.
func Dependents(id string) Group { return Group("after=" + id) }

// Queue are the jobs that wait for their turn among those of the key.
func Queue(key string) Group { return Group("queue=" + key) }

// Holders are the jobs of the key that were pushed, or are to be, and have not ended.
func Holders(key string) Group { return Group("holds=" + key) }

// Unseen are the jobs of which nobody has looked yet at what holds them back.
const Unseen Group = "unseen"

// Place is a place in a group: that of a job.
type Place struct {
	CreatedAt time.Time
	ID        string
}

// PlaceOf is the place of a job in any of its groups.
func PlaceOf(f githubjobs.Facts) Place { return Place{f.Spec.CreatedAt, f.ID} }

// End is that of a job which others may wait for.
type End struct {
	Seq int64  // names it
	ID  string // of the job
	Key string // its concurrency key; empty for none
}

// orderOf are the groups of an active job.
func orderOf(f githubjobs.Facts, now time.Time) (names []string) {
	key := keyOf(f)
	switch held := f.Holding(now); {
	case held == githubjobs.HeldByNothing && key != "":
		return []string{string(Holders(key))}
	case f.Present().Cancel != nil: // it is to be dropped
	case held == githubjobs.HeldByTurn && key != "":
		names = append(names, string(Queue(key)))
	case held == githubjobs.HeldByDependency:
		for _, id := range f.Spec.DependsOn {
			if githubjobs.ValidID(id) {
				names = append(names, string(Dependents(id)))
			}
		}
	}
	if f.Unseen(now) {
		names = append(names, string(Unseen))
	}
	return names
}

// keyOf is the concurrency key of a job; a commit may hold what none can be.
func keyOf(f githubjobs.Facts) string {
	if f.Spec == nil || !githubjobs.ValidConcurrencyKey(f.Spec.ConcurrencyKey) {
		return ""
	}
	return f.Spec.ConcurrencyKey
}

// CheckDependencies returns a *DependencyError when one of the jobs, which are stored
// together, depends on one that is not known and not among them.
func CheckDependencies(specs []githubjobs.Spec, known func(id string) (bool, error)) error {
	among := make(map[string]bool, len(specs))
	for _, s := range specs {
		among[s.ID] = true
	}
	for _, s := range specs {
		for _, id := range s.DependsOn {
			if among[id] {
				continue
			}
			is, err := known(id)
			if err != nil {
				return err
			}
			if !is {
				return &DependencyError{ID: id}
			}
			among[id] = true
		}
	}
	return nil
}

// Added are those of the specs for which add is true.
func Added(specs []githubjobs.Spec, add []bool) (list []githubjobs.Spec) {
	for i, s := range specs {
		if add[i] {
			list = append(list, s)
		}
	}
	return list
}

// Ended says whether a write ends the job.
func Ended(before, after Stored) bool { return before.Active && !after.Active }
