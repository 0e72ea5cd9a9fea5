package web

import (
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
)

// servePlainDiff serves what changed between two commits as git writes it; nothing when there is no first one.
func (q *request) servePlainDiff(from, to string) error {
	var changes []gitrepo.FileChange
	if from != "" {
		var err error
		if changes, err = q.git.Diff(q.Context(), from, to, true); err != nil {
			return err
		}
	}
	q.w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, c := range changes {
		fmt.Fprint(q.w, unified(c)) // an error means that the client has gone
	}
	return nil
}

// unified is a change in the format of a unified diff.
func unified(c gitrepo.FileChange) string {
	before, after := c.Path, c.Path
	var head strings.Builder
	if c.OldPath != "" {
		before = c.OldPath
	}
	fmt.Fprintf(&head, "diff --git a/%s b/%s\n", before, after)
	from, to := "a/"+before, "b/"+after
	switch c.Status {
	case "added":
		fmt.Fprintf(&head, "new file mode %s\n", c.Mode)
		from = "/dev/null"
	case "removed":
		fmt.Fprintf(&head, "deleted file mode %s\n", c.Mode)
		to = "/dev/null"
	case "renamed":
		fmt.Fprintf(&head, "rename from %s\nrename to %s\n", before, after)
	}
	switch {
	case c.Binary:
		fmt.Fprintf(&head, "Binary files %s and %s differ\n", from, to)
	case c.Patch != "":
		fmt.Fprintf(&head, "--- %s\n+++ %s\n%s\n", from, to, c.Patch)
	}
	return head.String()
}
