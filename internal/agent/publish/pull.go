package publish

import (
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/pulltext"
)

// pullText writes title and body of the pull request.
func pullText(p *publisher) (title, body string) {
	return pulltext.Write(pulltext.Input{
		Spec: p.job.spec, Job: p.Job, Result: p.result, Changes: shownChanges(p.scan.changes), RunURL: p.RunURL,
	})
}

// shownChanges are the changes as people are told of them: a path that is gone and a new
// one with the same content are a rename.
func shownChanges(all []change) (list []githubjobs.Change) {
	gone := map[plumbing.Hash][]string{} // by content; the paths are sorted
	for _, c := range all {
		if c.status == 'D' {
			gone[c.old.hash] = append(gone[c.old.hash], c.path)
		}
	}
	renamed := map[string]bool{}
	for _, c := range all {
		shown := githubjobs.Change{Path: c.path, Status: githubjobs.ChangeChanged, Bytes: c.size}
		switch from := gone[c.entry.hash]; {
		case c.status == 'D':
			continue
		case c.status == 'A' && len(from) > 0 && c.size > 0:
			shown.Status, shown.From, gone[c.entry.hash] = githubjobs.ChangeRenamed, from[0], from[1:]
			renamed[from[0]] = true
		case c.status == 'A':
			shown.Status = githubjobs.ChangeAdded
		}
		list = append(list, shown)
	}
	for _, c := range all {
		if c.status == 'D' && !renamed[c.path] {
			list = append(list, githubjobs.Change{Path: c.path, Status: githubjobs.ChangeRemoved})
		}
	}
	githubjobs.SortChanges(list)
	return list
}
