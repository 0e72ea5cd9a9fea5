package gate

import (
	"context"
	"errors"
	"path"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// maxFolders bounds how many folders of a commit are listed for the names or the sizes
// in them.
const maxFolders = 50

// readBeside reads which names there are on the base where new files are to stand.
func (g *gate) readBeside(ctx context.Context, root hub.Folder, v *policy.View) (err error) {
	v.BesideCut, err = g.walk(ctx, root, foldersOf(v.Files, func(f policy.File) bool { return f.New }), func(name string, _ *github.TreeEntry) {
		v.Beside = append(v.Beside, name)
	})
	return err
}

// readSizes reads how large the changed files are on the head, where the policy asks.
func (g *gate) readSizes(ctx context.Context, p policy.Policy, v *policy.View) error {
	if p.Merge.MaxBytes == 0 {
		return nil
	}
	there := map[string]bool{}
	for _, f := range v.Files {
		there[f.Path] = !f.Removed
	}
	var root hub.Folder
	err := g.retry(ctx, func() (err error) { root, err = g.Repo.Folder(ctx, v.HeadSHA); return err })
	if errors.Is(err, hub.ErrInvalid) {
		return nil // too large to be listed: the size stays unknown
	}
	if err != nil {
		return err
	}
	cut, err := g.walk(ctx, root, foldersOf(v.Files, func(f policy.File) bool { return !f.Removed }), func(name string, e *github.TreeEntry) {
		if there[name] {
			v.Bytes += int64(e.GetSize())
		}
	})
	v.BytesKnown = !cut
	return err
}

// foldersOf are the folders, at every depth, of the files that are picked.
func foldersOf(files []policy.File, pick func(policy.File) bool) map[string]bool {
	folders := map[string]bool{}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "." && pick(f); dir = path.Dir(dir) {
			folders[dir] = true
		}
	}
	return folders
}

// walk visits what is in the root and in the wanted folders. cut says that these are too
// many, or one of them is too large, to visit all of it.
func (g *gate) walk(ctx context.Context, root hub.Folder, wanted map[string]bool, visit func(name string, e *github.TreeEntry)) (cut bool, err error) {
	type folder struct {
		path string
		hub.Folder
	}
	queue, read := []folder{{"", root}}, 0
	for ; len(queue) > 0; queue = queue[1:] {
		for _, e := range queue[0].Folder {
			name := path.Join(queue[0].path, e.GetPath())
			visit(name, e)
			if e.GetType() != "tree" || !wanted[name] {
				continue
			}
			if read++; read > maxFolders {
				return true, nil
			}
			var below hub.Folder
			err := g.retry(ctx, func() (err error) { below, err = g.Repo.Folder(ctx, e.GetSHA()); return err })
			if errors.Is(err, hub.ErrInvalid) {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			queue = append(queue, folder{name, below})
		}
	}
	return false, nil
}
