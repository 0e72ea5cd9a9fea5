package report

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/git"
)

// commit is one commit that is no merge.
type commit struct {
	SHA, Author, Mail, Subject string
	At                         time.Time // of the committer: when it came to be as it is
	JobID                      string    // of the job that it belongs to; empty for people's work
	Files                      []fileChange
}

type fileChange struct {
	Path           string // the new one, of a rename
	Added, Removed int    // lines; 0 for a binary file
}

// fields is the form in which git is asked to write a commit; no field can hold a NUL.
const fields = "%x00%H%x00%aN%x00%aE%x00%ct%x00%s%x00%(trailers:key=Job-Id,valueonly,separator=%x2C)" +
	"%x00%(trailers:key=Job-Spec,key=Job-Result,valueonly,separator=%x01)%x00"

// fieldCount is how many tokens they are, with the empty one before the first and after the last.
const fieldCount = 9

// skew is how far the clocks of committers may be wrong: git ends its walk at the
// first commits that are older than it is told.
const skew = 7 * 24 * time.Hour

// baseCommit is the commit that the job was created on: the parent of its own,
// which has the same tree.
func baseCommit(ctx context.Context, repo git.Git, job string) (string, error) {
	out, err := repo.Run(ctx, "rev-parse", "--verify", "--quiet", job+"^1")
	if err != nil {
		return "", fmt.Errorf("find the base of the job's commit %.12s: %w", job, err)
	}
	return strings.TrimSpace(out), nil
}

// history reads the commits up to tip that were made since then, newest first.
func history(ctx context.Context, repo git.Git, tip string, since time.Time) ([]commit, error) {
	out, err := repo.Run(ctx, "log", "-z", "--numstat", "-M", "--no-merges", "--format="+fields,
		"--since="+since.Add(-skew).Format(time.RFC3339), tip, "--")
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	all, err := parseLog(out)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	var commits []commit
	for _, c := range all {
		if !c.At.Before(since) {
			commits = append(commits, c)
		}
	}
	return commits, nil
}

// parseLog reads what git log wrote: for each commit an empty token, the fields,
// another empty token, and then a token or, for renames, three for each file.
func parseLog(out string) ([]commit, error) {
	tokens := strings.Split(out, "\x00")
	var commits []commit
	for i := 0; i < len(tokens)-1; {
		if tokens[i] != "" || len(tokens)-i < fieldCount {
			return nil, fmt.Errorf("git wrote %.40q where a commit begins", tokens[i])
		}
		seconds, err := strconv.ParseInt(tokens[i+4], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("commit %.12s has no time: %w", tokens[i+1], err)
		}
		c := commit{
			SHA: tokens[i+1], Author: tokens[i+2], Mail: tokens[i+3], At: time.Unix(seconds, 0).UTC(),
			Subject: tokens[i+5], JobID: jobOf(tokens[i+6], tokens[i+7]),
		}
		i += fieldCount
		for i < len(tokens) && tokens[i] != "" {
			change, used, err := parseChange(tokens[i:])
			if err != nil {
				return nil, fmt.Errorf("commit %.12s: %w", c.SHA, err)
			}
			c.Files = append(c.Files, change)
			i += used
		}
		commits = append(commits, c)
	}
	return commits, nil
}

// jobOf is the job that a commit's trailers name: the id in that of a merge, or the
// document in that of a commit which came from the job's branch as it was.
func jobOf(id, document string) string {
	if id != "" || document == "" {
		return id
	}
	var named struct{ ID string }
	first, _, _ := strings.Cut(document, "\x01")
	if json.Unmarshal([]byte(first), &named) != nil || !githubjobs.ValidID(named.ID) {
		return "" // somebody's own use of the word
	}
	return named.ID
}

func parseChange(tokens []string) (fileChange, int, error) {
	parts := strings.SplitN(strings.TrimPrefix(tokens[0], "\n"), "\t", 3)
	if len(parts) != 3 {
		return fileChange{}, 0, fmt.Errorf("git wrote %.40q where a file is", tokens[0])
	}
	// Binary files have "-" instead of numbers.
	added, _ := strconv.Atoi(parts[0])
	removed, _ := strconv.Atoi(parts[1])
	change, used := fileChange{Path: parts[2], Added: added, Removed: removed}, 1
	if change.Path == "" {
		if len(tokens) < 3 {
			return fileChange{}, 0, fmt.Errorf("git's output ends within a rename")
		}
		change.Path, used = tokens[2], 3
	}
	return change, used, nil
}
