package githubjobs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// keyed makes the facts of jobs of one key, each a letter for its policy and a number
// for its age, of which the lowest is the oldest: "q1 n3 c2", with "!" for one that is
// to be cancelled.
func keyed(words string) (list []Facts) {
	policies := map[byte]ConcurrencyPolicy{'q': ConcurrencyQueue, 'd': "", 'n': ConcurrencyNewest, 'c': ConcurrencyCancel}
	for _, word := range strings.Fields(words) {
		id := strings.TrimSuffix(word, "!")
		f := Facts{ID: id, Spec: &Spec{ID: id, CreatedAt: at(int(id[1] - '0')), ConcurrencyKey: "k", ConcurrencyPolicy: policies[id[0]]}}
		if id != word {
			f.Cancel = &CancelFact{By: "x", At: at(20)}
		}
		list = append(list, f)
	}
	return list
}

func told(t Turns) string {
	var words []string
	for _, id := range slices.Sorted(maps.Keys(t.Cancel)) {
		words = append(words, id+" for "+t.Cancel[id])
	}
	if t.Open != "" {
		words = append(words, "open "+t.Open)
	}
	return strings.Join(words, ", ")
}

func TestTurns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ holders, waiting, want string }{
		{"", "", ""},
		{"", "q1", "open q1"},
		{"", "q3 d2 q1", "open q1"},
		{"q1", "q2 q3", ""},
		{"q9", "q2 q3", ""},          // whose dependencies were done later
		{"q1!", "q2", ""},            // it has not ended
		{"q1", "n2 n3", "n2 for n3"}, // the one that runs goes on
		{"q1", "q2 q3 n4", "q2 for n4, q3 for n4"},
		{"", "n1 n2 n3", "n1 for n3, n2 for n3, open n3"},
		{"q1", "c2", "q1 for c2"},
		{"q1!", "c2", ""}, // asked before
		{"q1", "q2 c3", "q1 for c3, q2 for c3"},
		{"q1", "c2 c3", "c2 for c3, q1 for c3"},
		{"", "c1 q2", "open c1"}, // a queue's job takes nobody's place
		{"q1", "c2 q3", "q1 for c2"},
		{"q1", "c2 n3", "c2 for n3, q1 for c2"},
		{"n5", "q3", "q3 for n5"}, // it came late, for a newer one runs
		{"c5", "q3 q6", "q3 for c5"},
		{"c5!", "q3", ""}, // which is being cancelled itself
		{"c5", "c3", "c3 for c5"},
	} {
		if got := told(TakeTurns(keyed(c.holders), keyed(c.waiting))); got != c.want {
			t.Errorf("%q hold, %q wait: %q, want %q", c.holders, c.waiting, got, c.want)
		}
	}
}

// Whenever and in whatever order jobs come, are ready and end: one at a time holds the
// key; a job is opened or cancelled once; and in the end none is left waiting.
func TestOneHoldsTheKey(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var later, waiting, holders []Facts
		for i := range rapid.IntRange(1, 9).Draw(t, "jobs") {
			later = append(later, keyed(fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"q", "n", "c"}).Draw(t, "policy"), i))...)
		}
		later = rapid.Permutation(later).Draw(t, "ready in this order")
		opened := map[string]bool{}
		for len(later)+len(waiting)+len(holders) > 0 {
			if len(later) > 0 && rapid.Bool().Draw(t, "comes") {
				waiting, later = append(waiting, later[0]), later[1:]
			} else if len(holders) > 0 {
				holders = nil // it has ended
			} else if len(later) > 0 {
				continue
			}
			turns := TakeTurns(holders, waiting)
			for i, f := range holders {
				if turns.Cancel[f.ID] != "" {
					holders[i].Cancel = &CancelFact{By: "x"}
				}
			}
			waiting = slices.DeleteFunc(waiting, func(f Facts) bool { return turns.Cancel[f.ID] != "" })
			if turns.Open == "" {
				if len(holders) == 0 && len(waiting) > 0 {
					t.Fatalf("nobody holds the key, and %d wait", len(waiting))
				}
				continue
			}
			i := slices.IndexFunc(waiting, func(f Facts) bool { return f.ID == turns.Open })
			if i != 0 && slices.ContainsFunc(waiting, func(f Facts) bool { return byAge(f, waiting[i]) < 0 }) || len(holders) > 0 || opened[turns.Open] {
				t.Fatalf("%s is opened; %v hold the key, %v wait", turns.Open, holders, waiting)
			}
			opened[turns.Open] = true
			holders, waiting = append(holders, waiting[i]), slices.Delete(waiting, i, i+1)
		}
	})
}
