package receipt

import (
	"crypto/sha256"
	"fmt"
	"strings"
)

// Where GitHub attests what a run made, its subjects are the same commits as those of a
// receipt, named <name>/<sha> and told by the SHA-256 of the commit object as git has it
// (git cat-file commit <sha>), since attestations know no other digest.

// Checksum is the line by which a commit, of the name and with that content, is made a
// subject of an attestation; the form is that of sha256sum.
func Checksum(name, sha string, raw []byte) string {
	return fmt.Sprintf("%x  %s/%s", sha256.Sum256(raw), name, sha)
}

// AttestedCommit takes the name of such a subject apart; ok is false for any other.
func AttestedCommit(subject string) (name, sha string, ok bool) {
	name, sha, _ = strings.Cut(subject, "/")
	return name, sha, (name == Merge || name == Result) && ValidCommit(sha)
}
