package githubjobs

import (
	"cmp"
	"slices"
	"strings"
)

// ChangeStatus says what became of a path.
type ChangeStatus string

// What can become of a path.
const (
	ChangeAdded   ChangeStatus = "added"
	ChangeChanged ChangeStatus = "changed"
	ChangeRemoved ChangeStatus = "removed"
	ChangeRenamed ChangeStatus = "renamed" // with the same content
)

// Change is one path that a task has changed.
type Change struct {
	Path   string       `json:"path"`
	From   string       `json:"from,omitempty"` // where it stood before, when it was renamed
	Status ChangeStatus `json:"status"`
	Bytes  int64        `json:"bytes,omitempty"` // of what is there now
}

// Bounds of the changes that a result carries: so many are shown in a pull request.
const (
	MaxChanges     = 50
	maxChangeBytes = 16 << 10
)

// SetChanges stores the changes that a pull request shows, the first ones of them.
func (r *Result) SetChanges(all []Change) {
	r.Changes = nil
	size := 0
	for i, c := range all {
		if size += len(c.Path) + len(c.From) + 64; i == MaxChanges || size > maxChangeBytes {
			return
		}
		r.Changes = append(r.Changes, c)
	}
}

// SortChanges puts changes in the order in which they are shown: by path.
func SortChanges(list []Change) {
	slices.SortFunc(list, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(string(a.Status), string(b.Status)))
	})
}
