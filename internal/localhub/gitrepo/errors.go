package gitrepo

import (
	"errors"
	"fmt"
	"strings"
)

// Errors of this package. They are matched with errors.Is; the text around them
// names the ref, path or object.
var (
	// ErrNotFound: the ref, commit, path or object does not exist here.
	ErrNotFound = errors.New("not found")
	// ErrRefExists: a ref that was to be created exists, or its name collides
	// with one that does (refs/heads/a and refs/heads/a/b cannot both exist).
	ErrRefExists = errors.New("reference already exists")
	// ErrRefMoved: the ref is not at the expected old value, or somebody is
	// writing it at this moment.
	ErrRefMoved = errors.New("reference has moved")
	// ErrBadName: a name that git does not allow for a ref, or a malformed SHA.
	ErrBadName = errors.New("malformed name")
	// ErrWrongType: the object is not of the type that is needed there.
	ErrWrongType = errors.New("object of the wrong type")
	// ErrInvalid: what was to be written is not a valid git object.
	ErrInvalid = errors.New("invalid object")
	// ErrUnrelated: the two commits have no common ancestor.
	ErrUnrelated = errors.New("no common ancestor")
	// ErrDiffers: a rebase would come to other files than a merge.
	ErrDiffers = errors.New("a rebase differs from a merge")
)

// ConflictError is a merge that needs a person.
type ConflictError struct {
	Commit string   // the commit whose replay failed; empty for a merge
	Paths  []string // conflicting paths, sorted as git gives them
}

func (e *ConflictError) Error() string {
	where := ""
	if e.Commit != "" {
		where = " while replaying " + e.Commit
	}
	return fmt.Sprintf("merge conflict%s in %s", where, strings.Join(e.Paths, ", "))
}
