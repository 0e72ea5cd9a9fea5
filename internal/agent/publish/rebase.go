package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// maxBothChanged bounds the files whose content is merged: each takes two reads of GitHub.
const maxBothChanged = 20

// onto is the newest commit of the base branch, which the result is brought onto.
type onto struct {
	sha  string
	tree plumbing.Hash
}

// rebase brings the task's changes onto the newest commit of the base branch, if that has
// moved since the job began: path by path, and line by line where both have changed a file.
// Where they are in conflict, or GitHub does not answer, nothing is done: the result is then
// published as it was made, and GitHub tells whether it can be merged.
func (p *publisher) rebase(ctx context.Context) {
	if !p.delivers() || len(p.scan.changes) == 0 || p.job.creation.NumParents() != 1 {
		return
	}
	from := p.job.creation.ParentHashes[0].String()
	if p.job.base == "" || p.job.base == from {
		return
	}
	base, changes, blobs, err := p.rebased(ctx, from)
	if err != nil {
		p.Logger.Info("the base has moved, and the result stays on the commit from which the job began", "base", p.job.base, "why", err)
		return
	}
	p.onto, p.scan.changes, p.scan.blobs = base, changes, append(p.scan.blobs, blobs...)
	p.tell()
	p.Logger.Info("the base has moved, and the result was brought onto it", "base", base.sha)
}

// errNothingLeft: the base has all of the changes already.
var errNothingLeft = errors.New("it has the same changes")

func (p *publisher) rebased(ctx context.Context, from string) (*onto, []change, []plumbing.EncodedObject, error) {
	ahead, err := p.ahead(ctx, from, p.job.base)
	if err == nil && !ahead {
		err = errors.New("the base was replaced by another history")
	}
	if err != nil {
		return nil, nil, nil, err
	}
	var got hub.Fetched
	err = p.retry(ctx, func() (err error) { got, err = p.Repo.Fetch(ctx, p.job.spec.Base, 1, p.job.store); return err })
	if err != nil {
		return nil, nil, nil, err
	}
	if got.Head != p.job.base { // it has moved once more
		if ahead, err := p.ahead(ctx, from, got.Head); err != nil || !ahead {
			return nil, nil, nil, errors.Join(err, errors.New("the base moves too fast"))
		}
	}
	if err := p.standsBelow(ctx, got.Head); err != nil {
		return nil, nil, nil, err
	}
	commit, err := object.GetCommit(p.job.store, plumbing.NewHash(got.Head))
	if err != nil {
		return nil, nil, nil, err
	}
	m := merger{ctx: ctx, store: p.job.store, old: p.job.creation.TreeHash, new: commit.TreeHash, blob: p.blob, most: p.MaxFileBytes, ours: map[plumbing.Hash][]byte{}}
	for _, b := range p.scan.blobs {
		if o, ok := b.(*plumbing.MemoryObject); ok {
			m.ours[o.Hash()] = content(o)
		}
	}
	changes, err := m.merge(p.scan.changes)
	if err == nil && len(changes) == 0 {
		err = errNothingLeft
	}
	return &onto{got.Head, commit.TreeHash}, changes, m.made, err
}

// standsBelow makes sure that the base has all that is below the head of the branch already. Else
// a later merge would take for removed what that has and the base gets only then.
func (p *publisher) standsBelow(ctx context.Context, base string) error {
	for _, joined := range p.job.joined {
		if ahead, err := p.ahead(ctx, joined, base); err != nil || !ahead {
			return errors.Join(fmt.Errorf("the branch holds %.7s, which is not on it", joined), err)
		}
	}
	return nil
}

func (p *publisher) ahead(ctx context.Context, from, to string) (ahead bool, err error) {
	err = p.retry(ctx, func() error { ahead, err = p.Repo.Ahead(ctx, from, to); return err })
	return ahead, err
}

func content(o *plumbing.MemoryObject) []byte {
	var b bytes.Buffer
	r, err := o.Reader()
	if err != nil {
		return nil // a MemoryObject has one
	}
	b.ReadFrom(r) // likewise
	return b.Bytes()
}

func (p *publisher) blob(ctx context.Context, hash plumbing.Hash) (text []byte, err error) {
	err = p.retry(ctx, func() error { text, err = p.Repo.Blob(ctx, hash.String()); return err })
	return text, err
}

// merger brings changes of one tree onto another one that has come from it.
type merger struct {
	ctx      context.Context
	store    storer.EncodedObjectStorer
	old, new plumbing.Hash // trees
	blob     func(context.Context, plumbing.Hash) ([]byte, error)
	ours     map[plumbing.Hash][]byte // contents that GitHub does not have yet
	most     int64                    // bytes of a merged file
	both     int                      // files whose content was merged
	made     []plumbing.EncodedObject
}

// merge returns the changes as they are on the new tree; those that it has already are left
// out. The error names a path that both sides have changed in ways that do not go together.
func (m *merger) merge(all []change) (list []change, err error) {
	gone := map[string]bool{}
	for _, c := range all {
		gone[c.path] = c.status == 'D'
	}
	for _, c := range all {
		old, _, err := m.find(m.old, c.path)
		if err != nil {
			return nil, err
		}
		there, above, err := m.find(m.new, c.path)
		if err != nil {
			return nil, err
		}
		switch {
		case above != "" && !gone[above]:
			return nil, fmt.Errorf("%s has become a file there", above)
		case there == old:
			list = append(list, c)
		case c.status == 'D' && there.mode == filemode.Empty, c.status != 'D' && there.same(c.entry):
			continue // it is so already
		default:
			if c, err = m.mergeFile(c, old, there); err != nil {
				return nil, err
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// find is the entry of a path in a tree, also a folder; its zero value where there is none.
// above is the file that stands where the path wants a folder.
func (m *merger) find(tree plumbing.Hash, p string) (e entry, above string, err error) {
	e = entry{filemode.Dir, tree}
	at := ""
	for name := range strings.SplitSeq(p, "/") {
		if e.mode != filemode.Dir {
			return entry{}, at, nil
		}
		t, err := object.GetTree(m.store, e.hash)
		if err != nil {
			return entry{}, "", err
		}
		i := slices.IndexFunc(t.Entries, func(e object.TreeEntry) bool { return e.Name == name })
		if i < 0 {
			return entry{}, "", nil
		}
		e, at = entry{t.Entries[i].Mode, t.Entries[i].Hash}, path.Join(at, name)
	}
	return e, "", nil
}

// mergeFile merges the content of a file that both sides have changed.
func (m *merger) mergeFile(c change, old, there entry) (change, error) {
	conflict := fmt.Errorf("%s was changed there too", c.path)
	if c.status != 'M' || !regular(old) || !regular(there) || !regular(c.entry) {
		return c, conflict
	}
	if m.both++; m.both > maxBothChanged {
		return c, fmt.Errorf("more than %d files were changed there too", maxBothChanged)
	}
	var texts [3][]byte
	for i, hash := range []plumbing.Hash{c.entry.hash, old.hash, there.hash} {
		if text, ok := m.ours[hash]; ok {
			texts[i] = text
			continue
		}
		var err error
		if texts[i], err = m.blob(m.ctx, hash); err != nil {
			return c, err
		}
	}
	merged, clean, err := mergeText(m.ctx, texts[0], texts[1], texts[2])
	if err != nil || !clean || int64(len(merged)) > m.most {
		return c, errors.Join(err, conflict)
	}
	o := &plumbing.MemoryObject{}
	o.SetType(plumbing.BlobObject)
	o.Write(merged) // a MemoryObject takes everything
	m.made = append(m.made, o)
	if normal(c.entry.mode) == normal(old.mode) {
		c.entry.mode = there.mode
	}
	c.entry.hash, c.size = o.Hash(), int64(len(merged))
	return c, nil
}

func regular(e entry) bool {
	return normal(e.mode) == filemode.Regular || e.mode == filemode.Executable
}
