package hub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/storage/memory"
)

// Update moves one ref from one commit to another, if it still is at the first.
type Update struct {
	Ref string // in full: refs/heads/…
	Old string // SHA that the ref must have; empty: it must not exist
	New string // SHA that it gets; empty deletes it
}

// Push moves refs, each on its own: the refusal of one does not hold back the
// others. It takes two HTTP requests, one when there is nothing to do. The objects
// are those that GitHub lacks, in any order.
//
// The result has one entry for each update, in order: nil when the ref is at New
// now, also when it was before; else an *Error of kind ErrRefMoved, ErrRefBusy or
// ErrRefused. The error is that of the whole push; then nothing is known of the refs.
func (r *Repository) Push(ctx context.Context, updates []Update, objects []plumbing.EncodedObject) ([]error, error) {
	if len(updates) == 0 {
		return nil, nil
	}
	push, err := r.openPush(ctx)
	if err != nil {
		return nil, err
	}
	return push.send(ctx, updates, objects)
}

// send pushes what the advertisement does not show to be done or impossible.
func (p *receiver) send(ctx context.Context, updates []Update, objects []plumbing.EncodedObject) ([]error, error) {
	results := make([]error, len(updates))
	pending := map[string]int{}
	req := p.request()
	for i, u := range updates {
		switch have := p.ref(u.Ref); {
		case have == u.New:
		case have != u.Old:
			results[i] = refError(u.Ref, ErrRefMoved, fmt.Sprintf("it is at %s, expected was %s", shaOrNone(have), shaOrNone(u.Old)))
		default:
			pending[u.Ref] = i
			req.Commands = append(req.Commands, &packp.Command{
				Name: plumbing.ReferenceName(u.Ref), Old: plumbing.NewHash(u.Old), New: plumbing.NewHash(u.New),
			})
		}
	}
	if len(pending) == 0 {
		return results, nil
	}
	report, remote, err := p.exchange(ctx, req, objects)
	if err != nil {
		return nil, err
	}
	for _, s := range report.CommandStatuses {
		i, ok := pending[s.ReferenceName.String()]
		if !ok {
			continue
		}
		delete(pending, s.ReferenceName.String())
		if s.Status != "ok" {
			results[i] = refusal(s.ReferenceName.String(), s.Status, remote)
		}
	}
	for ref, i := range pending {
		results[i] = refError(ref, ErrRefBusy, "GitHub's report does not name the ref")
	}
	return results, nil
}

func (p *receiver) request() *packp.ReferenceUpdateRequest {
	req := packp.NewReferenceUpdateRequestFromCapabilities(p.adv.Capabilities)
	for _, c := range []capability.Capability{capability.Sideband64k, capability.DeleteRefs} {
		if p.adv.Capabilities.Supports(c) {
			// Setting a capability that takes no value cannot fail.
			_ = req.Capabilities.Set(c)
		}
	}
	return req
}

// exchange sends the pack and reads GitHub's report: one HTTP request. It returns
// what GitHub said to people besides.
func (p *receiver) exchange(ctx context.Context, req *packp.ReferenceUpdateRequest, objects []plumbing.EncodedObject) (*packp.ReportStatus, string, error) {
	if needsPack(req.Commands) {
		pack, err := encodePack(objects)
		if err != nil {
			return nil, "", fmt.Errorf("encode the pack: %w", err)
		}
		req.Packfile = io.NopCloser(pack)
	}
	remote := &tailWriter{limit: maxAnswer}
	req.Progress = remote
	report, err := p.session.ReceivePack(ctx, req)
	if report == nil {
		if err == nil {
			err = errors.New("GitHub sent no report on the push")
		}
		return nil, "", failGit(ctx, "push", err)
	}
	// With a report the error only repeats the first refusal in it.
	if report.UnpackStatus != "ok" && len(report.CommandStatuses) == 0 {
		return nil, "", &Error{Op: "push", Kind: ErrUnavailable, Message: "GitHub could not read the pack: " + report.UnpackStatus}
	}
	return report, remote.String(), nil
}

// needsPack: a push that only deletes carries no pack (git's pack protocol).
func needsPack(commands []*packp.Command) bool {
	for _, c := range commands {
		if c.Action() != packp.Delete {
			return true
		}
	}
	return false
}

func encodePack(objects []plumbing.EncodedObject) (*bytes.Buffer, error) {
	store := memory.NewStorage()
	hashes := make([]plumbing.Hash, 0, len(objects))
	for _, o := range objects {
		if _, seen := store.Objects[o.Hash()]; seen {
			continue
		}
		if _, err := store.SetEncodedObject(o); err != nil {
			return nil, err
		}
		hashes = append(hashes, o.Hash())
	}
	var pack bytes.Buffer
	_, err := packfile.NewEncoder(&pack, store, false).Encode(hashes, 0)
	return &pack, err
}

// permanentWords mark the refusals that no repetition mends: hooks, rulesets,
// protected branches, missing rights.
var permanentWords = []string{
	"declined", "rule violation", "protected", "refusing", "prohibited", "denied",
	"deny", "hidden ref", "not allowed", "not permitted", "funny refname", "workflow",
}

// refusal reads git's status for a ref. A bare "failed", a lock that was taken, an
// error inside GitHub: all of these pass.
func refusal(ref, status, remote string) *Error {
	kind := ErrRefBusy
	lower := strings.ToLower(status)
	for _, word := range permanentWords {
		if strings.Contains(lower, word) {
			kind = ErrRefused
		}
	}
	if status == "" {
		status = "failed"
	}
	if remote != "" && kind == ErrRefused {
		status += ": " + remote
	}
	return refError(ref, kind, status)
}

func refError(ref string, kind error, message string) *Error {
	return &Error{Op: "push " + ref, Kind: kind, Message: message}
}

func shaOrNone(sha string) string {
	if sha == "" {
		return "nothing"
	}
	return sha
}

// tailWriter keeps the last bytes that were written to it.
type tailWriter struct {
	limit int
	buf   []byte
}

func (w *tailWriter) Write(p []byte) (int, error) {
	w.buf = append(w.buf, p...)
	if extra := len(w.buf) - w.limit; extra > 0 {
		w.buf = append(w.buf[:0], w.buf[extra:]...)
	}
	return len(p), nil
}

// String is what was written, as one line.
func (w *tailWriter) String() string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(string(w.buf), "\uFFFD")), " ")
}
