package hub

import (
	"context"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/storage"
)

// Fetched is what a fetch has told besides the objects.
type Fetched struct {
	Head string // of the branch that was fetched
	refs map[string]plumbing.Hash
}

// Branch is where another branch was at that moment; empty when there was none.
func (f Fetched) Branch(name string) string {
	if h, ok := f.refs["refs/heads/"+name]; ok {
		return h.String()
	}
	return ""
}

// Fetch reads a branch as it is now, and depth commits of its history, into a
// store: commits and trees, and the content of files only where the server can't leave it
// out. It takes two HTTP requests. It runs no hook and no filter and reads no
// configuration. ErrNotFound: there is no such branch.
func (r *Repository) Fetch(ctx context.Context, branch string, depth int, into storage.Storer) (Fetched, error) {
	op := "fetch branch " + branch
	auth, err := r.gitAuth(ctx)
	if err != nil {
		return Fetched{}, fail(ctx, "get a token", err)
	}
	session, err := r.git.NewUploadPackSession(r.endpoint, auth)
	if err != nil {
		return Fetched{}, failGit(ctx, op, err)
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return Fetched{}, failGit(ctx, op, err)
	}
	hash, ok := adv.References["refs/heads/"+branch]
	if !ok {
		return Fetched{}, &Error{Op: op, Kind: ErrNotFound, Message: fmt.Sprintf("the repository has no branch %q", branch)}
	}
	req := packp.NewUploadPackRequestFromCapabilities(adv.Capabilities)
	req.Wants, req.Depth = []plumbing.Hash{hash}, packp.DepthCommits(depth)
	if adv.Capabilities.Supports(capability.Shallow) {
		// Setting a capability that takes no value cannot fail.
		_ = req.Capabilities.Set(capability.Shallow)
	}
	if adv.Capabilities.Supports(capability.Filter) {
		_ = req.Capabilities.Set(capability.Filter) // likewise
		req.Filter = packp.FilterBlobNone()
	}
	answer, err := session.UploadPack(ctx, req)
	if err != nil {
		return Fetched{}, failGit(ctx, op, err)
	}
	defer answer.Close()
	if err := store(into, answer, req); err != nil {
		return Fetched{}, failGit(ctx, op, err)
	}
	return Fetched{Head: hash.String(), refs: adv.References}, nil
}

// store unpacks an answer, whose pack comes in a side band where that was agreed on.
func store(into storage.Storer, answer io.Reader, req *packp.UploadPackRequest) error {
	pack := answer
	switch caps := req.Capabilities; {
	case caps.Supports(capability.Sideband64k):
		pack = sideband.NewDemuxer(sideband.Sideband64k, answer)
	case caps.Supports(capability.Sideband):
		pack = sideband.NewDemuxer(sideband.Sideband, answer)
	}
	return packfile.UpdateObjectStorage(into, pack)
}
