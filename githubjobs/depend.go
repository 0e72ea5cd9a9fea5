package githubjobs

import (
	"fmt"
	"slices"
)

// MaxDependencies is how many jobs a job can depend on.
const MaxDependencies = 100

// DependencyPolicy says what becomes of a job when one that it depends on has failed.
type DependencyPolicy string

const (
	DependencyFail DependencyPolicy = "fail" // it fails too, as dependency_failed
	DependencySkip DependencyPolicy = "skip" // it is completed, as skipped
)

// DependencyPolicies lists every policy, the default first.
func DependencyPolicies() []DependencyPolicy {
	return []DependencyPolicy{DependencyFail, DependencySkip}
}

// ConcurrencyPolicy says what a job does to the others of its concurrency key. At most
// one job of a key is on GitHub at a time, whatever their policies are.
type ConcurrencyPolicy string

const (
	// ConcurrencyQueue: it waits until those that came before it have ended.
	ConcurrencyQueue ConcurrencyPolicy = "queue"
	// ConcurrencyCancel: those that came before it are cancelled, also the one that runs.
	ConcurrencyCancel ConcurrencyPolicy = "cancel_in_progress"
	// ConcurrencyNewest: the one that runs goes on, those that wait are cancelled.
	ConcurrencyNewest ConcurrencyPolicy = "keep_newest"
)

// ConcurrencyPolicies lists every policy, the default first.
func ConcurrencyPolicies() []ConcurrencyPolicy {
	return []ConcurrencyPolicy{ConcurrencyQueue, ConcurrencyCancel, ConcurrencyNewest}
}

// ValidConcurrencyKey says whether s can be a concurrency key, by the rule of labels.
func ValidConcurrencyKey(s string) bool { return ValidLabel(s) }

// validateOrder validates what orders the job among others.
func (s Spec) validateOrder() (errs []error) {
	if len(s.DependsOn) > MaxDependencies {
		errs = append(errs, fieldErrorf("depends_on", "names %d jobs; a job depends on at most %d. Put a job between that depends on some of them", len(s.DependsOn), MaxDependencies))
	}
	for i, id := range s.DependsOn {
		switch field := fmt.Sprintf("depends_on[%d]", i); {
		case !ValidID(id):
			errs = append(errs, fieldErrorf(field, "%.80q is not the id of a job; one matches %s", id, idPattern))
		case id == s.ID:
			errs = append(errs, fieldErrorf(field, "is the job itself; it would wait for ever"))
		}
	}
	if s.OnDependencyFailure != "" && !slices.Contains(DependencyPolicies(), s.OnDependencyFailure) {
		errs = append(errs, fieldErrorf("on_dependency_failure", "%.80q is unknown; use one of %s", string(s.OnDependencyFailure), joinWords(DependencyPolicies())))
	}
	if s.ConcurrencyKey != "" && !ValidConcurrencyKey(s.ConcurrencyKey) {
		errs = append(errs, fieldErrorf("concurrency_key", "%.80q is not a key; one has 1 to 63 letters, digits and characters . _ : / = -, and begins with a letter or digit", s.ConcurrencyKey))
	}
	switch {
	case s.ConcurrencyPolicy == "":
	case !slices.Contains(ConcurrencyPolicies(), s.ConcurrencyPolicy):
		errs = append(errs, fieldErrorf("concurrency_policy", "%.80q is unknown; use one of %s", string(s.ConcurrencyPolicy), joinWords(ConcurrencyPolicies())))
	case s.ConcurrencyKey == "":
		errs = append(errs, fieldErrorf("concurrency_policy", "says what a job does to others of its concurrency_key, and there is none; give one, or leave the policy out"))
	}
	return errs
}

// Cycle finds jobs among these that depend on each other in a circle, and returns one
// such circle: every id depends on the next one, and the last is the first again. It
// returns nil when there is none. Jobs that are not among the specs are passed over:
// they were there before, and depend on none of these. It takes a time that grows with
// the number of jobs and dependencies, and always finds the same circle.
func Cycle(specs []Spec) []string {
	after := make(map[string][]string, len(specs))
	for _, s := range specs {
		after[s.ID] = s.DependsOn
	}
	done := make(map[string]bool, len(specs)) // no circle is reached from it
	place := map[string]int{}                 // of the jobs on the way, in it
	for _, s := range specs {
		way, next := []string{}, []int{} // next: which dependency of each is to be followed
		enter := func(id string) {
			place[id] = len(way)
			way, next = append(way, id), append(next, 0)
		}
		if !done[s.ID] {
			enter(s.ID)
		}
		for len(way) > 0 {
			top := len(way) - 1
			id := way[top]
			if next[top] == len(after[id]) {
				done[id] = true
				delete(place, id)
				way, next = way[:top], next[:top]
				continue
			}
			to := after[id][next[top]]
			next[top]++
			if at, circle := place[to]; circle {
				return append(slices.Clone(way[at:]), to)
			}
			if _, known := after[to]; known && !done[to] {
				enter(to)
			}
		}
	}
	return nil
}
