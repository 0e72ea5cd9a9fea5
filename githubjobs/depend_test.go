package githubjobs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestOrderIsValidated(t *testing.T) {
	t.Parallel()
	good := Spec{ID: "a", Kind: KindReport, Base: "main", Prompt: "x", DependsOn: []string{"c", "b", "c"}, OnDependencyFailure: DependencySkip, ConcurrencyKey: "deploy/eu:1", ConcurrencyPolicy: ConcurrencyNewest}
	good.Normalize(time.Unix(0, 0))
	if err := good.Validate(); err != nil || !slices.Equal(good.DependsOn, []string{"b", "c"}) {
		t.Fatalf("%v, depends on %q", err, good.DependsOn)
	}
	again, err := ParseSpec(FormatSpec(good))
	if err != nil || FormatSpec(again) != FormatSpec(good) {
		t.Errorf("read %+v, %v", again, err)
	}
	many := make([]string, MaxDependencies+1)
	for i := range many {
		many[i] = fmt.Sprintf("j%03d", i)
	}
	for want, change := range map[string]func(*Spec){
		"depends_on: names 101 jobs":                               func(s *Spec) { s.DependsOn = many },
		`depends_on[1]: "B" is not the id of a job`:                func(s *Spec) { s.DependsOn = []string{"b", "B"} },
		"depends_on[0]: is the job itself":                         func(s *Spec) { s.DependsOn = []string{"a"} },
		`on_dependency_failure: "retry" is unknown; use one of`:    func(s *Spec) { s.OnDependencyFailure = "retry" },
		`concurrency_key: "a b" is not a key`:                      func(s *Spec) { s.ConcurrencyKey = "a b" },
		"concurrency_key: ":                                        func(s *Spec) { s.ConcurrencyKey = strings.Repeat("k", 64) },
		`concurrency_policy: "allow" is unknown; use one of queue`: func(s *Spec) { s.ConcurrencyPolicy = "allow" },
		"concurrency_policy: says what a job does to others":       func(s *Spec) { s.ConcurrencyKey = "" },
	} {
		s := good
		change(&s)
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	good.DependsOn = many[:MaxDependencies]
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

// graph makes specs of lines such as "a: b c", a depending on b and c.
func graph(lines ...string) (specs []Spec) {
	for _, line := range lines {
		id, after, _ := strings.Cut(line, ":")
		specs = append(specs, Spec{ID: id, DependsOn: strings.Fields(after)})
	}
	return specs
}

func TestCycle(t *testing.T) {
	t.Parallel()
	for want, specs := range map[string][]Spec{
		"":              graph(),
		" ":             graph("a", "b: a", "c: a", "d: b c", "e: elsewhere d"),
		"a > a":         graph("a: a"),
		"a > b > a":     graph("a: b", "b: a"),
		"c > d > e > c": graph("a: b", "b: c", "c: d", "d: e", "e: c"),
		"b > c > b":     graph("a", "z: a", "b: a c", "c: a b"),
	} {
		if got := Cycle(specs); strings.Join(got, " > ") != strings.TrimSpace(want) {
			t.Errorf("%v: circle %q, want %q", specs, got, want)
		}
	}
}

// A chain is followed without recursion, and a mesh looked at once.
func TestCycleIsFast(t *testing.T) {
	t.Parallel()
	const n = 10_000
	specs := make([]Spec, n)
	for i := range specs {
		specs[i].ID = fmt.Sprint(i)
		for d := 1; d <= MaxDependencies && i+d < n; d++ {
			specs[i].DependsOn = append(specs[i].DependsOn, fmt.Sprint(i+d))
		}
	}
	if c := Cycle(specs); c != nil {
		t.Errorf("a circle of %d in what has none", len(c))
	}
	specs[n-1].DependsOn = []string{"0"}
	if c := Cycle(specs); len(c) < 3 || c[0] != c[len(c)-1] {
		t.Errorf("circle %q", c)
	}
}

// Cycle finds one exactly where taking away, again and again, the jobs that depend on
// nothing leaves some; and what it names is one.
func TestCycleIsOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(t, "jobs")
		specs := make([]Spec, n)
		on := map[string]map[string]bool{}
		for i := range specs {
			specs[i].ID = fmt.Sprint(i)
			on[specs[i].ID] = map[string]bool{}
			for _, d := range rapid.SliceOfN(rapid.IntRange(0, n), 0, 3).Draw(t, "depends on") { // n is none of them
				specs[i].DependsOn = append(specs[i].DependsOn, fmt.Sprint(d))
				on[specs[i].ID][fmt.Sprint(d)] = true
			}
		}
		got := Cycle(specs)
		for i := 0; i+1 < len(got); i++ {
			if !on[got[i]][got[i+1]] {
				t.Fatalf("%s does not depend on %s, as %q says", got[i], got[i+1], got)
			}
		}
		if got != nil && (len(got) < 2 || got[0] != got[len(got)-1]) {
			t.Fatalf("%q is no circle", got)
		}
		left := map[string]bool{}
		for _, s := range specs {
			left[s.ID] = true
		}
		for range specs {
			for _, s := range specs {
				if !slices.ContainsFunc(s.DependsOn, func(d string) bool { return left[d] }) {
					delete(left, s.ID)
				}
			}
		}
		if (len(left) > 0) != (got != nil) {
			t.Fatalf("circle %q in %v", got, specs)
		}
	})
}
