package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// shownMoved bounds the paths that are named.
const shownMoved = 3

// readMoved says in the view that files which the job has changed do not stand any more where they
// were, on a base that has moved on. Git takes such a file for renamed where one like it stands
// elsewhere, and brings the change there: to a path that nobody has judged. What GitHub can't
// merge, such as what is new in a folder that was renamed, is told as that.
func (g *gate) readMoved(ctx context.Context, root hub.Folder, v *policy.View) error {
	if g.pull.Mergeable != nil && !g.pull.GetMergeable() {
		return nil
	}
	changed := func(f policy.File) bool { return !f.New && !f.Removed }
	there := map[string]bool{}
	cut, err := g.walk(ctx, root, foldersOf(v.Files, changed), func(name string, _ *github.TreeEntry) { there[name] = true })
	if err != nil {
		return err
	}
	var gone []string
	for _, f := range v.Files {
		if changed(f) && !there[f.Path] {
			gone = append(gone, f.Path)
		}
	}
	slices.Sort(gone)
	switch {
	case cut:
		v.Obscure = fmt.Sprintf("%s has moved on since the job began, and files were changed in so many folders, or in such large ones, that it can't be seen whether they still stand where they were; set merge.up_to_date, or submit the job again", v.Base)
	case len(gone) > 0:
		v.Obscure = fmt.Sprintf("%s was moved or removed on %s since the job began, and the change would go where that is now; submit the job again, or merge it by hand", shorten(gone), v.Base)
	}
	return nil
}

// shorten names the first paths, and how many more there are.
func shorten(paths []string) string {
	if n := len(paths); n > shownMoved {
		return fmt.Sprintf("%s and %d more", strings.Join(paths[:shownMoved], ", "), n-shownMoved)
	}
	return strings.Join(paths, ", ")
}
