package policy

// UndoRules are about the pull requests that take back what jobs have merged.
type UndoRules struct {
	// Merge merges them at once, where nothing that was merged was changed since. It is off by
	// default, and needs merge.enabled.
	Merge bool `yaml:"merge"`
}

// MergesUndo says whether a pull request that takes a merge back may be merged without a
// person, and if not, why.
func (p Policy) MergesUndo() (ok bool, why string) {
	switch {
	case !p.Undo.Merge:
		return false, "set undo.merge: true in " + Path + " on the base branch to have it merged for you"
	case !p.Merge.Enabled:
		return false, "merge.enabled is off in " + Path + " on the base branch"
	}
	return true, ""
}
