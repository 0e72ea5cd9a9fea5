package faults

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// outcomes asks n times about each of these occasions in turn, and tells which were struck.
func outcomes(s *Set, n int, occasions ...Occasion) (struck [][]bool) {
	struck = make([][]bool, len(occasions))
	for range n {
		for i, o := range occasions {
			_, ok := s.Strike(ServerError, o)
			struck[i] = append(struck[i], ok)
		}
	}
	return struck
}

// TestChanceIsReproducible: the seed decides, whatever else happens in between; and it strikes as often as it says.
func TestChanceIsReproducible(t *testing.T) {
	t.Parallel()
	read, write := Occasion{Operation: "pulls/list"}, Occasion{Operation: "pulls/create"}
	run := func(seed uint64, occasions ...Occasion) [][]bool {
		s := &Set{}
		if _, err := s.Replace(seed, Fault{Kind: ServerError, Probability: 0.3}); err != nil {
			t.Fatal(err)
		}
		return outcomes(s, 1000, occasions...)
	}
	alone, mixed, other := run(1, read)[0], run(1, write, read)[1], run(2, read)[0]
	if !slices.Equal(alone, mixed) {
		t.Error("what happened in between changes the outcome")
	}
	if slices.Equal(alone, other) {
		t.Error("another seed gives the same outcome")
	}
	n := 0
	for _, struck := range alone {
		if struck {
			n++
		}
	}
	if n < 250 || n > 350 {
		t.Errorf("of 1,000 occasions %d were struck, want about 300", n)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	tests := []struct {
		fault Fault
		at    Occasion
		want  bool
	}{
		{Fault{}, Occasion{}, true},
		{Fault{Ref: "refs/heads/job/*"}, Occasion{Ref: "refs/heads/job/a/b"}, true},
		{Fault{Ref: "refs/heads/job/*"}, Occasion{Ref: "refs/heads/main"}, false},
		{Fault{Operation: "*/*"}, Occasion{Operation: "pulls/list"}, true},
		{Fault{Operation: "*/*"}, Occasion{Operation: "git-push"}, false},
		{Fault{Operation: "git-push"}, Occasion{Operation: "git-push-refs"}, false},
		{Fault{Path: "*/pulls/*/merge"}, Occasion{Path: "/api/v3/repos/a/b/pulls/7/merge"}, true},
		{Fault{Path: "*/pulls/*/merge"}, Occasion{Path: "/api/v3/repos/a/b/pulls/7"}, false},
		{Fault{Path: "a*a"}, Occasion{Path: "a"}, false},
		{Fault{Event: "workflow_run"}, Occasion{Event: "workflow_run.completed"}, true},
		{Fault{Event: "workflow_run.requested"}, Occasion{Event: "workflow_run.completed"}, false},
		{Fault{Event: "work"}, Occasion{Event: "workflow_run.completed"}, false},
		{Fault{Hook: 2}, Occasion{Hook: 1}, false},
		{Fault{Method: "post"}, Occasion{Method: "POST"}, true},
		{Fault{Repository: "a/*", Method: "POST"}, Occasion{Repository: "b/x", Method: "POST"}, false},
	}
	for _, test := range tests {
		if got := test.fault.matches(test.at); got != test.want {
			t.Errorf("%+v matches %+v: %t", test.fault, test.at, got)
		}
	}
}

func TestSkipAndCount(t *testing.T) {
	t.Parallel()
	s := &Set{}
	if _, err := s.Add(Fault{Kind: ServerError, Skip: 2, Count: 3}); err != nil {
		t.Fatal(err)
	}
	got := outcomes(s, 7, Occasion{})[0]
	if !slices.Equal(got, []bool{false, false, true, true, true, false, false}) {
		t.Errorf("struck: %v", got)
	}
	list, _ := s.List()
	if list[0].Struck != 3 || list[0].Matched != 5 {
		t.Errorf("counters: %+v", list[0])
	}
	if err := s.Remove(9); err != ErrUnknown {
		t.Errorf("removing what is not there: %v", err)
	}
	if err := s.Remove(1); err != nil || s.Any() {
		t.Errorf("after removing the only one: %v, %t", err, s.Any())
	}
}

// TestNoFaults: a nil set and an empty one never strike, and leave the clock alone.
func TestNoFaults(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	for _, s := range []*Set{nil, {}} {
		if _, ok := s.Strike(ServerError, Occasion{}); ok || s.Has(RefuseRef) || !s.Clock(func() time.Time { return at })().Equal(at) {
			t.Errorf("%v strikes", s)
		}
	}
}

func TestNothingChangesWhenOneIsInvalid(t *testing.T) {
	t.Parallel()
	s := &Set{}
	if _, err := s.Replace(4, Fault{Kind: Zombie}); err != nil {
		t.Fatal(err)
	}
	bad := []Fault{{Kind: "x"}, {Kind: Zombie, Probability: 2}, {Kind: Zombie, Count: -1}, {Kind: Zombie, Step: "x"}, {Kind: SkewClock}, {Kind: DelayDelivery},
		{Kind: PrimaryLimit, Status: 500}, {Kind: SecondaryLimit, RetryAfter: Duration(time.Millisecond)}, {Kind: ServerError, Status: 200}}
	for _, f := range bad {
		if _, err := s.Replace(5, Fault{Kind: NeverStart}, f); err == nil || !strings.HasPrefix(err.Error(), "fault 2: ") {
			t.Errorf("%+v: %v", f, err)
		}
		if _, err := s.Add(f); err == nil {
			t.Errorf("%+v is taken", f)
		}
	}
	if list, seed := s.List(); seed != 4 || len(list) != 1 || list[0].Kind != Zombie {
		t.Errorf("switched on: %v, seed %d", list, seed)
	}
}
