package state

// RefChange is a change of a ref that is about to be made in git, or that was made and not yet told to all whom it concerns. It is written before git
// is asked, so that no change is lost when localhub is killed. It belongs to its repository.
type RefChange struct {
	ID           int64
	RepositoryID int64
	Push         int64 // the id of the first change of the same push
	Ref          string
	Old, New     string // zeros when created, or deleted

	SenderID       int64
	ByRunToken     bool
	InstallationID int64
}

func (c RefChange) key() int64     { return c.ID }
func (c RefChange) parent() int64  { return c.RepositoryID }
func (c RefChange) unique() string { return "" }
