// Package faults is how localhub misbehaves on demand: deliveries that are lost, requests that fail, runs that never start. A Set holds the faults that
// are switched on; the parts of localhub ask it, at the places that the table names, whether one of them strikes. It imports the standard library only.
package faults

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Fault is one thing that goes wrong, and when. Each kind knows some of the fields, see Kinds; the others must be left zero.
//
// Patterns match the whole text; `*` in them stands for any characters, also none, also a slash. An absent pattern matches everything.
type Fault struct {
	ID   int  `json:"id,omitempty"` // given by the Set, from 1
	Kind Kind `json:"kind"`

	// When it strikes, among the occasions that match.
	Probability float64 `json:"probability,omitempty"` // of each; absent: 1
	Skip        int     `json:"skip,omitempty"`        // the first ones that are spared
	Count       int     `json:"count,omitempty"`       // of strikes, after which it is over; absent: no end

	// What it matches.
	Repository string `json:"repository,omitempty"` // pattern of owner/name
	Hook       int64  `json:"hook,omitempty"`       // id of a webhook; absent: all
	Event      string `json:"event,omitempty"`      // pattern of the event, with its action where it has one: workflow_run.completed
	Operation  string `json:"operation,omitempty"`  // pattern of GitHub's operation id (pulls/merge), or git-fetch-refs, git-fetch, git-push-refs, git-push
	Method     string `json:"method,omitempty"`     // of HTTP
	Path       string `json:"path,omitempty"`       // pattern of the request's path
	Ref        string `json:"ref,omitempty"`        // pattern of a full ref: refs/heads/job/*
	Workflow   string `json:"workflow,omitempty"`   // pattern of a workflow's path
	Step       string `json:"step,omitempty"`       // pattern of a step's name

	// What it does.
	Delay         Duration `json:"delay,omitempty"`         // how long it takes
	Status        int      `json:"status,omitempty"`        // of the answer
	RetryAfter    Duration `json:"retry_after,omitempty"`   // whole seconds of the header retry-after; absent: no such header
	Documentation string   `json:"documentation,omitempty"` // documentation_url of the answer; absent: one of those that GitHub uses, by chance
	Reason        string   `json:"reason,omitempty"`        // in words
	Skew          Duration `json:"skew,omitempty"`          // of a clock; it goes ahead where positive

	// What it did, counted by the Set.
	Matched int `json:"matched"` // occasions that it could have struck
	Struck  int `json:"struck"`
}

// Occasion is something that a fault can strike. Fields that mean nothing there are left zero.
type Occasion struct {
	Repository, Event, Operation, Method, Path, Ref, Workflow, Step string

	Hook int64
}

// Hit is a fault that strikes.
type Hit struct {
	Fault
	*rand.Rand // for what the fault leaves to chance; reproducible, too
}

// Set holds the faults that are switched on. The zero value has none; a nil Set is one that never has any. It is safe for concurrent use.
//
// Chance is reproducible: with the same seed and the same faults, the nth occasion of its sort (the same event of the same hook, the same operation, …)
// is struck or spared alike, however occasions of different sorts come to lie between each other.
type Set struct {
	any   atomic.Bool // there are faults; spares the lock where there are none
	mu    sync.Mutex
	seed  uint64
	last  int // id
	list  []*Fault
	draws map[string]uint64 // by fault and sort of occasion
}

// ErrUnknown: there is no fault of this id.
var ErrUnknown = errors.New("there is no such fault")

// Replace switches all faults off and these on, in this order, with a new seed. Where one is not valid, nothing changes.
func (s *Set) Replace(seed uint64, faults ...Fault) ([]Fault, error) {
	if err := validate(faults); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seed, s.last, s.list, s.draws = seed, 0, nil, nil
	return s.add(faults), nil
}

// Add switches more faults on. Where one is not valid, nothing changes.
func (s *Set) Add(faults ...Fault) ([]Fault, error) {
	if err := validate(faults); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.add(faults), nil
}

func (s *Set) add(faults []Fault) []Fault {
	added := slices.Clone(faults)
	for i := range added {
		f := &added[i]
		s.last++
		f.ID, f.Matched, f.Struck = s.last, 0, 0
		f.Probability = cmp.Or(f.Probability, 1)
		own := *f
		s.list = append(s.list, &own)
	}
	s.any.Store(len(s.list) > 0)
	return added
}

func validate(faults []Fault) error {
	var errs []error
	for i, f := range faults {
		if err := f.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("fault %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

// Remove switches one fault off. ErrUnknown when there is none of this id.
func (s *Set) Remove(id int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.list)
	s.list = slices.DeleteFunc(s.list, func(f *Fault) bool { return f.ID == id })
	s.any.Store(len(s.list) > 0)
	if len(s.list) == n {
		return ErrUnknown
	}
	return nil
}

// Clear switches all faults off. What they did stays done: a zombie stays one.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list, s.draws = nil, nil
	s.any.Store(false)
}

// List returns the faults with their counters, in the order in which they are asked, and the seed.
func (s *Set) List() (list []Fault, seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list = []Fault{}
	for _, f := range s.list {
		list = append(list, *f)
	}
	return list, s.seed
}

// Strike tells whether a fault of this kind strikes the occasion: the first that matches and whose chance wants it.
func (s *Set) Strike(kind Kind, o Occasion) (Hit, bool) {
	if !s.Any() {
		return Hit{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.list {
		if f.Kind != kind || f.Count > 0 && f.Struck >= f.Count || !f.matches(o) {
			continue
		}
		f.Matched++
		chance := s.draw(f, o)
		if f.Matched > f.Skip && chance.Float64() < f.Probability {
			f.Struck++
			return Hit{*f, chance}, true
		}
	}
	return Hit{}, false
}

// Any tells whether any fault is switched on.
func (s *Set) Any() bool { return s != nil && s.any.Load() }

// Has tells whether a fault of this kind is switched on, for places where being able to strike has a price of its own.
func (s *Set) Has(kind Kind) bool {
	if !s.Any() {
		return false
	}
	list, _ := s.List()
	return slices.ContainsFunc(list, func(f Fault) bool { return f.Kind == kind })
}

// draw is the chance of this occasion, which depends on the seed, the fault, and how many occasions of the sort there were.
func (s *Set) draw(f *Fault, o Occasion) *rand.Rand {
	sort := fmt.Sprint(f.ID, f.Kind, o.Hook, o.Event, o.Operation, o.Workflow, o.Step)
	if s.draws == nil {
		s.draws = map[string]uint64{}
	}
	s.draws[sort]++
	h := fnv.New64a()
	fmt.Fprint(h, sort, s.draws[sort]) // a hash never fails
	return rand.New(rand.NewPCG(s.seed, h.Sum64()))
}

func (f *Fault) matches(o Occasion) bool {
	return (f.Hook == 0 || f.Hook == o.Hook) && (f.Method == "" || strings.EqualFold(f.Method, o.Method)) &&
		match(f.Repository, o.Repository) && matchEvent(f.Event, o.Event) && match(f.Operation, o.Operation) && match(f.Path, o.Path) &&
		match(f.Ref, o.Ref) && match(f.Workflow, o.Workflow) && match(f.Step, o.Step)
}

// matchEvent compares an event with a pattern, which may leave the action out.
func matchEvent(pattern, event string) bool {
	name, _, _ := strings.Cut(event, ".")
	return match(pattern, event) || match(pattern, name)
}

// match compares text with a pattern, in which * stands for any characters.
func match(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	parts := strings.Split(pattern, "*")
	rest, ok := strings.CutPrefix(text, parts[0])
	if !ok || len(parts) == 1 {
		return ok && rest == ""
	}
	last := parts[len(parts)-1]
	for _, part := range parts[1 : len(parts)-1] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, last)
}

// Clock is now with the skew that is switched on.
func (s *Set) Clock(now func() time.Time) func() time.Time {
	return func() time.Time {
		hit, _ := s.Strike(SkewClock, Occasion{})
		return now().Add(time.Duration(hit.Skew))
	}
}
