package hub

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
)

// Commits are made again of what the API tells, byte by byte, or not at all.
func TestCommitBytes(t *testing.T) {
	f := setup(t)
	sha := f.commit("main", "A commit\n\nof two paragraphs")
	want := f.git("cat-file", "commit", sha)
	if got, err := f.repo.CommitBytes(t.Context(), sha); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(want) {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
	if _, err := f.repo.CommitBytes(t.Context(), aCommit); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no commit: %v", err)
	}
}

// GitHub signs the merges that it makes. This one has the form of theirs: a signature of
// several lines, an empty one among them and one at its end.
func TestBytesOfASignedCommit(t *testing.T) {
	t.Parallel()
	const head = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\nparent 1111111111111111111111111111111111111111\nauthor A <a@example.com> 1700000000 +0200\ncommitter GitHub <noreply@github.com> 1700000000 +0200\n"
	const signature = "-----BEGIN PGP SIGNATURE-----\n\nwsFcBAABCAAQ\n=abcd\n-----END PGP SIGNATURE-----\n"
	const message = "Daily report (#7)\n\nJob-Id: x\n"
	for _, s := range []string{signature, strings.TrimSuffix(signature, "\n")} {
		raw := head + "gpgsig " + strings.ReplaceAll(s, "\n", "\n ") + "\n\n" + message
		c := &github.Commit{
			Author:       &github.CommitAuthor{Name: github.String("A"), Email: github.String("a@example.com"), Date: &github.Timestamp{Time: time.Unix(1700000000, 0)}},
			Message:      github.String(message),
			Verification: &github.SignatureVerification{Signature: github.String(signature), Payload: github.String(head + "\n" + message)},
		}
		found := false
		for _, candidate := range rawCommits(c) {
			found = found || candidate == raw
		}
		if !found {
			t.Errorf("%x is none of what the commit may be: %q", sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", len(raw), raw)), rawCommits(c))
		}
	}
	if bytes.Contains([]byte(rawCommits(&github.Commit{})[0]), []byte("gpgsig")) {
		t.Error("a commit without a signature has one")
	}
}
