package web

import (
	"fmt"
	"path"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// serveBadge draws a workflow's badge: how its newest run on the default branch (or on ?branch=) ended.
func serveBadge(q *request) error {
	branch := q.FormValue("branch")
	if branch == "" {
		branch = q.repo.DefaultBranch
	}
	name, status := "", "no status"
	q.site.DB.View(func(tx *state.Tx) {
		for _, w := range q.workflows(tx) {
			if path.Base(w.File) == q.PathValue("file") {
				name, status = w.Name, lastStatus(tx, w, q.repo.ID, branch)
			}
		}
	})
	if name == "" {
		return errNotFound
	}
	colour := map[string]string{"success": "#1a7f37", "failure": "#c01f28"}[status]
	if colour == "" {
		colour = "#59636e"
	}
	q.w.Header().Set("Content-Type", "image/svg+xml")
	q.w.Header().Set("Content-Security-Policy", rawPolicy)
	_, err := q.w.Write([]byte(badgeSVG(name, status, colour)))
	return err
}

func lastStatus(tx *state.Tx, w workflowItem, repo int64, branch string) string {
	for r := range tx.Runs.Newest(repo) {
		if r.WorkflowID == w.ID && r.HeadBranch == branch && r.Status == "completed" {
			return r.Conclusion
		}
	}
	return "no status"
}

// badgeSVG gives each letter seven pixels: near enough for any font.
func badgeSVG(name, status, colour string) string {
	left, right := 7*len([]rune(name))+20, 7*len([]rune(status))+20
	label := string(escaped(name)) + ": " + string(escaped(status))
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="20" role="img" aria-label="%s"><title>%s</title>`+
		`<rect width="%d" height="20" rx="3" fill="#24292f"/><path d="M%d 0h%da3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-%dz" fill="%s"/>`+
		`<g fill="#fff" font-family="sans-serif" font-size="11" text-anchor="middle"><text x="%d" y="14">%s</text><text x="%d" y="14">%s</text></g></svg>`,
		left+right, label, label, left+right, left, right-3, right-3, colour, left/2, escaped(name), left+right/2, escaped(status))
}
