// Package verify checks the receipt of a job without asking anybody: its signature by keys
// that were given, and all that it says by the commits of a clone.
//
// The package imports githubjobs, githubjobs/receipt, and the agent's git and sigstore.
package verify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/agent/sigstore"
)

// Verdict is what came of a check.
type Verdict int

// Verdicts; see the exit codes of the agent.
const (
	Holds     Verdict = iota // everything that the receipt says is so
	Wrong                    // something is not
	Unchecked                // nothing is wrong, and something that matters could not be checked
)

// Check is one receipt to be checked.
type Check struct {
	Receipt []byte
	Keys    []receipt.Key
	// TrustedRoot is what attestations by GitHub are checked by; see sigstore.Verify.
	// RepositoryID is the number of the repository; empty where that is not known.
	TrustedRoot  []byte
	RepositoryID string
	// Repository is the folder of a clone, bare or not.
	Repository string
	Out        io.Writer // gets what was found, in words
}

// checker is one check under way.
type checker struct {
	Check
	git     git.Git
	verdict Verdict
	said    receipt.Statement
	signer  *sigstore.Signer // of an attestation; nil for a receipt
	found   receipt.Claims   // what the clone tells of the same job
}

// Run checks the receipt. The error is that it could not begin: the folder is no clone, or
// the receipt can't be read.
func (c Check) Run(ctx context.Context) (Verdict, error) {
	dir, err := gitFolder(c.Repository)
	if err != nil {
		return Unchecked, err
	}
	k := &checker{Check: c, git: git.Git{Dir: dir}}
	open := k.signed
	if sigstore.IsBundle(c.Receipt) {
		open = k.attested
	}
	ok, err := open(ctx)
	if err == nil && ok {
		err = k.compare(ctx)
	}
	if err != nil {
		return Unchecked, err
	}
	return k.conclude(), nil
}

// signed takes the statement out of a receipt that one of the keys has signed. The error is
// that it can't be read.
func (k *checker) signed(context.Context) (ok bool, err error) {
	envelope, err := receipt.Parse(k.Receipt)
	if err != nil {
		return false, fmt.Errorf("the receipt can't be read: %w", err)
	}
	said, key, err := envelope.Verify(k.Keys)
	if err != nil {
		k.wrong("signature: %s", err)
		return false, nil
	}
	k.said = said
	k.holds("the receipt is signed by the key %s, which you gave", key.ID)
	return true, nil
}

// gitFolder finds the git folder of a clone.
func gitFolder(clone string) (string, error) {
	for _, dir := range []string{filepath.Join(clone, ".git"), clone} {
		if info, err := os.Stat(filepath.Join(dir, "objects")); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	raw, err := os.ReadFile(filepath.Join(clone, ".git")) // of a work tree beside its repository
	if dir, ok := strings.CutPrefix(strings.TrimSpace(string(raw)), "gitdir: "); err == nil && ok {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(clone, dir)
		}
		return dir, nil
	}
	return "", fmt.Errorf("%s is no clone of a repository; name one with --repository", clone)
}

func (k *checker) holds(format string, args ...any) { k.say("holds:       ", format, args...) }

// note is for what can't be checked and does not matter to the rest.
func (k *checker) note(format string, args ...any) { k.say("not checked: ", format, args...) }

func (k *checker) wrong(format string, args ...any) {
	k.verdict = Wrong
	k.say("WRONG:       ", format, args...)
}

// unchecked is for what would have to be checked.
func (k *checker) unchecked(format string, args ...any) {
	if k.verdict == Holds {
		k.verdict = Unchecked
	}
	k.say("NOT CHECKED: ", format, args...)
}

func (k *checker) say(how, format string, args ...any) {
	fmt.Fprintf(k.Out, how+format+"\n", args...)
}

func (k *checker) conclude() Verdict {
	fmt.Fprintln(k.Out, map[Verdict]string{
		Holds:     "The receipt holds.",
		Wrong:     "The receipt does NOT hold.",
		Unchecked: "Nothing of the receipt is wrong, but not all of it could be checked.",
	}[k.verdict])
	return k.verdict
}

// errAbsent: the clone does not have a commit.
var errAbsent = errors.New("is not in this clone")

// commit is one of the clone.
type commit struct {
	tree    string
	parents []string
	message string
}

func (k *checker) read(ctx context.Context, sha string) (c commit, err error) {
	if !receipt.ValidCommit(sha) {
		return c, fmt.Errorf("%.80q is not the SHA of a commit", sha)
	}
	if kind, err := k.git.Run(ctx, "cat-file", "-t", sha); err != nil || strings.TrimSpace(kind) != "commit" {
		return c, errors.Join(errAbsent, ctx.Err())
	}
	raw, err := k.git.Run(ctx, "cat-file", "commit", sha)
	head, message, _ := strings.Cut(raw, "\n\n")
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "tree":
			c.tree = value
		case "parent":
			c.parents = append(c.parents, value)
		}
	}
	c.message = message
	return c, err
}

// changed lists the paths in which two commits differ.
func (k *checker) changed(ctx context.Context, one, other string) ([]string, error) {
	out, err := k.git.Run(ctx, "diff-tree", "-r", "-z", "--no-renames", "--name-only", one, other)
	return strings.FieldsFunc(out, func(r rune) bool { return r == 0 }), err
}

func (k *checker) isAncestor(ctx context.Context, one, other string) bool {
	_, err := k.git.Run(ctx, "merge-base", "--is-ancestor", one, other)
	return err == nil
}
