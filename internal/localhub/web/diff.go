package web

import (
	"context"
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
)

// What of a diff is shown. The rest can be read with git.
const (
	maxDiffFiles     = 300   // files
	maxDiffLines     = 10000 // lines of a page
	maxDiffFileLines = 2000  // lines of a file
)

// diff is what changed between two commits, ready to be shown.
type diff struct {
	Files                []diffFile
	Total                int // changed files, also those not shown
	Additions, Deletions int
	Note                 string // says what is left out; empty: nothing
}

// diffFile is one changed file.
type diffFile struct {
	gitrepo.FileChange
	ID   string // of its element
	URL  string // its content after the change; empty when it is gone
	Rows []diffRow
	Note string // why there are no rows
}

// diffRow is one line of a diff.
type diffRow struct {
	Kind     string // "hunk", "add", "del" or "same"
	Old, New int    // line numbers; 0: none
	Text     string
}

// Sign is what stands before the line in a diff.
func (r diffRow) Sign() string { return map[string]string{"add": "+", "del": "-", "same": " "}[r.Kind] }

// diff compares two commits of the repository; link addresses a file after the change.
func (q *request) diff(ctx context.Context, from, to string) (diff, error) {
	changes, err := q.git.Diff(ctx, from, to, true)
	if err != nil {
		return diff{}, err
	}
	d := newDiff(changes)
	for i, f := range d.Files {
		if f.Status != "removed" && f.Mode != "160000" {
			d.Files[i].URL = q.link("blob", to, f.Path)
		}
	}
	return d, nil
}

func newDiff(changes []gitrepo.FileChange) diff {
	d := diff{Total: len(changes)}
	left := maxDiffLines
	for i, c := range changes {
		d.Additions += c.Additions
		d.Deletions += c.Deletions
		if i >= maxDiffFiles {
			continue
		}
		f := diffFile{FileChange: c, ID: fmt.Sprintf("diff-%d", i)}
		f.Rows, f.Note = rows(c, min(left, maxDiffFileLines))
		left -= len(f.Rows)
		d.Files = append(d.Files, f)
	}
	if d.Total > maxDiffFiles {
		d.Note = fmt.Sprintf("This page shows the first %d of %d changed files. Read all of them with git diff.", maxDiffFiles, d.Total)
	}
	return d
}

// rows parses the hunks of a file. Without rows there is a note that says why.
func rows(c gitrepo.FileChange, limit int) ([]diffRow, string) {
	switch {
	case c.Binary:
		return nil, "Binary file: its content is not shown."
	case c.TooLarge:
		return nil, "This change is too large to be shown here."
	case c.Patch == "" && c.Status == "renamed":
		return nil, "File renamed without changes."
	case c.Patch == "":
		return nil, "No lines changed: the file is empty, or only its mode changed."
	case strings.Count(c.Patch, "\n") >= limit:
		return nil, "This change is too long to be shown here."
	}
	var all []diffRow
	var before, after int
	for line := range strings.SplitSeq(c.Patch, "\n") {
		row := diffRow{Kind: "same", Text: line}
		if line != "" {
			row.Text = line[1:]
		}
		switch {
		case strings.HasPrefix(line, "@@ "):
			row.Kind, row.Text = "hunk", line
			before, after = hunkStart(line)
		case strings.HasPrefix(line, `\`):
			row.Kind, row.Text = "hunk", strings.TrimPrefix(line, `\ `)
		case strings.HasPrefix(line, "+"):
			row.Kind, row.New = "add", after
			after++
		case strings.HasPrefix(line, "-"):
			row.Kind, row.Old = "del", before
			before++
		default:
			row.Old, row.New = before, after
			before, after = before+1, after+1
		}
		all = append(all, row)
	}
	return all, ""
}

// hunkStart reads "@@ -1,2 +3,4 @@ …".
func hunkStart(line string) (before, after int) {
	f := strings.Fields(line)
	if len(f) < 3 {
		return 0, 0
	}
	first := func(span string) (n int) {
		span, _, _ = strings.Cut(span[1:], ",")
		fmt.Sscan(span, &n)
		return n
	}
	return first(f[1]), first(f[2])
}
