package githubjobs

import (
	"strconv"
	"strings"
)

// MaxAttempts is how many attempts a job can have, those that are asked for included.
const MaxAttempts = 99

// Name names one attempt of a job, as its branch does: the id alone is the first
// attempt, the id, a dot and a number from 2 on a later one. Every attempt has a branch
// of its own, so that nothing that an earlier one still does can reach a later one.
type Name struct {
	ID      string
	Attempt int // 1 for the first, as is 0
}

// String is the name as it stands in the branch: id or id.n.
func (n Name) String() string {
	if n.Attempt < 2 {
		return n.ID
	}
	return n.ID + "." + strconv.Itoa(n.Attempt)
}

// Branch is the branch that carries the attempt.
func (n Name) Branch() string { return BranchPrefix + n.String() }

// ParseName reads what Name.String has written; ok is false for everything else, also
// for another way to write the same number.
func ParseName(s string) (n Name, ok bool) {
	id, number, later := strings.Cut(s, ".")
	n = Name{ID: id, Attempt: 1}
	if later {
		n.Attempt, _ = strconv.Atoi(number)
		if n.Attempt < 2 || n.Attempt > MaxAttempts {
			return Name{}, false
		}
	}
	if !ValidID(id) || n.String() != s {
		return Name{}, false
	}
	return n, true
}

// ParseBranch returns the attempt that a branch carries; ok is false when the branch
// is not a job's.
func ParseBranch(branch string) (n Name, ok bool) {
	s, ok := strings.CutPrefix(branch, BranchPrefix)
	if !ok {
		return Name{}, false
	}
	return ParseName(s)
}
