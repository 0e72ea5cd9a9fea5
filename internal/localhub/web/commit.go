package web

import (
	"bytes"
	"context"
	"encoding/json"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// commitItem is a commit in a list.
type commitItem struct {
	SHA, URL  string
	Title     string
	Author    string // the account's login, or the name in the commit
	AuthorURL string // of the account; empty: none
	AvatarURL string
	When      time.Time
	Day       string // of the first commit of a day in a list
}

// item shows a commit. It must be called outside of View.
func (q *request) item(c gitrepo.Commit) commitItem {
	title, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
	item := commitItem{SHA: c.SHA, URL: q.link("commit", c.SHA), Title: title, Author: c.Author.Name, When: c.Committer.When}
	q.site.DB.View(func(tx *state.Tx) {
		if u, ok := (shape.Builder{Tx: tx}).UserByEmail(c.Author.Email); ok {
			p := personOf(u)
			item.Author, item.AuthorURL, item.AvatarURL = p.Login, p.URL, p.Avatar
		}
	})
	if item.Title == "" {
		item.Title = "(no message)"
	}
	return item
}

func (q *request) items(commits []gitrepo.Commit) []commitItem {
	items := make([]commitItem, len(commits))
	day := ""
	for i, c := range commits {
		items[i] = q.item(c)
		if d := c.Committer.When.UTC().Format("2 January 2006"); d != day {
			day, items[i].Day = d, d
		}
	}
	return items
}

// latest is the last commit that changed the revision's path.
func (q *request) latest(ctx context.Context, rev revision) (commitItem, error) {
	commits, err := q.git.Log(ctx, gitrepo.LogOptions{Tip: rev.SHA, Path: rev.Path, Limit: 1})
	if err != nil || len(commits) == 0 {
		return commitItem{}, err
	}
	return q.item(commits[0]), nil
}

// commitsPage is the data of a list of commits.
type commitsPage struct {
	Rev     revision
	Crumbs  []crumb
	Name    string
	Commits []commitItem
	Paging  paging
}

func showCommits(q *request) error {
	rev, err := q.revision(q.PathValue("rest"))
	if err != nil {
		return err
	}
	p := q.paging(35)
	commits, err := q.git.Log(q.Context(), gitrepo.LogOptions{Tip: rev.SHA, Path: rev.Path, Skip: p.skip(), Limit: p.size + 1})
	if err != nil {
		return err
	}
	p = p.with(len(commits) > p.size)
	data := commitsPage{Rev: rev, Commits: q.items(commits[:min(len(commits), p.size)]), Paging: p}
	if rev.Path != "" {
		data.Crumbs, data.Name = q.crumbs(rev), path.Base(rev.Path)
	}
	return q.show("commits", "Commits on "+rev.Ref, data)
}

// commitPage is the data of one commit.
type commitPage struct {
	commitItem
	Body      string // of the message, without title and trailers
	Trailers  []trailer
	Committer string // when it is not the author
	Parents   []commitItem
	Tree      string // address of its files
	Checks    []checkItem
	Diff      diff
}

func showCommit(q *request) error {
	ctx := q.Context()
	sha, err := q.git.Resolve(ctx, q.PathValue("sha"))
	if err != nil {
		return err
	}
	c, err := q.git.Commit(ctx, sha)
	if err != nil {
		return err
	}
	p := commitPage{commitItem: q.item(c), Tree: q.link("tree", sha), Checks: q.checks(sha)}
	p.Body, p.Trailers = splitMessage(c.Message)
	if c.Committer.Email != c.Author.Email {
		p.Committer = c.Committer.Name
	}
	for _, parent := range c.Parents {
		p.Parents = append(p.Parents, commitItem{SHA: parent, URL: q.link("commit", parent)})
	}
	before := gitrepo.EmptyTree
	if len(c.Parents) > 0 {
		before = c.Parents[0]
	}
	if p.Diff, err = q.diff(ctx, before, sha); err != nil {
		return err
	}
	return q.show("commit", p.Title, p)
}

// trailer is a line "Key: value" at the end of a message. A JSON value is indented.
type trailer struct {
	Key, Value string
	JSON       bool
}

var trailerLine = regexp.MustCompile(`^([A-Za-z0-9][A-Za-z0-9-]*): +(.*)$`)

// splitMessage takes the title and the trailers (a last paragraph of nothing else) off a message.
func splitMessage(message string) (body string, trailers []trailer) {
	message = strings.TrimRight(strings.ReplaceAll(message, "\r\n", "\n"), "\n ")
	_, body, _ = strings.Cut(message, "\n")
	body = strings.Trim(body, "\n")
	start := strings.LastIndex(body, "\n\n") + 1
	for line := range strings.SplitSeq(strings.Trim(body[start:], "\n"), "\n") {
		m := trailerLine.FindStringSubmatch(line)
		if m == nil {
			return body, nil
		}
		trailers = append(trailers, newTrailer(m[1], m[2]))
	}
	return strings.TrimRight(body[:start], "\n"), trailers
}

func newTrailer(key, value string) trailer {
	var indented bytes.Buffer
	if strings.HasPrefix(value, "{") && json.Indent(&indented, []byte(value), "", "  ") == nil {
		return trailer{key, indented.String(), true}
	}
	return trailer{key, value, false}
}
