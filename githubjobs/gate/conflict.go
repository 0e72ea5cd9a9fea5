package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
)

// Bounds of what is told of a conflict: files, and of the first of them the commits that
// touched them on the base, which cost a REST call for each file.
const (
	maxNamed   = 20
	maxTraced  = 5
	maxCommits = 3 // for each file
)

// conflict explains a pull request that does not apply to its base any more.
func (g *gate) conflict(ctx context.Context, r reading) *obstacle {
	base := g.Spec.Base
	o := &obstacle{code: githubjobs.DiagnosisMergeConflict, title: fmt.Sprintf("Not merged: the changes conflict with what has come onto %s meanwhile.", base)}
	var b strings.Builder
	switch both, since, err := g.changedOnBoth(ctx, r); {
	case err != nil:
		g.Logger.Warn("the files of the conflict are not known", "error", err)
	case len(both) > 0:
		fmt.Fprintf(&b, "Changed by the job and on %s:\n", markdown.Code(base))
		for i, path := range both {
			if i == maxNamed {
				fmt.Fprintf(&b, "- and %d more\n", len(both)-maxNamed)
				break
			}
			fmt.Fprintf(&b, "- %s%s\n", markdown.Code(path), g.touching(ctx, i, path, since))
		}
		o.title = fmt.Sprintf("Not merged: %s changed on %s meanwhile, in conflict with the job.", both[0], base)
		if len(both) > 1 {
			o.title = fmt.Sprintf("Not merged: %s and %d more files changed on %s meanwhile, in conflict with the job.", both[0], len(both)-1, base)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "Nothing is lost: the result stands in pull request #%d. Resolve the conflict there and merge by hand, or submit the job again: it then starts from the newest state of %s.", g.report.Pull, markdown.Code(base))
	o.explain = b.String()
	return o
}

// touching tells of the commits that have touched a file on the base since the job began;
// empty where that is not known.
func (g *gate) touching(ctx context.Context, place int, path string, since hub.Since) string {
	if place >= maxTraced {
		return ""
	}
	commits, err := g.Repo.Touching(ctx, path, since, maxCommits)
	if err != nil {
		g.Logger.Warn("the commits of the conflict are not known", "path", path, "error", err)
		return ""
	}
	var told []string
	for _, c := range commits {
		told = append(told, fmt.Sprintf("[%.7s](%s/commit/%s) %s", c.SHA, g.Repo.URL(), c.SHA, markdown.Text(githubjobs.Defuse(c.Title))))
	}
	if len(told) == 0 {
		return ""
	}
	return ": " + strings.Join(told, ", ")
}

// changedOnBoth are the files that the job changed and that changed on the base
// since the job began, as far as GitHub lists them.
func (g *gate) changedOnBoth(ctx context.Context, r reading) ([]string, hub.Since, error) {
	since, err := g.Repo.ChangedSince(ctx, r.view.HeadSHA, g.Spec.Base)
	if err != nil {
		return nil, since, err
	}
	var both []string
	for _, f := range r.view.Files {
		for _, path := range []string{f.Path, f.Previous} {
			if path != "" && slices.Contains(since.Paths, path) && !slices.Contains(both, path) {
				both = append(both, path)
			}
		}
	}
	slices.Sort(both)
	return both, since, nil
}
