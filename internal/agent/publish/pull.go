package publish

import (
	"fmt"
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/githubjobs"
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
		fmt.Fprintf(&b, "%s\n\n", contained(githubjobs.Defuse(summary)))
	}
	writeFiles(&b, p.scan.changes)
	fmt.Fprintf(&b, "\n| | |\n|---|---|\n| Job | `%s` |\n| Kind | `%s` |\n| Base | <code>%s</code> |\n", p.JobID, p.job.spec.Kind, cell(p.job.spec.Base))
	if p.RunURL != "" {
		fmt.Fprintf(&b, "| Run | [attempt %d](%s) |\n", p.Attempt, p.RunURL)
	}
	if log := githubjobs.PlainText(tail(r.Log, maxLogTail)); log != "" {
		fence := fenceFor(log)
		fmt.Fprintf(&b, "\n<details>\n<summary>Log</summary>\n\n%s\n%s\n%s\n\n</details>\n", fence, githubjobs.Defuse(log), fence)
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
		fmt.Fprintf(b, "| %s | <code>%s</code> |\n", names[c.status], cell(short(c.path)))
	}
}

// cell is text that stays as it is within <code> in a table's cell, where GitHub
// acts upon nothing.
func cell(s string) string {
	s = html.EscapeString(s)
	return strings.NewReplacer("|", "&#124;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "\\", "&#92;", "~", "&#126;").Replace(s)
}

var (
	htmlTag   = regexp.MustCompile(`<([A-Za-z/!?])`)
	fenceLine = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})")
	backticks = regexp.MustCompile("`+")
)

// contained keeps Markdown from spilling over what follows it: HTML is shown, not
// used, and a code block that was left open is closed.
func contained(markdown string) string {
	var b strings.Builder
	open := ""
	for line := range strings.Lines(markdown) {
		fence := fenceLine.FindStringSubmatch(line)
		switch {
		case open == "" && fence != nil:
			open = fence[1]
		case open != "" && fence != nil && strings.HasPrefix(fence[1], open) && strings.TrimSpace(line) == fence[1]:
			open = ""
		case open == "":
			line = htmlTag.ReplaceAllString(line, "&lt;$1")
		}
		b.WriteString(line)
	}
	if open != "" {
		b.WriteString("\n" + open)
	}
	return b.String()
}

// fenceFor is a fence that no line of the text can close.
func fenceFor(text string) string {
	longest := 2
	for _, run := range backticks.FindAllString(text, -1) {
		longest = max(longest, len(run))
	}
	return strings.Repeat("`", longest+1)
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
