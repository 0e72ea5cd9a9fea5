package publish

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
)

// Bounds of a pull request's body. GitHub takes 65,536 characters.
const (
	maxListed  = 50      // changed files
	maxLogTail = 8 << 10 // of the log
)

// pullText writes title and body of the pull request. Everything that came from the
// task or its caller is made harmless: it mentions nobody, closes nothing, and
// cannot break out of its place.
func pullText(p *publisher) (title, body string) {
	r := p.result
	var b strings.Builder
	if summary := githubjobs.PlainText(r.Summary); summary != "" {
		fmt.Fprintf(&b, "%s\n\n", markdown.Contain(githubjobs.Defuse(summary)))
	}
	writeFiles(&b, p.scan.changes)
	fmt.Fprintf(&b, "\n| | |\n|---|---|\n| Job | `%s` |\n| Kind | `%s` |\n| Base | %s |\n", p.Job, p.job.spec.Kind, markdown.Code(p.job.spec.Base))
	if p.RunURL != "" {
		fmt.Fprintf(&b, "| Run | [attempt %d](%s) |\n", p.Attempt, p.RunURL)
	}
	if log := githubjobs.PlainText(tail(r.Log, maxLogTail)); log != "" {
		fmt.Fprintf(&b, "\n<details>\n<summary>Log</summary>\n\n%s\n\n</details>\n", markdown.Block(githubjobs.Defuse(log)))
	}
	return githubjobs.Defuse(p.job.spec.Title), b.String()
}

func writeFiles(b *strings.Builder, changes []change) {
	b.WriteString("| | Changed file |\n|---|---|\n")
	names := map[byte]string{'A': "added", 'M': "modified", 'D': "deleted"}
	for i, c := range changes {
		if i == maxListed {
			fmt.Fprintf(b, "| | and %d more |\n", len(changes)-maxListed)
			break
		}
		fmt.Fprintf(b, "| %s | %s |\n", names[c.status], markdown.Code(short(c.path)))
	}
}

// tail is the last n bytes of a text, from the beginning of a line.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	if i := strings.IndexByte(s, '\n'); i >= 0 && i < n/2 {
		return s[i+1:]
	}
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return s
}
