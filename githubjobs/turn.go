package githubjobs

import (
	"cmp"
	"slices"
	"strings"
)

// Turns is what is to be done about the jobs of one concurrency key.
type Turns struct {
	Open   string            // the job whose turn it is; empty for none
	Cancel map[string]string // jobs to be cancelled, each with the newer job for which it is
}

// TakeTurns decides about the jobs of a concurrency key. holders are those that were
// pushed, or are about to be, and have not ended; waiting are those whose turn it was
// not yet. A newer job of a policy other than ConcurrencyQueue takes the place of those
// that wait, whenever they came into the queue, and one of ConcurrencyCancel that waits
// ends the older holders too. The oldest that is left is next when nobody holds the key.
func TakeTurns(holders, waiting []Facts) Turns {
	t := Turns{Cancel: map[string]string{}}
	isHolder := map[string]bool{}
	for _, f := range holders {
		isHolder[f.ID] = true
	}
	all := slices.SortedFunc(slices.Values(slices.Concat(holders, waiting)), func(a, b Facts) int { return byAge(b, a) })
	newer, ender := "", "" // the newest so far that ends those who wait, and those who hold the key
	for _, f := range all {
		switch {
		case isHolder[f.ID]:
			if ender != "" && !f.CancelAsked() {
				t.Cancel[f.ID] = ender
			}
		case newer != "":
			t.Cancel[f.ID] = newer
		case len(holders) == 0:
			t.Open = f.ID // until an older one is found
		}
		if policy := f.Spec.ConcurrencyPolicy; !f.CancelAsked() && (policy == ConcurrencyCancel || policy == ConcurrencyNewest) {
			if newer == "" {
				newer = f.ID
			}
			if ender == "" && policy == ConcurrencyCancel && !isHolder[f.ID] {
				ender = f.ID
			}
		}
	}
	return t
}

// byAge orders jobs by their creation, and then by id.
func byAge(a, b Facts) int {
	return cmp.Or(a.Spec.CreatedAt.Compare(b.Spec.CreatedAt), strings.Compare(a.ID, b.ID))
}
