package gitrepo

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Signature says who and when. When keeps the zone in which it was written.
type Signature struct {
	Name, Email string
	When        time.Time
}

// Commit is a commit as it stands in the repository.
type Commit struct {
	SHA, Tree         string
	Parents           []string
	Author, Committer Signature
	Message           string // as written, usually ending in a newline
}

// Entry is one entry of a tree.
type Entry struct {
	Mode string // "100644", "100755", "120000", "160000", "040000"
	Type string // "blob", "tree", or "commit" for a submodule
	SHA  string
	Size int64  // bytes of a blob, else 0
	Path string // from the root of the listing
}

func parseCommit(sha string, raw []byte) (Commit, error) {
	c := Commit{SHA: sha}
	head, message, _ := bytes.Cut(raw, []byte("\n\n"))
	c.Message = string(message)
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			c.Tree = value
		case "parent":
			c.Parents = append(c.Parents, value)
		case "author":
			c.Author = parseSignature(value)
		case "committer":
			c.Committer = parseSignature(value)
		}
	}
	if !IsSHA(c.Tree) {
		return Commit{}, fmt.Errorf("commit %s: %w", sha, ErrInvalid)
	}
	return c, nil
}

// parseSignature reads "Name <email> 1700000000 +0100"; history holds malformed
// ones, of which it keeps what it understands.
func parseSignature(s string) Signature {
	var sig Signature
	name, rest, _ := strings.Cut(s, "<")
	end := strings.LastIndexByte(rest, '>')
	if end < 0 {
		return Signature{Name: strings.TrimSpace(name)}
	}
	sig.Name, sig.Email = strings.TrimSpace(name), rest[:end]
	f := strings.Fields(rest[end+1:])
	if len(f) == 0 {
		return sig
	}
	seconds, _ := strconv.ParseInt(f[0], 10, 64)
	sig.When = time.Unix(seconds, 0).UTC()
	if len(f) > 1 && len(f[1]) == 5 {
		if zone, err := time.Parse("-0700", f[1]); err == nil {
			sig.When = sig.When.In(zone.Location())
		}
	}
	return sig
}

// String is the signature as it stands in a commit object. What would break the
// object's format is taken out of name and email, as git does.
func (s Signature) String() string {
	clean := func(v string) string {
		v = strings.Map(func(c rune) rune {
			if c == '<' || c == '>' || c == '\n' || c == 0 {
				return -1
			}
			return c
		}, v)
		return strings.Trim(v, " .,:;\"'\\\t\r")
	}
	return fmt.Sprintf("%s <%s> %d %s", clean(s.Name), clean(s.Email), s.When.Unix(), s.When.Format("-0700"))
}
