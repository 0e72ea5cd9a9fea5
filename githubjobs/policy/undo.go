package policy

// UndoRules are about the pull requests that take back what jobs have merged.
type UndoRules struct {
	// Merge merges them at once, where nothing that was merged was changed since. It is off by
	// default, and needs merge.enabled. Where the rules of the gate ask for checks, approvals, an
	// up-to-date head or a window, a person merges; a label that holds is a hold here too.
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
	case p.Merge.RequiredChecks.All || len(p.Merge.RequiredChecks.List) > 0 || p.Merge.RequiredApprovals > 0 || len(p.Merge.Windows) > 0 || p.Merge.UpToDate:
		return false, Path + " asks for checks, approvals, an up-to-date head or a merge window, which nothing awaits for it; merge it when they are there"
	}
	return true, ""
}
