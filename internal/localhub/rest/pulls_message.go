package rest

import (
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// text is the message of a merge or squash commit, and its author. What the request does not say is GitHub's default.
func (m *merge) text(log []gitrepo.Commit, actor gitrepo.Signature) (message string, author gitrepo.Signature) {
	var head state.Repository
	var opener state.User
	m.c.View(func(tx *state.Tx, _ shape.Builder) {
		head, _ = tx.Repositories.Get(m.p.HeadRepositoryID)
		opener, _ = tx.Users.Get(m.p.AuthorID)
	})
	title, body := fmt.Sprintf("Merge pull request #%d from %s/%s", m.p.Number, head.Owner, m.p.HeadRef), m.p.Title
	author = actor
	if m.in.Method == "squash" {
		author = signature(opener, m.c.Now())
		title, body = squashDefault(m.p, log, author)
	}
	if m.in.CommitTitle != nil && strings.TrimSpace(*m.in.CommitTitle) != "" {
		title = *m.in.CommitTitle
	}
	if m.in.CommitMessage != nil {
		body = *m.in.CommitMessage
	}
	if body = strings.TrimRight(body, "\n"); body != "" {
		body = "\n\n" + body
	}
	return title + body, author
}

// squashDefault is GitHub's default for a squash: of one commit its own message, of several their list; the authors other than the pull request's
// are named as co-authors.
func squashDefault(p state.Pull, log []gitrepo.Commit, author gitrepo.Signature) (title, body string) {
	suffix := fmt.Sprintf(" (#%d)", p.Number)
	if len(log) == 1 {
		title, body = splitMessage(log[0].Message)
		title += suffix
	} else {
		title = p.Title + suffix
		var items []string
		for _, c := range log {
			items = append(items, "* "+strings.TrimSpace(c.Message))
		}
		body = strings.Join(items, "\n\n")
	}
	if trailers := coAuthors(log, author); len(trailers) > 0 {
		rule := ""
		if len(log) > 1 {
			rule = "---------\n\n"
		}
		body = strings.TrimLeft(body+"\n\n"+rule+strings.Join(trailers, "\n"), "\n")
	}
	return title, body
}

func splitMessage(message string) (title, body string) {
	title, body, _ = strings.Cut(strings.TrimSpace(message), "\n")
	return strings.TrimSpace(title), strings.Trim(body, "\n")
}

func coAuthors(log []gitrepo.Commit, author gitrepo.Signature) (trailers []string) {
	seen := map[string]bool{strings.ToLower(author.Email): true}
	for _, c := range log {
		if key := strings.ToLower(c.Author.Email); !seen[key] {
			seen[key] = true
			trailers = append(trailers, fmt.Sprintf("Co-authored-by: %s <%s>", c.Author.Name, c.Author.Email))
		}
	}
	return trailers
}

// firstWorkflow is the first workflow file among the changes.
func firstWorkflow(files []gitrepo.FileChange) string {
	const folder = ".github/workflows/"
	for _, f := range files {
		for _, path := range []string{f.Path, f.OldPath} {
			if strings.HasPrefix(path, folder) {
				return path
			}
		}
	}
	return folder
}
