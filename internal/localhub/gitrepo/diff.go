package gitrepo

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// EmptyTree is git's well-known tree without entries; diff a root commit to it.
const EmptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

// maxPatch is the longest patch that is kept per file, in bytes; GitHub leaves
// out the patch of larger changes.
const maxPatch = 1 << 20

// FileChange is how one path differs between two trees.
type FileChange struct {
	Path     string
	OldPath  string // set when renamed
	Status   string // GitHub's words: added, removed, modified, renamed, changed
	SHA      string // blob after the change; of a removed file, the one before
	Mode     string // mode after the change; of a removed file, the one before
	Binary   bool
	Patch    string // hunks only; empty without a text change or when too large
	TooLarge bool   // the patch was left out for its length

	Additions, Deletions int
}

// Diff compares two commits or trees, with rename detection, paths in git's
// order. patches also fills Patch, which costs git more work. For what a pull
// request changes, diff its head to the merge base.
func (r *Repo) Diff(ctx context.Context, from, to string, patches bool) ([]FileChange, error) {
	if err := checkSHAs(from, to); err != nil {
		return nil, err
	}
	args := []string{"diff-tree", "-r", "-M", "-z", "--no-abbrev", "--no-ext-diff", "--no-textconv", "--raw", "--numstat"}
	if patches {
		args = append(args, "-p")
	}
	var changes []FileChange
	err := r.stream(ctx, command{args: append(args, from, to, "--")}, func(out io.Reader) (err error) {
		changes, err = parseDiff(bufio.NewReaderSize(out, 64<<10))
		return err
	})
	return changes, err
}

// parseDiff reads the output of diff-tree -z: raw records, then numbers of lines
// for the same files in the same order, then an empty record and the patches.
func parseDiff(in *bufio.Reader) ([]FileChange, error) {
	var changes []FileChange
	counted := 0
	for {
		rec, err := in.ReadString(0)
		if err == io.EOF && rec == "" {
			return changes, nil
		} else if err != nil {
			return nil, fmt.Errorf("git diff-tree: %w", err)
		}
		rec = rec[:len(rec)-1]
		switch {
		case rec == "":
			return changes, parsePatches(in, changes)
		case rec[0] == ':':
			c, err := parseRaw(rec, in)
			if err != nil {
				return nil, err
			}
			changes = append(changes, c)
		case counted < len(changes):
			if err := parseNumbers(rec, in, &changes[counted]); err != nil {
				return nil, err
			}
			counted++
		default:
			return nil, fmt.Errorf("git diff-tree: unexpected record %q", rec)
		}
	}
}

func parseRaw(rec string, in *bufio.Reader) (FileChange, error) {
	f := strings.Fields(rec[1:])
	if len(f) != 5 {
		return FileChange{}, fmt.Errorf("git diff-tree: unexpected record %q", rec)
	}
	path, err := field(in)
	c := FileChange{Path: path, Mode: f[1], SHA: f[3]}
	switch f[4][0] {
	case 'A':
		c.Status = "added"
	case 'D':
		c.Status, c.Mode, c.SHA = "removed", f[0], f[2]
	case 'R':
		c.Status, c.OldPath = "renamed", path
		c.Path, err = field(in)
	case 'T':
		c.Status = "changed"
	default:
		c.Status = "modified"
	}
	return c, err
}

// parseNumbers reads "added TAB deleted TAB path"; a renamed file has its two
// paths in records of their own; a binary file has dashes.
func parseNumbers(rec string, in *bufio.Reader, c *FileChange) error {
	f := strings.SplitN(rec, "\t", 3)
	if len(f) != 3 {
		return fmt.Errorf("git diff-tree: unexpected record %q", rec)
	}
	c.Binary = f[0] == "-"
	c.Additions, _ = strconv.Atoi(f[0])
	c.Deletions, _ = strconv.Atoi(f[1])
	if f[2] != "" {
		return nil
	}
	if _, err := field(in); err != nil {
		return err
	}
	_, err := field(in)
	return err
}

func field(in *bufio.Reader) (string, error) {
	s, err := in.ReadString(0)
	if err != nil {
		return "", fmt.Errorf("git diff-tree: %w", err)
	}
	return s[:len(s)-1], nil
}

// parsePatches gives each change its hunks. A changed type (file to symlink) has
// two sections: the removal and the addition.
func parsePatches(in *bufio.Reader, changes []FileChange) error {
	at, sections, inHunk := -1, 0, false
	var patch bytes.Buffer
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			switch {
			case bytes.HasPrefix(line, []byte("diff --git ")):
				inHunk = false
				if sections--; sections < 0 {
					keepPatch(changes, at, &patch)
					at++
					sections = 0
					if at < len(changes) && changes[at].Status == "changed" {
						sections = 1
					}
				}
			case bytes.HasPrefix(line, []byte("@@ ")):
				inHunk = true
			}
			if inHunk && patch.Len() <= maxPatch {
				patch.Write(line)
			}
		}
		if err == io.EOF {
			keepPatch(changes, at, &patch)
			return nil
		} else if err != nil {
			return fmt.Errorf("git diff-tree: %w", err)
		}
	}
}

// keepPatch moves the collected hunks into the change that they belong to.
func keepPatch(changes []FileChange, at int, patch *bytes.Buffer) {
	if at >= 0 && at < len(changes) {
		if changes[at].TooLarge = patch.Len() > maxPatch; !changes[at].TooLarge {
			changes[at].Patch = strings.TrimSuffix(patch.String(), "\n")
		}
	}
	patch.Reset()
}
