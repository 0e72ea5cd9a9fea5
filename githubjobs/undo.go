package githubjobs

import (
	"fmt"
	"strings"
)

const undoPrefix = "undo/"

// UndoBranch is the branch of the pull request that takes back what a job has merged. It
// carries no job: nothing runs for it.
func UndoBranch(id string) string { return undoPrefix + id }

// ParseUndoBranch is the id of the job that a branch takes back.
func ParseUndoBranch(branch string) (id string, ok bool) {
	id, ok = strings.CutPrefix(branch, undoPrefix)
	return id, ok && ValidID(id)
}

// Undo is the pull request that takes back what a job has merged.
type Undo struct {
	Pull     int    `json:"pull_request"`
	PullURL  string `json:"pr_url"`
	Open     bool   `json:"open"`
	Merged   bool   `json:"merged"`
	MergeSHA string `json:"merge_sha,omitempty"`
}

// undo is the pull request that counts: one that was merged, else one that is open, else the
// newest.
func (f Facts) undo() *Undo {
	var best *PullFact
	for i, p := range f.whole().Undos {
		if best == nil || p.Merged || p.Open && !best.Merged || !best.Open && !best.Merged {
			best = &f.whole().Undos[i]
		}
	}
	if best == nil {
		return nil
	}
	return &Undo{Pull: best.Number, PullURL: best.URL, Open: best.Open, Merged: best.Merged, MergeSHA: best.MergeSHA}
}

// FormatUndo writes title and message of the commit that takes a merge back, and the text of
// its pull request.
func FormatUndo(s Spec, pull int, merge string) (title, message, body string) {
	title = fmt.Sprintf("Revert %q", fmt.Sprintf("%s (#%d)", defuse(s.Title), pull))
	message = fmt.Sprintf("%s\n\nThis reverts commit %s.\n\nUndo-Of: %s\n", title, merge, s.ID)
	body = fmt.Sprintf("Takes back what #%d has brought, commit %s: the result of the job `%s`.", pull, merge, s.ID)
	return title, message, body
}
