package hub

import (
	"context"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Since is what has come onto a branch since it parted from another commit.
type Since struct {
	// Paths are those that changed, both names of a rename; at most those of 300 files
	// (GitHub's cap).
	Paths   []string
	tip     string          // commit at which the branch stands
	commits map[string]bool // at most a hundred
}

// ChangedSince tells what has come onto branch since it parted from the commit other: two
// REST calls.
func (r *Repository) ChangedSince(ctx context.Context, other, branch string) (Since, error) {
	tip, err := r.tip(ctx, branch)
	if err != nil {
		return Since{}, err
	}
	comparison, _, err := r.client.Repositories.CompareCommits(ctx, r.cfg.Owner, r.cfg.Name, other, tip, &github.ListOptions{PerPage: perPage})
	if err != nil {
		return Since{}, fail(ctx, "compare "+other+" with "+branch, err)
	}
	s := Since{tip: tip, commits: map[string]bool{}}
	for _, f := range comparison.Files {
		s.Paths = append(s.Paths, f.GetFilename())
		if f.GetPreviousFilename() != "" {
			s.Paths = append(s.Paths, f.GetPreviousFilename())
		}
	}
	for _, c := range comparison.Commits {
		s.commits[c.GetSHA()] = true
	}
	return s, nil
}

// Touch is a commit that has changed a file.
type Touch struct {
	SHA   string
	Title string // the first line of its message
}

// Touching are the newest commits of those that have come onto the branch, and have changed
// a file, at most so many: one REST call.
func (r *Repository) Touching(ctx context.Context, path string, since Since, most int) (list []Touch, err error) {
	commits, _, err := r.client.Repositories.ListCommits(ctx, r.cfg.Owner, r.cfg.Name, &github.CommitsListOptions{
		SHA: since.tip, Path: path, ListOptions: github.ListOptions{PerPage: perPage},
	})
	if err != nil {
		return nil, fail(ctx, "list the commits of "+path, err)
	}
	for _, c := range commits {
		if since.commits[c.GetSHA()] && len(list) < most {
			list = append(list, Touch{c.GetSHA(), githubjobs.TitleOf(c.GetCommit().GetMessage())})
		}
	}
	return list, nil
}
